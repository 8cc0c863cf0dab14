"""Tallies put together over the processes of torch.distributed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

__all__ = ["fingerprint", "reduce_over_processes"]

# Short enough to be added up over a million processes.
_FINGERPRINT_DIGITS = 10


def fingerprint(text: str) -> str:
    """Return ten hexadecimal digits that stand for a text.

    >>> fingerprint("mse()") == fingerprint("mae()")
    False
    """
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def reduce_over_processes(
    tally: Tensor, extremes: Tensor, text: str, group: ProcessGroup | None
) -> tuple[Tensor, Tensor]:
    """Return the sum of all processes' tallies and the maximum of their extremes, on the CPU.

    Args:
        tally: int64; each process's own.
        extremes: float64; each process's own.
        text: what is measured.
        group: the processes; None: all. Without torch.distributed there is but this one.

    Raises:
        ValueError: the processes' texts differ.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return tally, extremes
    device = _device(group)
    mark = int(fingerprint(text), 16)
    sums = torch.cat([tally, tally.new_tensor([mark])]).to(device)
    largest = extremes.to(device, copy=True)
    dist.all_reduce(sums, group=group)
    dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=group)
    *_, marks = sums.tolist()
    if marks != mark * dist.get_world_size(group):
        raise ValueError(
            f"The processes do not measure the same: this one measures {text}. Call sync() of the "
            "same metric, with the same options, in all of them."
        )
    return sums[:-1].cpu(), largest.cpu()


def _device(group: ProcessGroup | None) -> torch.device:
    """Return where the group's tensors must be: the CPU where it can."""
    if "cpu:" in dist.get_backend_config(group):
        return torch.device("cpu")
    return torch.accelerator.current_accelerator() or torch.device("cpu")
