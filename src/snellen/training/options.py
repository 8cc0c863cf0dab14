"""What a training may be told, and what follows from it: the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from snellen.errors import UserError, nearest

__all__ = ["TrainingOptions", "learning_rate_at"]

SCHEDULES = ("cosine", "constant")
OPTIMIZERS = ("adamw", "muon")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class TrainingOptions:
    """How long, how fast and how carefully to train.

    Args:
        steps: optimizer steps in all.
        batch_size: pictures in a step, over all processes together.
        optimizer: ``adamw``, or ``muon`` for weights that are matrices and AdamW for the rest.
        learning_rate: the highest learning rate.
        schedule: ``cosine`` (falls to 0 at the last step) or ``constant``.
        warmup: fraction of the steps, in [0, 1), during which the rate rises linearly from 0.
        weight_decay: decoupled weight decay.
        clip_norm: largest norm of the gradient, above which it is scaled down; None for no limit.
        ema: decay of the exponential moving average of the weights, in (0, 1), such as .999; the
            average is evaluated and saved beside the weights. None for no average.
        precision: ``fp32``; ``bf16`` (the network under bfloat16 autocast, weights and losses in
            float32); ``auto`` = bf16 where the hardware computes in it, else fp32.
        validate_every: steps between validations (there is always one at the end).
        checkpoint_every: steps between checkpoints (there is always one at the end).
        keep_last: checkpoints kept besides the best one.
        log_every: steps between rows of the log.

    Raises:
        UserError: a value that cannot be used.

    >>> TrainingOptions(steps=1000).batch_size
    64
    """

    steps: int
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    warmup: float = 0.02
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    ema: float | None = None
    precision: str = "auto"
    validate_every: int = 500
    checkpoint_every: int = 500
    keep_last: int = 2
    log_every: int = 50

    def __post_init__(self) -> None:
        for name in (
            "steps",
            "batch_size",
            "validate_every",
            "checkpoint_every",
            "keep_last",
            "log_every",
        ):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, not {getattr(self, name)}.")
        for name, words in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("precision", PRECISIONS),
        ):
            value = getattr(self, name)
            if value not in words:
                raise UserError(
                    f"{name} must be one of {', '.join(words)}, not {value!r}."
                    f"{nearest(str(value), words)}"
                )
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise UserError(f"learning_rate must be a positive number, not {self.learning_rate}.")
        if not 0 <= self.warmup < 1:
            raise UserError(f"warmup is a fraction of the steps in [0, 1), not {self.warmup}.")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise UserError(f"weight_decay must be 0 or more, not {self.weight_decay}.")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise UserError(f"clip_norm must be positive, or null for none, not {self.clip_norm}.")
        if self.ema is not None and not 0 < self.ema < 1:
            raise UserError(f"ema is a decay in (0, 1), or null for none, not {self.ema}.")


def learning_rate_at(step: int, options: TrainingOptions) -> float:
    """Return the learning rate of step `step`, counted from 0: a function of the step alone.

    >>> options = TrainingOptions(steps=100, learning_rate=1.0, warmup=0.1)
    >>> [round(learning_rate_at(step, options), 3) for step in (0, 9, 10, 55, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    rising = round(options.warmup * options.steps)
    if step < rising:
        return options.learning_rate * (step + 1) / rising
    if options.schedule == "constant":
        return options.learning_rate
    progress = (step - rising) / max(1, options.steps - rising)
    return options.learning_rate * (1 + math.cos(math.pi * progress)) / 2
