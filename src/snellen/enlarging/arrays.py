"""Enlarging pictures that are arrays or tensors."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from snellen.enlarging.methods import Enlarger, open_method
from snellen.enlarging.tiles import SMALLEST_TILE, enlarged_strips

__all__ = ["upscale"]

_Picture = TypeVar("_Picture", NDArray[Any], torch.Tensor)


def upscale(
    picture: _Picture,
    scale: int = 4,
    *,
    method: str | os.PathLike[str] | nn.Module = "ms-ssim",
    network: str | None = None,
    device: str | torch.device = "auto",
    tile: int | None = None,
) -> _Picture:
    """Enlarge a picture, or a batch of them as a tensor.

    A network sharpens gray, or Y of YCbCr (ITU-R BT.601, as MATLAB's ``rgb2ycbcr``), after bicubic
    interpolation (MATLAB's ``imresize``); chroma and alpha are bicubic. Under full transparency
    the colours of what is visible beside it are continued, so that no edge gets a fringe. With
    ``method="bicubic"`` a picture without alpha becomes what MATLAB's ``imresize`` makes of it: bit
    for bit in 8 and 16 bit; floats are computed in float32 and cut to [0, 1].

    Args:
        picture: a NumPy array (H, W) or (H, W, C), or a tensor (C, H, W) or (N, C, H, W), with 1
            (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGBA) channels; alpha not premultiplied. uint8,
            uint16, or floats in [0, 1].
        scale: 2, 3 or 4.
        method: ``ms-ssim`` or ``mse``, the loss under which weights that come with snellen were
            trained (``shipped:LOSS`` is the same); ``bicubic``; a weights file; or a network, taken
            as `snellen superres` does.
        network: for a weights file of a network that is none of snellen's, its
            ``package.module:Class``.
        device: where the network runs: ``auto``, ``cpu``, ``cuda``, …
        tile: side of the square tiles in pixels of the enlarged picture, at least 32; None for what
            suits the device. On a CPU the result does not depend on it.

    Returns:
        The same kind, dtype, shape and device, with H and W `scale` times as large. Floats are
        computed in float32 and lie in [0, 1].

    Raises:
        TypeError: another kind or dtype.
        ValueError: another or an empty shape, floats outside [0, 1], or a tile below 32.
        UserError: no such method, scale or device; weights of another scale, of another network or
            damaged; a picture smaller than the network's filters.

    >>> small = np.full((16, 24, 3), 200, np.uint8)
    >>> large = upscale(small, 4, method="bicubic")
    >>> large.shape, large.dtype, np.unique(large)
    ((64, 96, 3), dtype('uint8'), array([200], dtype=uint8))
    """
    if tile is not None and tile < SMALLEST_TILE:
        raise ValueError(f"got tile={tile}; need at least {SMALLEST_TILE} pixels")
    if isinstance(picture, torch.Tensor):
        if picture.ndim not in (3, 4) or picture.shape[-3] not in (1, 2, 3, 4):
            raise ValueError(
                f"got a tensor {tuple(picture.shape)}; need (C, H, W) or (N, C, H, W) with 1 to 4"
                " channels"
            )
        enlarger = open_method(method, scale, device=device, network=network)
        return _tensor(picture, enlarger, tile)
    if not isinstance(picture, np.ndarray):
        raise TypeError(f"got {type(picture).__name__}; need a NumPy array or a torch tensor")
    if not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (1, 2, 3, 4))):
        raise ValueError(
            f"got an array of shape {picture.shape}; need (H, W), or (H, W, C) with 1 to 4 channels"
        )
    enlarger = open_method(method, scale, device=device, network=network)
    planes = picture[..., None] if picture.ndim == 2 else picture
    return _array(planes, enlarger, tile).reshape(
        scale * picture.shape[0], scale * picture.shape[1], *picture.shape[2:]
    )


def _tensor(picture: torch.Tensor, enlarger: Enlarger, tile: int | None) -> torch.Tensor:
    """(…, C, H, W)."""
    if picture.numel() == 0:
        raise ValueError(f"got an empty tensor {tuple(picture.shape)}; need at least one pixel")
    batch = picture.detach().reshape(-1, *picture.shape[-3:]).movedim(1, -1).cpu()
    scale = enlarger.scale
    out = picture.new_empty(
        (*picture.shape[:-2], scale * picture.shape[-2], scale * picture.shape[-1])
    )
    flat = out.view(-1, *out.shape[-3:])
    for number, planes in enumerate(batch):
        # NumPy has no bfloat16.
        array = planes.float().numpy() if planes.is_floating_point() else planes.numpy()
        flat[number] = torch.from_numpy(_array(array, enlarger, tile)).movedim(-1, 0).to(out)
    return out


def _array(planes: NDArray[Any], enlarger: Enlarger, tile: int | None) -> NDArray[Any]:
    """(H, W, C)."""
    if planes.size == 0:
        raise ValueError("got an empty picture; need at least one pixel")
    if planes.dtype.kind == "f":
        if not (planes.min() >= 0 and planes.max() <= 1):  # NaN fails too
            raise ValueError(
                f"got floats from {planes.min():.4g} to {planes.max():.4g}; need values in [0, 1]"
            )
    elif planes.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"got {planes.dtype}; need uint8, uint16, or floats in [0, 1]")
    given = planes.astype(np.float32) if planes.dtype.kind == "f" else planes
    strips = enlarged_strips(given, enlarger, tile=tile)
    return np.concatenate([strip.astype(planes.dtype, copy=False) for strip in strips])
