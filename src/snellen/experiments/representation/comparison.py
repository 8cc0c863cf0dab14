"""LEARNED REPRESENTATIONS: the same autoencoder under each loss, and what its code can tell.

For each division of the pictures, an autoencoder learns under each loss from the training part,
without labels; it is frozen, and machines learn to tell the labels from its codes, on the same
training part. The pictures that are held out are seen by neither.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

from snellen.experiments.autoencoders import network_for
from snellen.experiments.evaluation import evaluate
from snellen.experiments.generation import generate, variational_measures
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.features import (
    codes_of,
    pixels_of,
    principal_components,
)
from snellen.experiments.representation.knowledge import Looked, know, look
from snellen.experiments.representation.learning import (
    SUPERVISED,
    Session,
    learn_labels,
    learn_to_reconstruct,
)
from snellen.experiments.representation.planning import Place, Plan, describe, make_plan
from snellen.experiments.representation.scoring import judge
from snellen.experiments.representation.writing import Found, show, write_results
from snellen.experiments.running import refuse_other_pictures, say, working_in
from snellen.training import Outcome, launch_fabric, on_first_process

__all__ = ["run_representation"]

logger = logging.getLogger("snellen")

Features = NDArray[np.floating]

RECONSTRUCTED = ("psnr", "ssim", "ms_ssim")


def run_representation(
    config: RepresentationConfig,
    out: Path,
    *,
    command: str,
    resume: bool = False,
    console: Console | None = None,
) -> dict[str, Any] | None:
    """Train, probe, compare and report into the folder `out`.

    Args:
        config: what to do.
        out: the run folder; it must not exist unless `resume`.
        command: the command line, for the records.
        resume: go on where an earlier run into `out` stopped.
        console: where progress is shown; None shows nothing.

    Returns:
        The content of results.json, or None on all processes but the first.

    Raises:
        UserError: bad input, or an `out` that exists.
        Interrupted: stopped by a signal, with the state saved.
    """
    plan = make_plan(config)
    fabric = launch_fabric()
    with working_in(out, config, fabric, command=command, resume=resume):
        marks = {"data": plan.data.fingerprint}
        what = "pictures or labels"
        refuse_other_pictures(marks, out, fabric, shown=config.data, what=what)
        shown = console if fabric.is_global_zero else None
        say(describe(plan), shown)
        work = _Work(plan, Session(out, fabric, resume, shown))
        for place in plan.places:
            work.do(place)
        results: list[dict[str, Any]] = []

        def write() -> None:
            results.append(write_results(plan, out, work.found))

        on_first_process(fabric, write)
        logger.info("finished: %s", out / "results.json")
    return results[0] if results else None


@dataclass
class _Work:
    """The trainings and searches of one run, and what they have found so far."""

    plan: Plan
    session: Session
    found: Found = field(default_factory=Found)
    _looked: Looked | None = None

    def do(self, place: Place) -> None:
        """Train and judge everything in one division."""
        plan, config = self.plan, self.plan.config
        pixels = plan.data.pixels
        train, held_out = pixels[place.division.train], pixels[place.division.held_out]
        first = config.code_size[0]
        if "pixels" in config.baselines:
            raw = self.on_first(lambda: (pixels_of(train), pixels_of(held_out)))
            for code_size in config.code_size:
                self.judge("pixels", raw, place, code_size, None, known=code_size == first)
        for code_size in config.code_size:
            known = code_size == first
            for loss in config.losses:
                outcome = learn_to_reconstruct(plan, place, code_size, loss, self.session)
                network = self.finished(outcome)
                self.judge(loss, self.codes(network, place), place, code_size, network, known=known)
                if known:
                    self.show(loss, network, place)
            if "pca" in config.baselines:
                found = self.on_first(
                    lambda size=code_size: principal_components(train, held_out, size)
                )
                self.judge("pca", found, place, code_size, None, known=known)
            if "untrained" in config.baselines:
                network = network_for(config, code_size, place.seed).to(self.session.fabric.device)
                codes = self.codes(network, place)
                self.judge("untrained", codes, place, code_size, network, known=known)
            if SUPERVISED in config.baselines:
                outcome = learn_labels(plan, place, code_size, self.session)
                network = self.finished(outcome)
                codes = self.codes(network, place)
                self.judge(SUPERVISED, codes, place, code_size, None, known=known)

    def finished(self, outcome: Outcome) -> nn.Module:
        """Keep the outcome's records, and return the network that is judged."""
        network = outcome.ema_network or outcome.network
        self.found.seconds += outcome.seconds
        self.found.precision = outcome.precision
        return network

    def on_first(self, compute: Any) -> Any:
        """Compute on the first process only; the others have nothing to judge."""
        return compute() if self.session.fabric.is_global_zero else None

    def codes(self, network: nn.Module, place: Place) -> tuple[Features, Features] | None:
        """The codes of the training part and of the held-out part."""
        pixels, device = self.plan.data.pixels, self.session.fabric.device
        division = place.division
        found: tuple[Features, Features] | None = self.on_first(
            lambda: (
                codes_of(network, pixels[division.train], device),
                codes_of(network, pixels[division.held_out], device),
            )
        )
        return found

    def judge(
        self,
        method: str,
        features: tuple[Features, Features] | None,
        place: Place,
        code_size: int,
        network: nn.Module | None,
        *,
        known: bool,
    ) -> None:
        """Search the machines, and for the division that is shown look further."""
        if features is None:
            return
        logger.info("reading %s, %s, seed %d", method, place.split.title, place.seed)
        plan, session = self.plan, self.session
        train, held_out = features
        with _status(session, f"{method}, {place.split.title}, seed {place.seed}: reading"):
            self.found.scored += judge(
                train,
                held_out,
                data=plan.data,
                place=place,
                method=method,
                code_size=code_size,
                config=plan.config,
                cache=session.root / "probes",
            )
            if known and place.is_shown and place.split is plan.splits[0]:
                self.found.known[method] = know(
                    method,
                    train,
                    held_out,
                    self.looked(place),
                    network=network,
                    device=session.fabric.device,
                )

    def looked(self, place: Place) -> Looked:
        """The pictures that are looked into, chosen once."""
        if self._looked is None:
            self._looked = look(self.plan.data, place, self.plan.config.svm_pictures)
        return self._looked

    def show(self, loss: str, network: nn.Module, place: Place) -> None:
        """Measure the reconstructions, and keep a few to show."""
        if not self.session.fabric.is_global_zero:
            return
        device, split = self.session.fabric.device, place.split
        pixels = torch.from_numpy(self.plan.data.pixels[place.division.held_out])
        evaluation = evaluate(network, pixels, device)
        means = {name: float(evaluation.measures[name].mean()) for name in RECONSTRUCTED}
        self.found.qualities.setdefault((split.name, loss), []).append(means)
        if (used := variational_measures(network, pixels, device)) is not None:
            self.found.variational.setdefault((split.name, loss), []).append(used)
        if place.is_shown and split is self.plan.splits[0]:
            shown = self.found.shown = self.found.shown or show(self.plan, place)
            shown.reconstructions[loss] = evaluation.pixels[shown.chosen]
            shown.generated[loss] = generate(network, pixels[shown.pairs], device)


def _status(session: Session, text: str) -> Any:
    if session.console is None or not session.console.is_terminal:
        return ExitStack()
    return session.console.status(text)
