"""A training step of the demo's network under MS-SSIM beside the same under MSE."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.comparison.turns import ratios, spread
from snellen.datasets.crops import CropStream
from snellen.experiments.autoencoders import network_for
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.planning import Plan, crop_options, make_plan
from snellen.experiments.running import loss_for
from snellen.experiments.settings import resolve
from snellen.training import TrainingOptions, launch_fabric, train

LOSSES = ("mse", "ms-ssim")


def options_of(config: ReconstructionConfig, loss: str, steps: int) -> TrainingOptions:
    """Return the demo's options of training, for `steps` steps without stops between them."""
    shared = {field.name for field in fields(TrainingOptions)} & set(type(config).model_fields)
    settings = config.model_dump(include=shared)
    never = {"validate_every": 10**9, "checkpoint_every": 10**9}
    return TrainingOptions(
        **{**settings, **never, "steps": steps, "learning_rate": config.rate(loss)}
    )


def seconds_per_step(plan: Plan, loss: str, steps: int) -> float:
    """Train anew and return the time in steps, of which decoding and cropping are part."""
    config, fold = plan.config, plan.folds[0]

    def batches(start_step: int, rank: int, world_size: int) -> CropStream:
        return CropStream(
            fold.pictures,
            fold.train,
            crop_options(config),
            batch_size=config.batch_size,
            steps=steps,
            seed=0,
            start_step=start_step,
            rank=rank,
            world_size=world_size,
        )

    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            network_for(config, config.code_size[0], 0),
            loss_for(loss, 0),
            batches,
            options=options_of(config, loss, steps),
            folder=Path(folder) / "checkpoints" / loss / "seed-0",
            loss_name=loss,
            fabric=launch_fabric(),
            progress=False,
        )
    return outcome.seconds / steps


def demo_step(rounds: int, steps: int) -> dict[str, Any]:
    """Return milliseconds of a step under each loss, and their ratio round by round."""
    plan = make_plan(resolve(preset="demo"))
    found: dict[str, list[float]] = {loss: [] for loss in LOSSES}
    for number in range(rounds + 1):
        for loss in LOSSES if number % 2 else LOSSES[::-1]:
            seconds = seconds_per_step(plan, loss, steps)
            if number:  # the first round warms up
                found[loss].append(seconds)
    mse, ms_ssim = (found[loss] for loss in LOSSES)
    return {
        "steps_a_round": steps,
        "ms": {loss: spread([1000 * s for s in found[loss]]) for loss in LOSSES},
        "ms_ssim_over_mse": ratios(ms_ssim, mse),
    }
