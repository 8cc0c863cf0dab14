"""Whether what a network returns has the size that super-resolution needs."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from snellen.errors import UserError

__all__ = ["check_output_size", "upsamples_inside"]

WHOLE = (19, 26)  # a low resolution that no power of two divides, as photographs come


def upsamples_inside(network: nn.Module) -> bool:
    """Say whether `network` takes the low resolution; if not, it takes the enlarged picture.

    >>> upsamples_inside(nn.Conv2d(1, 1, 3))
    False
    """
    return bool(getattr(network, "upsamples_inside", False))


def check_output_size(network: nn.Module, spec: str, *, scale: int, patch: int) -> int:
    """Run a copy of `network` and return the margin that it loses in training on every side.

    Args:
        network: as `build_super_resolution_network` gives it, on any device.
        spec: its name, for the message.
        scale: the factor of enlargement.
        patch: side of the patches of training in the high resolution, in pixels.

    Returns:
        The margin in pixels of the high resolution; 0 where the output has the full size.

    Raises:
        UserError: the output of a whole picture is of another size, the output of a patch is larger
            or loses unequal margins, carries no gradient or is not finite, or the network cannot
            take pictures of such a size.

    >>> from snellen.networks import build_super_resolution_network
    >>> network = build_super_resolution_network("srcnn", scale=3)
    >>> check_output_size(network, "srcnn", scale=3, patch=48)
    8
    """
    inside = upsamples_inside(network)
    if patch < 1 or (inside and patch % scale):
        raise UserError(
            f"patches of {patch} pixels do not fit the network {spec!r} at scale {scale}: it takes "
            f"the low resolution, so their side must be a positive multiple of {scale}."
            if inside
            else f"the side of a patch must be at least 1 pixel, not {patch}."
        )
    factor = scale if inside else 1
    probe = copy.deepcopy(network)  # running means and the like stay as they are
    wanted = (WHOLE[0] * scale, WHOLE[1] * scale)
    given = (wanted[0] // factor, wanted[1] // factor)
    found = _size_after(probe.eval(), spec, given)
    if found != wanted:
        raise UserError(
            f"{_met(network, spec, given)} and returned {_by(found)}; in evaluation mode and at "
            f"scale {scale} it must return {_by(wanted)}."
        )
    given = (patch // factor, patch // factor)
    found = _size_after(probe.train(), spec, given)
    margin, odd = divmod(patch - found[0], 2)
    if found[0] != found[1] or odd or margin < 0:
        raise UserError(
            f"{_met(network, spec, given)} and returned {_by(found)}; in training mode and at "
            f"scale {scale} it must return {_by((patch, patch))}, or less by an equal margin on "
            "every side."
        )
    return margin


def _size_after(network: nn.Module, spec: str, size: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of what `network` makes of two pictures of `size`."""
    pictures = torch.full((2, 1, *size), 0.5, device=next(network.parameters()).device)
    try:
        with torch.random.fork_rng(devices=[]):
            output = network(pictures)
    except (Exception, SystemExit) as error:  # a stranger's network may raise anything
        raise UserError(
            f"{_met(network, spec, size)} and failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(output, Tensor):
        raise UserError(
            f"{_met(network, spec, size)} and returned a {type(output).__name__}; it must return "
            "one tensor (2, 1, H, W)."
        )
    if output.ndim != 4 or output.shape[:2] != (2, 1) or not output.numel():
        raise UserError(
            f"{_met(network, spec, size)} and returned a tensor {tuple(output.shape)}; it must "
            "return (2, 1, H, W)."
        )
    if network.training and not output.requires_grad:
        raise UserError(
            f"{_met(network, spec, size)} and returned what carries no gradient to its weights: "
            "it must not detach its output, nor work under no_grad."
        )
    if not output.isfinite().all():
        raise UserError(
            f"{_met(network, spec, size)}, all 0.5, and returned values that are no numbers (NaN "
            "or infinite) before any training."
        )
    return output.shape[2], output.shape[3]


def _met(network: nn.Module, spec: str, size: tuple[int, int]) -> str:
    """Begin a message: what the network was given."""
    which = "low-resolution" if upsamples_inside(network) else "enlarged"
    return f"the network {spec!r} was given two {which} pictures of {_by(size)} pixels"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
