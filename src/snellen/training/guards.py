"""What callers plug in: its streams are closed, and its failures become one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import torch
from torch import Tensor

from snellen.errors import UserError
from snellen.training.protocols import Batch

__all__ = ["check_loss", "explained", "next_batch", "opened"]


@contextmanager
def opened(stream: Any) -> Iterator[Iterator[Batch]]:
    """Iterate over `stream`, and close it and its iterator afterwards."""
    with ExitStack() as stack:
        if hasattr(stream, "__enter__"):
            stream = stack.enter_context(stream)
        elif hasattr(stream, "close"):
            stack.enter_context(closing(stream))
        iterator = iter(stream)
        if iterator is not stream and hasattr(iterator, "close"):
            stack.enter_context(closing(iterator))
        yield iterator


def next_batch(stream: Iterator[Batch], step: int, steps: int) -> Batch:
    """Return the batch of `step` from `stream`.

    Raises:
        ValueError: the stream has ended, or gives the batch of another step.
    """
    batch = next(stream, None)
    if batch is None:
        raise ValueError(f"the batches ended before step {step} of {steps}")
    if batch.step != step:
        raise ValueError(f"a batch of step {batch.step} came where step {step} was due")
    return batch


def check_loss(loss: Tensor, name: str) -> None:
    """Refuse a loss that is not one number."""
    if loss.ndim:
        raise UserError(
            f"the loss {name} returns a tensor of shape {tuple(loss.shape)}, and one number is "
            "needed: return the mean over the pictures."
        )


@contextmanager
def explained(first: bool) -> Iterator[None]:
    """Say in one sentence why a step failed: too little memory, or a network or loss that cannot.

    What fails in the first step is the fault of what was plugged in; later errors stay as they are.
    """
    try:
        yield
    except RuntimeError as error:
        words = str(error).strip().split("\n")[0]
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in words:
            raise UserError(
                "there is not enough memory for a step: use a smaller batch_size, size or network "
                f"({words})."
            ) from error
        if not first:
            raise
        raise UserError(
            f"the network or the loss cannot work on these pictures: {words}."
        ) from error
