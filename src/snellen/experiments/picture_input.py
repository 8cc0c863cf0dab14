"""Pictures of any kind as an autoencoder takes them: of its size, its channels, in [0, 1]."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from snellen.errors import UserError
from snellen.files import shown
from snellen.images import (
    area_resize,
    correct_gamma,
    from_pillow,
    read_image,
    to_channels,
    to_uint8,
)
from snellen.images.colour import Pixels, over_white

__all__ = ["Picture", "as_input", "each_picture", "fit_pixels"]

Picture: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[Any] | Tensor
"""A path, an image of Pillow's, an array (H, W) or (H, W, C), or a tensor (C, H, W)."""


def fit_pixels(
    pixels: Pixels, *, size: int, channels: int, whole: bool, gamma: float = 1.0
) -> NDArray[np.uint8]:
    """Bring a picture to the size and channels of a network.

    Gray is BT.601 luma, 16 bit becomes 8, and sides shrink by area averaging, in this order, as in
    the trainings.

    Args:
        pixels: (H, W), (H, W, 1) or (H, W, 3), uint8 or uint16.
        size: side of the result.
        channels: 1 or 3.
        whole: the whole picture becomes square, its aspect lost; else its largest centred square.
        gamma: the power that it is raised to before it shrinks, see `correct_gamma`.

    Returns:
        (channels, size, size), uint8.

    Raises:
        ValueError: a side is shorter than `size`.

    >>> wide = np.tile(np.uint8([0, 90, 90, 0]), (2, 1))
    >>> fit_pixels(wide, size=2, channels=1, whole=False).tolist()
    [[[90, 90], [90, 90]]]
    >>> fit_pixels(wide, size=2, channels=1, whole=True).tolist()
    [[[45, 45], [45, 45]]]
    """
    height, width = pixels.shape[:2]
    side = min(height, width)
    if side < size:
        raise ValueError(f"{width}×{height} pixels; this network needs {size} or more on each side")
    if not whole:
        top, left = (height - side) // 2, (width - side) // 2
        pixels = pixels[top : top + side, left : left + side]
    plain = to_uint8(to_channels(pixels, channels))
    return area_resize(correct_gamma(plain, gamma), (size, size)).transpose(2, 0, 1)


def each_picture(pictures: Picture | Iterable[Picture]) -> Iterator[Picture]:
    """Take pictures apart: one alone, an array (N, H, W, C), a tensor (N, C, H, W), or several.

    Raises:
        TypeError: something else.

    >>> [one.shape for one in each_picture(np.zeros((2, 8, 8, 3)))]
    [(8, 8, 3), (8, 8, 3)]
    """
    if isinstance(pictures, str | os.PathLike | Image.Image):
        yield pictures
    elif isinstance(pictures, np.ndarray | Tensor):
        yield from pictures if pictures.ndim == 4 else [pictures]
    elif isinstance(pictures, Iterable):
        yield from pictures
    else:
        raise TypeError(f"got {type(pictures).__name__}; need {_KINDS}")


_KINDS = (
    "paths, images of Pillow's, arrays (H, W) or (H, W, C), tensors (C, H, W), or several of them"
)


def as_input(
    picture: Picture,
    name: str,
    *,
    size: int,
    channels: int,
    whole: bool,
    gamma: float = 1.0,
) -> Tensor:
    """Return one picture as a network takes it.

    A tensor of floats that has the network's shape already is taken as it is. All else is brought
    to 8 bit, as the training's pictures were, and to size by `fit_pixels`.

    Args:
        picture: see `Picture`; arrays and tensors are uint8, uint16, or floats in [0, 1], with 1
            (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGBA) channels; alpha is laid over white.
        name: what a picture without a path is called where it cannot be used.
        size: side that the network takes.
        channels: 1 or 3, of the network.
        whole: see `fit_pixels`.
        gamma: see `fit_pixels`.

    Returns:
        (channels, size, size), float32 in [0, 1], on the CPU.

    Raises:
        TypeError: a picture of another kind or dtype.
        ValueError: an array, tensor or image of another shape, too small, or with floats outside
            [0, 1].
        UserError: a file that is damaged, no picture, or too small.

    >>> gray = np.full((40, 30, 3), 0.5)
    >>> as_input(gray, "gray", size=16, channels=1, whole=False).shape
    torch.Size([1, 16, 16])
    """
    if isinstance(picture, Tensor):
        picture = picture.detach().cpu()
        if picture.is_floating_point() and picture.shape == (channels, size, size):
            ready = picture.float()
            _check_range(ready.numpy(), name)
            return ready
    pixels = _pixels(picture, name)
    try:
        fitted = fit_pixels(pixels, size=size, channels=channels, whole=whole, gamma=gamma)
    except ValueError as error:
        if isinstance(picture, str | os.PathLike):
            raise UserError(f"{shown(picture)} has {error}: name a larger picture.") from None
        raise ValueError(f"{name} has {error}") from None
    return torch.from_numpy(np.ascontiguousarray(fitted / np.float32(255)))


def _pixels(picture: Picture, name: str) -> Pixels:
    """The picture as it is stored, (H, W[, C]), without alpha."""
    if isinstance(picture, str | os.PathLike):
        return read_image(picture)
    if isinstance(picture, Image.Image):
        return from_pillow(picture, name)
    if isinstance(picture, Tensor):
        if picture.ndim != 3 or picture.shape[0] not in (1, 2, 3, 4):
            raise ValueError(
                f"{name} is a tensor {tuple(picture.shape)}; need (C, H, W) with 1 to 4 channels,"
                " or (N, C, H, W)"
            )
        # NumPy has no bfloat16.
        plain = picture.float() if picture.is_floating_point() else picture
        return _array_pixels(plain.numpy().transpose(1, 2, 0), name)
    if isinstance(picture, np.ndarray):
        return _array_pixels(picture, name)
    raise TypeError(f"{name} is a {type(picture).__name__}; need {_KINDS}")


def _array_pixels(array: NDArray[Any], name: str) -> Pixels:
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost; use .filled()")
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 2, 3, 4))):
        raise ValueError(
            f"{name} is an array {array.shape}; need (H, W), (H, W, C) with 1 to 4 channels, or"
            " (N, H, W, C)"
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "f":
        _check_range(array, name)
        array = np.rint(array * 255.0).astype(np.uint8)
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"{name} is of {array.dtype}; need uint8, uint16 or floats in [0, 1]")
    if array.ndim == 3 and array.shape[2] in (2, 4):
        return over_white(array)
    return array


def _check_range(array: NDArray[Any], name: str) -> None:
    # Written so that NaN is refused, too.
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            f"{name} has values from {array.min():.4g} to {array.max():.4g}; floats must lie in"
            " [0, 1]"
        )
