"""What a network is fed and what it should return: pictures themselves, or pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snellen.errors import UserError

__all__ = ["Examples", "centre", "fed", "to_unit_range"]


@dataclass(frozen=True)
class Examples:
    """Fixed pictures to measure a network on.

    Args:
        pixels: what the network should return, uint8 (n, C, S, S).
        inputs: what it is fed, float32 (n, C, s, s) in [0, 1]; None: the pictures themselves.

    >>> len(Examples(torch.zeros(3, 1, 8, 8, dtype=torch.uint8))[1:])
    2
    """

    pixels: Tensor
    inputs: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice) -> Examples:
        return Examples(self.pixels[part], None if self.inputs is None else self.inputs[part])


def to_unit_range(pixels: Tensor, device: torch.device) -> Tensor:
    """Move uint8 pixels to `device` and make them float32 in [0, 1]."""
    return _moved(pixels, device).float().div_(255)


def fed(examples: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return what the network is fed and what it should return, float32 in [0, 1] on `device`.

    Args:
        examples: `Examples` or a `Batch`: something with `pixels`; with `inputs` where the network
            is not fed these, with `targets` where it should not return these.
        device: where the network is.
    """
    pictures = to_unit_range(examples.pixels, device)
    inputs: Tensor | None = getattr(examples, "inputs", None)
    targets: Tensor | None = getattr(examples, "targets", None)
    return (
        pictures if inputs is None else _moved(inputs, device),
        pictures if targets is None else _moved(targets, device),
    )


def centre(target: Tensor, output: Tensor) -> Tensor:
    """Return the middle of `target` that `output` is about: networks may lose an equal border.

    Convolutions without padding cannot know their outermost pixels.

    Raises:
        UserError: the output's shape is none that a border could explain.

    >>> centre(torch.rand(2, 1, 8, 8), torch.rand(2, 1, 4, 4)).shape
    torch.Size([2, 1, 4, 4])
    """
    if output.shape == target.shape:
        return target
    lost = {large - small for large, small in zip(target.shape[2:], output.shape[2:], strict=False)}
    if output.ndim != 4 or output.shape[:2] != target.shape[:2] or len(lost) != 1:
        raise _refused(target, output)
    twice = lost.pop()
    if twice < 0 or twice % 2:
        raise _refused(target, output)
    border = twice // 2
    return target[..., border:-border, border:-border]


def _moved(values: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda" and values.device.type == "cpu":
        # From pinned memory the copy runs beside the computation.
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def _refused(target: Tensor, output: Tensor) -> UserError:
    return UserError(
        f"the network returns pictures of shape {tuple(output.shape)} where {tuple(target.shape)} "
        "is due: it must return that shape, or lose an equal border on every side."
    )
