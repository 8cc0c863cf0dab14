"""The poster's table over seeds: more trainings of the preset `poster`, beside the shipped weights.

    python -m benchmarks.superres_seeds --data $SNELLEN_DATA --seeds 1,2 --out runs/seeds

trains SRCNN by 4 under MSE and under the mix of the presets, exactly as the shipped weights were
trained but for the seed, and judges all of them, the shipped ones as seed 0, on Set5, Set14 and
BSD200 under the protocol `poster`: means of each seed, their spread, and differences paired by
picture and seed. It goes on where an earlier call with the same `--out` stopped.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.keep_results import portable, rounded
from benchmarks.record import record, shown_command
from snellen.experiments.evaluation import VALIDATION_MEASURES
from snellen.experiments.running import loss_for
from snellen.experiments.settings import resolve
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
from snellen.experiments.super_resolution.evaluation import Method, NetworkMethod, bicubic
from snellen.experiments.super_resolution.methods import method_named
from snellen.experiments.super_resolution.planning import Plan, make_plan, network_for
from snellen.experiments.super_resolution.results import MEASURES, SetTable, tables_in_json
from snellen.experiments.super_resolution.scores import judge
from snellen.training import checkpoint_place, launch_fabric, train

SHIPPED = {"mse": "shipped:mse", "ms-ssim[ones]+10*mse": "shipped:ms-ssim"}


def configuration(data: Path) -> SuperResolutionConfig:
    """Return the preset `poster` as the shipped weights were trained with it."""
    return resolve(
        SuperResolutionConfig,
        preset="poster",
        options={
            "train": f"{data}/BSDS500/train,{data}/T91",
            "benchmarks": str(data),
            "losses": ",".join(SHIPPED),
            "leave_out_leaks": True,
        },
        assignments=[f"validation={data}/BSDS500/val"],
    )


def trained(plan: Plan, loss: str, seed: int, out: Path) -> Method:
    """Train under one loss, or take what is there already, and return the judged network."""
    outcome = train(
        network_for(plan.config, seed),
        loss_for(loss, seed),
        partial(plan.stream, seed),
        options=plan.config.training_options(loss, plan.budget.steps),
        folder=out / checkpoint_place(loss, seed),
        root=out,
        loss_name=loss,
        seed=seed,
        fabric=launch_fabric(),
        validation=plan.validation,
        measures=VALIDATION_MEASURES,
        resume=True,
        progress=Console(stderr=True),
    )
    return NetworkMethod(outcome.ema_network or outcome.network, f"{loss}, seed {seed}")


def tables(plan: Plan, methods: dict[str, list[Method]]) -> list[SetTable]:
    """Measure bicubic and every network on every picture of every set."""
    found = []
    for each in plan.judged:
        rows = {
            loss: [judge(plan, each, method).measures for method in seeds]
            for loss, seeds in methods.items()
        }
        losses = {
            loss: {name: np.stack([row[name] for row in seeds]) for name in MEASURES}
            for loss, seeds in rows.items()
        }
        plain = judge(plan, each, bicubic).measures
        found.append(SetTable(each.name, each.names, each.sources, plain, losses))
    return found


def main() -> None:
    """Train what is missing, judge, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="holds BSDS500, T91 and the sets")
    parser.add_argument("--seeds", default="1,2", help="beside seed 0, separated by commas")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the trainings")
    options = parser.parse_args()
    plan = make_plan(configuration(options.data))
    seeds = [int(seed) for seed in options.seeds.split(",")]
    methods: dict[str, list[Method]] = {
        loss: [method_named(name, plan.config.scale)] for loss, name in SHIPPED.items()
    }
    for seed in seeds:
        for loss in SHIPPED:
            methods[loss].append(trained(plan, loss, seed, options.out))
    measured = tables_in_json(tables(plan, methods), plan.config.scale)
    numbers: dict[str, Any] = {
        "protocol": plan.config.protocol,
        "scale": plan.config.scale,
        "output_pixels": plan.config.output_pixels,
        "seeds": [0, *seeds],
        "seed_0": list(SHIPPED.values()),
        **{key: measured[key] for key in ("sets", "losses", "differences")},
    }
    record("superres_seeds", rounded(numbers), portable(shown_command()))


if __name__ == "__main__":
    main()
