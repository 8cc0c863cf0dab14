r"""Each loss's learning rate and gamma for Extended Yale B, chosen inside one training part.

    python -m benchmarks.represent_choices --data $SNELLEN_DATA/ExtendedYaleB/raw_pgm

What was tried before, without mirrored pictures and with other grids of the machines, needs
--set mirror=false --set 'svm_c=[1,10,100]' and

    --set 'svm_gamma=[0.1,0.3,1,3]' --gammas 0.5 0.7 1 --rates 1e-3 2e-3
    --set 'svm_gamma=[0.1,0.2,0.5,1,2]' --losses mse,mae --rates 2e-3  # ms-ssim[ones]: 1e-3
    --set 'svm_gamma=[0.1,0.3,1,3]' --gammas 1 --rates 1.5e-3 3e-3 6e-3 \
        --set optimizer=muon --set steps=2260 --set batch_size=64      # mae: not 3e-3

The pictures are those of the training part of the random split's first division, and no other: they
are divided anew, at random, and every loss gets the same trials. What has the lowest geometric mean
of the three errors (identity, azimuth, elevation) is best. The other divisions of a run hold out
pictures that were chosen on here: only its seed 0 is judged on pictures that no trial has seen.
Trials that are there already in the results are not run again; each names the commit it ran at.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import RESULTS, STARTED_AT, record
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.divisions import divide
from snellen.experiments.representation.features import codes_of
from snellen.experiments.representation.learning import Session, learn_to_reconstruct
from snellen.experiments.representation.planning import Data, Place, Plan, make_plan
from snellen.experiments.representation.scoring import judge
from snellen.experiments.settings import resolve
from snellen.training import launch_fabric

NAME = "represent_choices"
LOSSES = ("mse", "mae", "ms-ssim[ones]")
RATES = (1e-3, 2e-3, 4e-3)
GAMMAS = (0.5,)
# What else tells trials apart.
KEPT = ("steps", "batch_size", "optimizer", "shift", "mirror", "svm_c", "svm_gamma")


def inner_plan(config: RepresentationConfig) -> Plan:
    """A plan whose pictures are the training part of the first division."""
    plan = make_plan(config)
    rows = plan.places[0].division.train
    data = dataclasses.replace(
        plan.data,
        pixels=plan.data.pixels[rows],
        names=[plan.data.names[row] for row in rows.tolist()],
        columns=tuple(
            dataclasses.replace(column, values=column.values[rows]) for column in plan.data.columns
        ),
    )
    split = plan.splits[0]
    place = Place(split, 0, 0, divide(data, split, seed=0, fold=0))
    return dataclasses.replace(plan, data=data, places=(place,))


def errors_of(plan: Plan, loss: str, folder: Path) -> dict[str, float]:
    """Train under one loss, and return the error of each column on what the division holds out."""
    session = Session(folder, launch_fabric(), resume=False, console=None)
    (place,) = plan.places
    (code_size,) = plan.config.code_size
    outcome = learn_to_reconstruct(plan, place, code_size, loss, session)
    network = outcome.ema_network or outcome.network
    scored = judge(
        *(
            codes_of(network, plan.data.pixels[part], session.fabric.device)
            for part in (place.division.train, place.division.held_out)
        ),
        data=plan.data,
        place=place,
        method=loss,
        code_size=code_size,
        config=plan.config,
        cache=folder / "probes",
    )
    return {one.column: one.error for one in scored}


def geometric_mean(errors: dict[str, float]) -> float:
    """What is compared: halving one error counts as much as halving another."""
    return float(np.exp(np.mean(np.log(list(errors.values())))))


def main() -> None:
    """Run what has not been run, and keep every result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Extended Yale B as distributed")
    parser.add_argument("--losses", default=",".join(LOSSES), help="only these")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="only these")
    parser.add_argument("--gammas", type=float, nargs="+", default=GAMMAS, help="only these")
    parser.add_argument("--set", action="append", default=[], help="key=value of the configuration")
    options = parser.parse_args()
    asked = itertools.product(options.losses.split(","), options.gammas, options.rates)
    for loss, gamma, rate in asked:
        config = resolve(
            RepresentationConfig,
            preset="poster",
            options={
                "data": f"yale:{options.data}",
                "splits": "random",
                "losses": loss,
                "gamma": gamma,
                "learning_rates": {loss: rate},  # it goes before learning_rate
            },
            assignments=options.set,
        )
        # What else the preset says belongs to a trial: with other steps it is another one.
        rest = config.model_dump(mode="json", include=set(KEPT))
        trial: dict[str, Any] = {"loss": loss, "gamma": gamma, "rate": rate, **rest}
        if any(trial.items() <= done.items() for done in known_trials()):
            continue
        plan = inner_plan(config)
        with tempfile.TemporaryDirectory() as folder:
            errors = errors_of(plan, loss, Path(folder))
        trial |= {**errors, "geometric_mean": geometric_mean(errors), "commit": STARTED_AT}
        # Another process may have added some meanwhile.
        found = sorted([*known_trials(), trial], key=lambda t: (t["loss"], t["gamma"], t["rate"]))
        record(NAME, numbers(found, plan.data, config))


def known_trials() -> list[dict[str, Any]]:
    """The trials that are in the results already."""
    kept = RESULTS / f"{NAME}.json"
    trials: list[dict[str, Any]] = []
    return json.loads(kept.read_text())["numbers"]["trials"] if kept.exists() else trials


def numbers(trials: list[dict[str, Any]], data: Data, config: RepresentationConfig) -> Any:
    """What is kept: every trial, and for each loss the one with the lowest errors."""
    best = {
        loss: min((t for t in trials if t["loss"] == loss), key=lambda t: t["geometric_mean"])
        for loss in dict.fromkeys(t["loss"] for t in trials)
    }
    varied = {"data", "learning_rate", "learning_rates", "losses", "gamma", *KEPT}
    return {
        "judged_on": f"a quarter of the {len(data)} pictures of the training part",
        "best": {loss: {key: t[key] for key in ("gamma", "rate")} for loss, t in best.items()},
        "trials": trials,
        "config": config.model_dump(mode="json", exclude=varied),
    }


if __name__ == "__main__":
    main()
