"""Enlarging pictures that are arrays or tensors."""

from __future__ import annotations

import os
from numbers import Integral
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
    interpolation (MATLAB's ``imresize`` with edges clamped; newer releases mirror them); chroma and
    alpha are bicubic. Under full transparency the colours of what is visible beside it are
    continued, so that no edge gets a fringe. With ``method="bicubic"`` a picture without alpha
    becomes what that ``imresize`` makes of it: bit for bit in 8 and 16 bit; floats are computed in
    float32 and cut to [0, 1].

    Args:
        picture: a NumPy array (H, W) or (H, W, C), or a tensor (C, H, W) or (N, C, H, W), with 1
            (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGBA) channels; alpha not premultiplied. uint8,
            uint16, or floats of any width in [0, 1], in any order of bytes. Subclasses of arrays
            are taken as plain ones; masked arrays are refused.
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
        computed in float32 and lie in [0, 1]. No gradient flows through it.

    Raises:
        TypeError: a picture, method, device or tile of another kind, or another dtype; a masked
            array; a tensor that is sparse or on the device ``meta``.
        ValueError: another or an empty shape, floats outside [0, 1], or a tile below 32.
        UserError: no such method, scale or device; weights of another scale, of another network or
            damaged; a picture smaller than the network's filters.

    >>> small = np.full((16, 24, 3), 200, np.uint8)
    >>> large = upscale(small, 4, method="bicubic")
    >>> large.shape, large.dtype, np.unique(large)
    ((64, 96, 3), dtype('uint8'), array([200], dtype=uint8))
    """
    _check_tile(tile)
    if isinstance(picture, torch.Tensor):
        _check_tensor(picture)
        enlarger = open_method(method, scale, device=device, network=network)
        return _tensor(picture, enlarger, tile)
    if not isinstance(picture, np.ndarray):
        raise TypeError(f"got {type(picture).__name__}; need a NumPy array or a torch tensor")
    if isinstance(picture, np.ma.MaskedArray):
        raise TypeError("got a masked array, whose mask would be lost; fill it first: .filled()")
    # Compiled loops index a plain array: a matrix, for one, has two dimensions whatever is cut out.
    plain = np.asarray(picture)
    if not (plain.ndim == 2 or (plain.ndim == 3 and plain.shape[2] in (1, 2, 3, 4))):
        raise ValueError(
            f"got an array of shape {plain.shape}; need (H, W), or (H, W, C) with 1 to 4 channels"
        )
    enlarger = open_method(method, scale, device=device, network=network)
    planes = plain[..., None] if plain.ndim == 2 else plain
    return _array(planes, enlarger, tile).reshape(
        scale * plain.shape[0], scale * plain.shape[1], *plain.shape[2:]
    )


def _check_tile(tile: object) -> None:
    if tile is None:
        return
    if not isinstance(tile, Integral):
        raise TypeError(f"got tile={tile!r}; need a whole number of pixels, or None")
    if tile < SMALLEST_TILE:
        raise ValueError(f"got tile={tile}; need at least {SMALLEST_TILE} pixels")


def _check_tensor(picture: torch.Tensor) -> None:
    if picture.ndim not in (3, 4) or picture.shape[-3] not in (1, 2, 3, 4):
        raise ValueError(
            f"got a tensor {tuple(picture.shape)}; need (C, H, W) or (N, C, H, W) with 1 to 4"
            " channels"
        )
    if picture.numel() == 0:
        raise ValueError(f"got an empty tensor {tuple(picture.shape)}; need at least one pixel")
    if picture.is_meta:
        raise TypeError("got a tensor on the device meta, which has no values; need one that does")
    if picture.layout != torch.strided:
        raise TypeError(f"got a tensor of layout {picture.layout}; need a dense one: .to_dense()")


def _tensor(picture: torch.Tensor, enlarger: Enlarger, tile: int | None) -> torch.Tensor:
    """(…, C, H, W)."""
    batch = picture.detach().cpu()
    results = []
    for one in batch if batch.ndim == 4 else batch[None]:
        # NumPy has no bfloat16.
        array = (one.float() if one.is_floating_point() else one).numpy()
        large = np.moveaxis(_array(np.moveaxis(array, 0, -1), enlarger, tile), -1, 0)
        # In NumPy, because PyTorch has few operations for uint16.
        results.append(torch.from_numpy(np.ascontiguousarray(large)).to(picture.dtype))
    out = torch.stack(results) if batch.ndim == 4 else results[0]
    return out.to(picture.device)


def _array(planes: NDArray[Any], enlarger: Enlarger, tile: int | None) -> NDArray[Any]:
    """(H, W, C)."""
    if planes.size == 0:
        raise ValueError("got an empty picture; need at least one pixel")
    given, dtype = planes, planes.dtype
    if dtype.kind == "f":
        if not (planes.min() >= 0 and planes.max() <= 1):  # NaN fails too
            # All digits: 1.0000001 is not in [0, 1].
            raise ValueError(f"got floats from {planes.min()} to {planes.max()}; need [0, 1]")
        given = planes.astype(np.float32)
    elif dtype.kind == "u" and dtype.itemsize <= 2:
        # Compiled loops know the machine's own order of bytes only.
        given = planes.astype(dtype.newbyteorder("="), copy=False)
    else:
        raise TypeError(f"got {dtype}; need uint8, uint16, or floats in [0, 1]")
    return np.concatenate(list(enlarged_strips(given, enlarger, tile=tile)), dtype=dtype)
