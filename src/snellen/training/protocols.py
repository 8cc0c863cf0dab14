"""What the training loop asks of those who call it, and who it says it is training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

__all__ = ["Batch", "BatchFactory", "LossSchedule", "OwnObjective", "Subject"]


class Batch(Protocol):
    """This process's share of the pictures of one step.

    It may also have `inputs`, float32 (n, C, s, s) in [0, 1]: what the network is fed where that
    is not the pictures themselves; and `targets`, float32 (n, …): what it should return where that
    is not the pictures.
    """

    @property
    def step(self) -> int:
        """The step, counted from 0."""
        ...

    @property
    def pixels(self) -> Tensor:
        """The pictures that the network should return, uint8 (n, C, S, S)."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Where each picture comes from."""
        ...


class BatchFactory(Protocol):
    """Opens the stream of batches from a step on; what it returns is closed if it can be."""

    def __call__(self, start_step: int, rank: int, world_size: int, /) -> Any:
        """Return an iterable of `Batch`, one for each step from `start_step` on."""
        ...


class LossSchedule(Protocol):
    """Which loss is in force after which fraction of the training."""

    def at(self, fraction: float, /) -> nn.Module:
        """Return the loss in force at `fraction` of the steps, in [0, 1]."""
        ...


class OwnObjective(Protocol):
    """A network that minimises more than the loss, such as a variational autoencoder.

    Whatever network has this method is asked for it once in each step, after its forward pass in
    training mode and after the loss. The log then has the loss as ``value``, which is comparable
    to that of a validation and of other networks, and what was minimised as ``objective``.
    """

    def objective(self, loss: Tensor, fraction: float, /) -> Tensor:
        """Return what to minimise, one number.

        Args:
            loss: of this process's share of the batch, one number.
            fraction: of the steps that are done, in [0, 1).
        """
        ...


@dataclass(frozen=True)
class Subject:
    """Which training of a run this is: its loss, seed and what else tells it from its sisters."""

    loss: str
    seed: int
    tags: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, str | int]:
        """The fields that every row of its log carries."""
        return {"loss": self.loss, "seed": self.seed, **self.tags}

    def __str__(self) -> str:
        more = [f"{name} {value}" for name, value in self.tags.items()]
        return ", ".join([f"{self.loss}, seed {self.seed}", *more])
