"""Losses and gradient norms on their way from the device; the end of a run that they spoil."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import torch
from lightning_fabric import Fabric
from torch import Tensor

from snellen.errors import UserError
from snellen.files import atomic_write
from snellen.training.checkpoints import list_checkpoints
from snellen.training.processes import on_first_process, sum_over
from snellen.training.protocols import Subject

__all__ = ["Readings"]

NAMED = 16  # files that the message names; the report beside the checkpoints lists all


class Readings:
    """Collects the loss and gradient norm of each step without making the device wait.

    Args:
        fabric: over whose processes the losses are averaged.
        subject: whom the error message is about.
        steps: steps in all.
        folder: where a report of values that are not finite goes.
    """

    def __init__(self, fabric: Fabric, subject: Subject, steps: int, folder: Path) -> None:
        self.fabric, self.subject, self.steps, self.folder = fabric, subject, steps, folder
        # Loss, norm and, of a network with an objective of its own, that, for each step since the
        # last row.
        self.interval: list[list[float]] = []
        self.latest: float | None = None
        self._unread: list[tuple[int, Tensor, Sequence[str]]] = []

    def add(
        self,
        step: int,
        loss: Tensor,
        norm: Tensor,
        names: Sequence[str],
        objective: Tensor | None = None,
    ) -> None:
        """Note the values of step `step`, counted from 0, which stay on their device for now."""
        more = [] if objective is None else [objective.detach()]
        self._unread.append((step, torch.stack([loss.detach(), norm, *more]), names))

    def read(self) -> None:
        """Fetch all values noted so far.

        Called before anything is saved: weights that a bad step has spoiled reach no checkpoint.

        Raises:
            UserError: a value is not finite, on every process alike.
        """
        if not self._unread:
            return
        # To the CPU first: Apple's GPUs have no float64.
        values = torch.stack([value for _, value, _ in self._unread]).cpu().double()
        # Summed over the processes, so that all see the same bad step and none waits for another.
        means = sum_over(self.fabric, values) / self.fabric.world_size
        for (step, _, names), row in zip(self._unread, means.tolist(), strict=True):
            loss, norm, *more = row
            if not all(map(math.isfinite, row)):
                # What is minimised, where that is more than the loss, is not finite either.
                self._refuse(step, sum(more, loss), norm, names)
            self.interval.append(row)
            self.latest = loss
        self._unread.clear()

    def take_interval(self) -> tuple[float, float, float | None]:
        """Return mean loss, largest gradient norm and mean objective since the last call.

        The objective is None where it is the loss itself. The next interval begins.
        """
        losses, norms, *more = zip(*self.interval, strict=True)
        self.interval = []
        objective = math.fsum(more[0]) / len(more[0]) if more else None
        return math.fsum(losses) / len(losses), max(norms), objective

    def _refuse(self, step: int, loss: float, norm: float, names: Sequence[str]) -> NoReturn:
        shares: list[list[str]] = [list(names)]
        if self.fabric.world_size > 1:
            shares = [[] for _ in range(self.fabric.world_size)]
            torch.distributed.all_gather_object(shares, list(names))
        files = list(dict.fromkeys(name for share in shares for name in share))
        report = self.folder / f"not-finite-step-{step + 1:08d}.json"
        content = {
            **self.subject.fields,
            "step": step + 1,
            "value": repr(loss),
            "gradient_norm": repr(norm),
            "files": files,
        }

        def write() -> Path | None:
            atomic_write(report, json.dumps(content, indent=1))
            return next(iter(reversed(list_checkpoints(self.folder))), None)

        kept = on_first_process(self.fabric, write)
        what = "gradient" if math.isfinite(loss) else "loss"
        more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
        raise UserError(
            f"the {what} of {self.subject} is not finite at step {step + 1} of {self.steps}; its "
            f"batch held {', '.join(files[:NAMED])}{more} (all in {report}). "
            f"{f'The last good checkpoint is {kept}.' if kept else 'There was no checkpoint yet.'} "
            "Try a lower learning rate, such as half of it."
        )
