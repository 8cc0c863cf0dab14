"""How super-resolution is posed and judged: three protocols, told apart by data alone.

Published numbers of one picture under one method differ by up to 0.3 dB and .01 SSIM because their
protocols do. What each protocol here does was found by recomputing published bicubic numbers to
every printed digit; `tests/experiments/super_resolution/test_published.py` keeps them.

A picture becomes a :class:`Posed` problem by :func:`pose`, a method makes Y of it, and
:func:`finished` brings that to the levels that are compared. All values are levels, 0 to 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError, nearest
from snellen.images.colour import Pixels, luma_y, rgb2ycbcr, to_channels, to_uint8, ycbcr2rgb
from snellen.images.resize import Edge, bicubic_resize

__all__ = [
    "PROTOCOLS",
    "SCALES",
    "Posed",
    "SuperResolutionProtocol",
    "finished",
    "low_resolution",
    "pose",
    "protocol_named",
    "target_luma",
]

SCALES = (2, 3, 4)
"""The scales of the published numbers, and of the networks here."""


@dataclass(frozen=True)
class SuperResolutionProtocol:
    """What is shrunk, what is rounded, and how the result is compared.

    All of them cut the picture to a multiple of the scale, shrink and enlarge by MATLAB's bicubic,
    round the result to eight bits and compare Y with peak 255. The mean over a set is that of the
    pictures' PSNR and SSIM.

    Attributes:
        name: as it is typed.
        words: what is particular to it, for the heading of a table.
        source: whose it is.
        shrunk: ``luma``: Y alone is shrunk, enlarged and judged. ``colour``: the colour picture is
            shrunk and rounded to eight bits, as it would lie in a file; a method makes Y; with
            bicubic chroma that becomes a colour picture of eight bits, and its Y is judged.
        gray: a picture without colour is its own Y (``as it is``), or goes the way of a colour
            picture with three equal channels (``as colour``), which compresses it to 16..235.
        luma_rounded: whether Y that is compared has whole levels.
        edge: how the resizing continues a picture.
        shave: pixels left out of the comparison on each side; None: as many as the scale.
        ssim: the convention of SSIM, one of `snellen.metrics`.
    """

    name: str
    words: str
    source: str
    shrunk: Literal["luma", "colour"]
    gray: Literal["as it is", "as colour"]
    luma_rounded: bool
    edge: Edge
    shave: int | None
    ssim: str

    def __post_init__(self) -> None:
        if (self.shrunk, self.gray) == ("colour", "as it is"):
            raise ValueError("where colour is shrunk, gray must go as colour: gray='as colour'")

    def border(self, scale: int) -> int:
        """Pixels that are left out of the comparison on each side."""
        return scale if self.shave is None else self.shave


PROTOCOLS: dict[str, SuperResolutionProtocol] = {
    protocol.name: protocol
    for protocol in (
        SuperResolutionProtocol(
            name="poster",
            words="8-bit Y, 8 pixels shaved, SSIM with replicated borders (MATLAB's ssim)",
            source="Snell et al., arXiv 1511.06409",
            shrunk="luma",
            gray="as it is",
            luma_rounded=True,
            edge="clamp",
            shave=8,  # what valid convolutions of 9, 5 and 5 lose
            ssim="matlab",
        ),
        SuperResolutionProtocol(
            name="standard",
            words="8-bit Y, as many pixels shaved as the scale, SSIM on valid windows",
            source="Dong et al., arXiv 1501.00092",
            shrunk="luma",
            gray="as it is",
            luma_rounded=True,
            edge="clamp",
            shave=None,
            ssim="wang",
        ),
        SuperResolutionProtocol(
            name="basicsr",
            words="8-bit low-resolution colour, unrounded Y of 8-bit colour,"
            " as many pixels shaved as the scale, SSIM on valid windows",
            source="BasicSR's metrics with test_y_channel",
            shrunk="colour",
            gray="as colour",
            luma_rounded=False,
            edge="clamp",
            shave=None,
            ssim="basicsr",
        ),
    )
}


def protocol_named(name: str) -> SuperResolutionProtocol:
    """Return the protocol of that name.

    Raises:
        UserError: there is none.

    >>> protocol_named("poster").border(4), protocol_named("standard").border(4)
    (8, 4)
    """
    if name not in PROTOCOLS:
        raise UserError(
            f"there is no protocol {name!r}; there are {', '.join(PROTOCOLS)}."
            f"{nearest(name, PROTOCOLS)}"
        )
    return PROTOCOLS[name]


@dataclass(frozen=True)
class Posed:
    """A picture as a protocol gives it to a method, and what it compares the result with.

    Attributes:
        target: Y of the original, (H, W); uint8, or float64 where the protocol does not round it.
        low: Y at low resolution, (H/scale, W/scale), float64 from 0 to 255 (and a little beyond,
            where bicubic overshoots).
        enlarged: Y of `low` enlarged by bicubic, (H, W), float64; not clipped.
        chroma: enlarged Cb and Cr, (H, W, 2), float64, where the result is judged as a colour
            picture; else None.
    """

    target: NDArray[np.uint8] | NDArray[np.float64]
    low: NDArray[np.float64]
    enlarged: NDArray[np.float64]
    chroma: NDArray[np.float64] | None


def pose(picture: Pixels, scale: int, protocol: SuperResolutionProtocol) -> Posed:
    """Cut, shrink and enlarge a picture as the protocol says.

    Args:
        picture: (H, W) or (H, W, 3), uint8 (uint16 is brought to eight bits first), no smaller than
            the scale.
        scale: a whole number from 2 on.
        protocol: see :data:`PROTOCOLS`.

    Raises:
        ValueError, TypeError: another shape or dtype.
        UserError: the picture is smaller than the scale, or the scale below 2.

    >>> posed = pose(np.zeros((11, 14, 3), np.uint8), 4, PROTOCOLS["poster"])
    >>> posed.target.shape, posed.low.shape, float(posed.enlarged[0, 0])
    ((8, 12), (2, 3), 16.0)
    """
    cropped = _cropped(picture, scale, protocol)
    low = _low_planes(cropped, scale, protocol)
    enlarged = bicubic_resize(low, scale, edge=protocol.edge)
    chroma = enlarged[..., 1:] if protocol.shrunk == "colour" else None
    return Posed(_luma(cropped, protocol), low[..., 0], enlarged[..., 0], chroma)


def target_luma(
    picture: Pixels, scale: int, protocol: SuperResolutionProtocol
) -> NDArray[np.uint8] | NDArray[np.float64]:
    """Return Y of the cut original; arguments and errors as in :func:`pose`.

    Returns:
        (H, W), multiples of the scale; uint8, or float64 where the protocol does not round Y.
    """
    return _luma(_cropped(picture, scale, protocol), protocol)


def low_resolution(
    picture: Pixels, scale: int, protocol: SuperResolutionProtocol
) -> NDArray[np.float64]:
    """Return Y of the low-resolution picture; arguments and errors as in :func:`pose`.

    Returns:
        (H // scale, W // scale), float64, 0 to 255 and, where Y itself is shrunk, not clipped.

    >>> low_resolution(np.full((9, 8), 200, np.uint8), 4, PROTOCOLS["standard"])
    array([[200., 200.],
           [200., 200.]])
    """
    return _low_planes(_cropped(picture, scale, protocol), scale, protocol)[..., 0]


def finished(
    luma: NDArray[np.floating], posed: Posed, protocol: SuperResolutionProtocol
) -> NDArray[np.uint8] | NDArray[np.float64]:
    """Bring what a method made to the levels that are compared with `posed.target`.

    Args:
        luma: (H, W), Y in levels of 0 to 255, neither rounded nor clipped.
        posed: the problem that it answers.
        protocol: by which that was posed.

    Returns:
        (H, W), like `posed.target`.

    >>> posed = pose(np.full((8, 8), 100, np.uint8), 4, PROTOCOLS["poster"])
    >>> finished(posed.enlarged + 0.6, posed, PROTOCOLS["poster"])[0, 0]
    np.uint8(101)
    """
    if posed.chroma is None:
        return _eight_bits(luma)
    planes = np.concatenate([luma[..., None], posed.chroma], axis=2, dtype=np.float64)
    colour = _eight_bits(ycbcr2rgb(planes / 255) * 255)
    return _luma(colour, protocol)


def _cropped(picture: Pixels, scale: int, protocol: SuperResolutionProtocol) -> NDArray[np.uint8]:
    if scale < 2 or scale != int(scale):
        raise UserError(f"got the scale {scale}; need a whole number from 2 on, such as 4.")
    if picture.ndim == 2 and protocol.gray == "as colour":
        picture = to_channels(picture, 3)
    height, width = (side - side % scale for side in picture.shape[:2])
    if not height or not width:
        raise UserError(
            f"a picture of {picture.shape[1]}×{picture.shape[0]} pixels is too small for scale"
            f" {scale}: it needs at least {scale}×{scale}."
        )
    return to_uint8(picture[:height, :width])


def _luma(
    picture: NDArray[np.uint8], protocol: SuperResolutionProtocol
) -> NDArray[np.uint8] | NDArray[np.float64]:
    if picture.ndim == 2:
        return picture
    if protocol.luma_rounded:
        return luma_y(picture, rounded=True)
    return luma_y(picture, rounded=False)


def _low_planes(
    cropped: NDArray[np.uint8], scale: int, protocol: SuperResolutionProtocol
) -> NDArray[np.float64]:
    """Return Y, or Y, Cb and Cr, at low resolution: (h, w, 1 or 3)."""
    # By 1/scale and not by the size: MATLAB's weights depend on it in the last digit.
    if protocol.shrunk == "colour":
        low = bicubic_resize(cropped, 1 / scale, edge=protocol.edge)
        return rgb2ycbcr(low / 255) * 255
    luma = _luma(cropped, protocol).astype(np.float64)
    return bicubic_resize(luma, 1 / scale, edge=protocol.edge)[..., None]


def _eight_bits(levels: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.floor(levels.clip(0, 255) + 0.5).astype(np.uint8)
