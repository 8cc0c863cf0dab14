"""Reading a picture so that what people see is what the file says, level for level."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.images import UnreadableImage, read_image
from snellen.images.decoders import open_by_content
from snellen.images.files import Refusals, opened
from snellen.images.metadata import read_metadata, refuse_print_and_several

__all__ = ["read_exactly"]

_SRGB_GAMMA = 0.45455  # what PNG's gAMA says of sRGB
_LEVELS = 2  # by which a profile may differ from sRGB, for rounding


def read_exactly(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture as 8-bit gray or RGB, or refuse it where that would lose anything.

    Orientation is applied. Alpha that is opaque everywhere, and 16 bits that hold 8-bit levels
    (multiples of 257), lose nothing and are accepted.

    Args:
        path: PNG, JPEG, WebP, TIFF, GIF, BMP, PGM or PPM.

    Returns:
        uint8 (H, W) or (H, W, 3).

    Raises:
        UnreadableImage: no picture, damaged, CMYK, an animation, several pages; more than 8 bits,
            transparent pixels, a colour profile or gamma other than sRGB's.
    """
    metadata = read_metadata(path)
    refuse_print_and_several(path, metadata)
    if metadata.unread_channels:
        raise UnreadableImage(
            path, "it has channels beside its colours: save it as plain gray or RGB"
        )
    if metadata.icc_profile is not None and not _is_srgb(metadata.icc_profile, metadata.mode):
        raise UnreadableImage(
            path,
            f"its colours follow the profile {_profile_name(metadata.icc_profile)!r}, and a study "
            "shows sRGB: convert it to sRGB, or take the profile out if the values are meant so",
        )
    if not _has_srgb_gamma(path):
        raise UnreadableImage(
            path,
            "it says a gamma other than sRGB's (gAMA): convert it to sRGB, or take that out if the "
            "values are meant so",
        )
    pixels: NDArray[Any] = read_image(path, alpha="keep")
    if pixels.dtype != np.uint8:
        if (pixels % 257).any():
            raise UnreadableImage(
                path,
                "it has more than 8 bits, which no browser shows: save all pictures with 8 bits, "
                "rounded the same way",
            )
        pixels = pixels // 257
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        if (pixels[..., -1] != 255).any():
            raise UnreadableImage(
                path, "it has transparent pixels (alpha): lay it over a background and save that"
            )
        pixels = pixels[..., :-1]
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _is_srgb(profile: bytes, mode: str) -> bool:
    """Whether a profile shows what sRGB would, to rounding; a damaged one is shown as sRGB."""
    from PIL import Image, ImageCms

    gray = mode in ("1", "L", "LA", "I;16", "I;16B")
    steps = np.linspace(0, 255, 256 if gray else 9).round().astype(np.uint8)
    grid = steps if gray else np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    image = Image.fromarray(grid[None])
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            image.mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        shown = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return True
    plain = np.asarray(image.convert("RGB"), dtype=np.int64)
    return bool((np.abs(np.asarray(shown, dtype=np.int64) - plain) <= _LEVELS).all())


def _profile_name(profile: bytes) -> str:
    from PIL import ImageCms

    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "unnamed"


def _has_srgb_gamma(path: str | os.PathLike[str]) -> bool:
    """Of a PNG without profile; browsers follow its gAMA."""
    with opened(path) as file, Refusals(path):
        image = open_by_content(file)
        if image.format != "PNG" or "srgb" in image.info or "icc_profile" in image.info:
            return True
        return abs(float(image.info.get("gamma", _SRGB_GAMMA)) - _SRGB_GAMMA) < 0.005
