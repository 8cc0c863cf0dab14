"""What changes while a network is trained, and how it goes into a checkpoint and comes back."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from snellen.errors import UserError
from snellen.files import remove_leftovers
from snellen.training.checkpoints import (
    Checkpoint,
    check_same_network,
    latest_checkpoint,
    list_checkpoints,
)
from snellen.training.optimizers import Optimizers
from snellen.training.options import TrainingOptions
from snellen.training.precision import resolve_precision
from snellen.training.processes import broadcast_tensors, on_first_process
from snellen.training.protocols import Subject

__all__ = ["TrainingState"]

# Options that change the weights: a resumed training must have the same ones.
BINDING = (
    "steps",
    "batch_size",
    "optimizer",
    "learning_rate",
    "schedule",
    "warmup",
    "weight_decay",
    "clip_norm",
    "ema",
    "precision",
)


class TrainingState:
    """The network, its average, the optimizers, and the time they have taken.

    Args:
        network: the network; it is moved to the device and trained in place.
        options: how to train; `self.options` has the precision resolved.
        device: where to train.
    """

    def __init__(self, network: nn.Module, options: TrainingOptions, device: torch.device) -> None:
        precision = resolve_precision(options.precision, device)
        self.options = dataclasses.replace(options, precision=precision)
        self.network = network.to(device)
        # A compiled network is wrapped; saved and averaged is the network as it was written.
        self.bare: nn.Module = getattr(network, "_orig_mod", network)
        self.average = copy.deepcopy(self.bare).requires_grad_(False) if options.ema else None
        trained = ((n, p) for n, p in self.bare.named_parameters() if p.requires_grad)
        self.optimizers = Optimizers(trained, self.options, device)
        self.seconds = 0.0

    def clip(self) -> Tensor:
        """Scale the gradient down to the largest norm allowed, and return the norm it had."""
        parameters = self.optimizers.named.values()
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if self.options.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.options.clip_norm, norm)
        return norm

    @torch.no_grad()
    def update_average(self, step: int) -> None:
        """Move the average towards the weights; faster at first, when these are still far off."""
        if self.average is None or self.options.ema is None:
            return
        decay = min(self.options.ema, (1 + step) / (10 + step))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.bare.parameters()), 1 - decay
        )
        for mine, theirs in zip(self.average.buffers(), self.bare.buffers(), strict=True):
            mine.copy_(theirs)

    def share_buffers(self, fabric: Fabric) -> None:
        """Give the first process's buffers to all, as its next forward pass would.

        Running statistics, which each process takes from its own pictures, differ between them.
        """
        for network in (self.bare, self.average):
            if network is not None and fabric.world_size > 1:
                for buffer in network.buffers():
                    torch.distributed.broadcast(buffer, 0)

    def binding(self) -> dict[str, Any]:
        """Return the options that a resumed training must share."""
        return {name: getattr(self.options, name) for name in BINDING}

    def checkpoint(self, step: int, rest: dict[str, Any]) -> Checkpoint:
        """Return the checkpoint of `step`, with `rest` in its JSON."""
        return Checkpoint(
            step=step,
            network=self.bare.state_dict(),
            optimizer=self.optimizers.tensors(),
            ema=None if self.average is None else self.average.state_dict(),
            state={"options": self.binding(), "seconds": self.seconds, **rest},
        )

    def restore(
        self, fabric: Fabric, folder: Path, subject: Subject, *, resume: bool
    ) -> tuple[int, dict[str, Any], list[str]]:
        """Load the newest whole checkpoint of `folder`, read by the first process for all.

        Returns:
            Its step (0 without one), its JSON, and notes about damaged ones.

        Raises:
            UserError: checkpoints without `resume`, or of another network, options or subject.
        """
        found: list[Checkpoint] = []

        def read() -> tuple[int, dict[str, Any], list[str]]:
            notes: list[str] = []
            if not resume and list_checkpoints(folder):
                raise UserError(
                    f"there are checkpoints in {folder} already: go on from them with --resume, "
                    "or name another --out."
                )
            remove_leftovers(folder)
            checkpoint = latest_checkpoint(folder, notes.append) if resume else None
            if checkpoint is None:
                return 0, {}, notes
            self._check(checkpoint, folder / f"step-{checkpoint.step:08d}", subject)
            found.append(checkpoint)
            return checkpoint.step, dict(checkpoint.state), notes

        step, state, notes = on_first_process(fabric, read)
        if step:
            source = found[0] if found else None
            self.bare.load_state_dict(broadcast_tensors(fabric, source.network if source else None))
            tensors = broadcast_tensors(fabric, source.optimizer if source else None)
            self.optimizers.restore(tensors)
            if self.average is not None:
                average = broadcast_tensors(fabric, source.ema if source else None)
                self.average.load_state_dict(average)
            self.seconds = float(state["seconds"])
        return step, state, notes

    def _check(self, checkpoint: Checkpoint, path: Path, subject: Subject) -> None:
        check_same_network(self.bare, checkpoint.network, path)
        # Before there was a choice, AdamW was the optimizer.
        then = {"optimizer": "adamw", **checkpoint.state["options"], **checkpoint.state["subject"]}
        for name, value in {**self.binding(), **subject.fields}.items():
            if then.get(name) != value:
                raise UserError(
                    f"the checkpoint {path} was made with {name} {then.get(name)!r}, and {value!r} "
                    "was asked for now: resume with the same settings, or name another --out."
                )
