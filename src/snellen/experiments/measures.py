"""Measures on which no loss was trained: edges, and the error in each octave of spatial frequency.

Convention: both take 8-bit pictures (n, C, H, W) after clipping and rounding, return one float64
value for each picture, and are computed from the pair alone. Colour counts as BT.601 luma for
edges, and as the sum of its channels' powers for octaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

__all__ = [
    "DESCRIPTIONS",
    "EdgeOptions",
    "Octave",
    "edge_maps",
    "edge_score",
    "octave_errors",
    "octaves",
]

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_ROUNDING = 1 / 12  # variance of rounding to whole levels, in levels²
_LOWEST_BIN = 2.0  # a Hann window smears two bins: below that an octave is mostly leaked mean
_AT_ONCE = 256  # pictures of one FFT call: tens of MB at 96×96

DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "edge_f": (
            "Canny edges (Gaussian σ 1, hysteresis thresholds 0.1 and 0.2 of the range) of the "
            "reconstruction against those of the original; an edge pixel counts as found within "
            "1 pixel, diagonals included. F is the harmonic mean of precision and recall. By "
            "convention F is 1 where neither picture has an edge and 0 where only one has: on an "
            "original without edges it rewards a flat reconstruction and says nothing of what was "
            "kept."
        ),
        "octaves": (
            "Power of the error over the power of the original inside each octave of radial "
            "spatial frequency (Hann window, mean removed), in dB, averaged over pictures. "
            "0 dB is what leaving that octave out altogether would give; lower is better."
        ),
    }
)
"""What the two measures are, in words that a report can print."""


@dataclass(frozen=True)
class EdgeOptions:
    """Canny's parameters, and how far from its place an edge may lie.

    Attributes:
        sigma: of the Gaussian before differentiation, in pixels.
        low, high: hysteresis thresholds on the Sobel magnitude, for pictures in [0, 1].
        tolerance: pixels, Chebyshev distance. The Berkeley benchmark allows 0.0075 of the
            diagonal, which is 1.0 pixel at 96×96 (Martin, Fowlkes & Malik, PAMI 26, 2004).
    """

    sigma: float = 1.0
    low: float = 0.1
    high: float = 0.2
    tolerance: int = 1


def edge_maps(pixels: NDArray[np.uint8], options: EdgeOptions | None = None) -> NDArray[np.bool_]:
    """Canny edges of each picture: uint8 (n, C, H, W) to bool (n, H, W).

    >>> step = np.zeros((1, 1, 16, 16), np.uint8)
    >>> step[..., 8:] = 255
    >>> sorted(set(edge_maps(step)[0].nonzero()[1].tolist()))
    [7, 8]
    """
    from skimage.feature import canny  # half a second to import: only when it is needed

    chosen = options or EdgeOptions()
    _check_pixels(pixels, "pixels")
    gray = _luma(pixels)
    found = np.zeros(gray.shape, dtype=np.bool_)
    for index, picture in enumerate(gray):
        found[index] = canny(  # type: ignore[no-untyped-call]
            picture, sigma=chosen.sigma, low_threshold=chosen.low, high_threshold=chosen.high
        )
    return found


def edge_score(
    preds: NDArray[np.uint8],
    target: NDArray[np.uint8] | None = None,
    *,
    target_edges: NDArray[np.bool_] | None = None,
    options: EdgeOptions | None = None,
) -> NDArray[np.float64]:
    """F-measure of the edges of `preds` against those of `target`, in [0, 1]; 1 is best.

    precision = share of the edge pixels of `preds` that have one of `target` within the tolerance;
    recall = share of the edge pixels of `target` that have one of `preds` within the tolerance;
    F = 2·precision·recall / (precision + recall). Where neither has an edge F is 1 by convention,
    where only one has any it is 0; an original without edges says nothing of what was kept.

    Args:
        preds: uint8 (n, C, H, W), 1 or 3 channels.
        target: the originals, of the same shape.
        target_edges: `edge_maps(target)` instead of `target`, when several `preds` share it.
        options: Canny's parameters and the tolerance in pixels.

    Returns:
        float64 (n,).

    Raises:
        TypeError: not uint8. ValueError: shapes that differ, or neither `target` nor its edges.

    Example:
        >>> from skimage.data import camera
        >>> photograph = camera()[None, None, 100:196, 200:296]
        >>> float(edge_score(photograph, photograph)[0])
        1.0
    """
    chosen = options or EdgeOptions()
    if target_edges is None:
        if target is None:
            raise ValueError("edge_score needs target, or target_edges = edge_maps(target).")
        _check_pair(preds, target)
        target_edges = edge_maps(target, chosen)
    ours = edge_maps(preds, chosen)
    if ours.shape != target_edges.shape:
        raise ValueError(f"preds has edges {ours.shape}, target {target_edges.shape}.")
    hit_ours = (ours & _widened(target_edges, chosen.tolerance)).sum((1, 2))
    hit_theirs = (target_edges & _widened(ours, chosen.tolerance)).sum((1, 2))
    count_ours, count_theirs = ours.sum((1, 2)), target_edges.sum((1, 2))
    precision = hit_ours / np.maximum(count_ours, 1)
    recall = hit_theirs / np.maximum(count_theirs, 1)
    total = precision + recall
    score = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    score[(count_ours == 0) & (count_theirs == 0)] = 1.0
    return np.asarray(score, dtype=np.float64)


@dataclass(frozen=True)
class Octave:
    """Spatial frequencies from `low` up to `high` = 2·low, in cycles per pixel."""

    low: float
    high: float

    @property
    def band(self) -> str:
        """How the octave is written: ``1/4–1/2``."""
        return f"1/{round(1 / self.low)}–1/{round(1 / self.high)}"

    def __str__(self) -> str:
        return self.band


def octaves(side: int) -> tuple[Octave, ...]:
    """The octaves that a picture of that smaller side resolves, the finest first.

    The finest ends at 1/2 cycle per pixel; the coarsest still begins at two cycles per side.

    >>> [str(octave) for octave in octaves(96)]
    ['1/4–1/2', '1/8–1/4', '1/16–1/8', '1/32–1/16']
    """
    found = []
    high = 0.5
    while high / 2 * side >= _LOWEST_BIN:
        found.append(Octave(high / 2, high))
        high /= 2
    return tuple(found)


def octave_errors(preds: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Power of the error over the power of `target` in each of `octaves(min(H, W))`, in dB.

    10·log10((E + ε) / (P + ε)), E and P being the sums of |FFT|² of ``preds - target`` and of
    `target` over the frequencies of the octave, after removing the mean and a Hann window; ε is
    what rounding to 8 bit leaves there, so that flat pictures give a finite value. 0 dB is an error
    as strong as the picture itself, as when the octave is left out; more means that something
    false was added; lower is better. Frequencies are radial; the corners of the spectrum beyond
    1/2 cycle per pixel belong to no octave.

    Args:
        preds: uint8 (n, C, H, W).
        target: the originals, of the same shape.

    Returns:
        float64 (n, octaves), the finest octave first.

    Raises:
        TypeError: not uint8. ValueError: shapes that differ, or sides under 8 pixels.

    Example:
        >>> from skimage.data import camera
        >>> photograph = camera()[None, None, 100:196, 200:296]
        >>> flat = np.full_like(photograph, round(photograph.mean()))
        >>> abs(octave_errors(flat, photograph)).round(1).tolist()
        [[0.0, 0.0, 0.0, 0.0]]
    """
    _check_pair(preds, target)
    height, width = preds.shape[-2:]
    bands = octaves(min(height, width))
    if not bands:
        raise ValueError(f"pictures are {height}×{width}; octaves need sides of at least 8 pixels.")
    window = np.outer(_hann(height), _hann(width))
    members = _members(bands, height, width)
    # Parseval: white noise of variance v gives every FFT bin v·Σwindow².
    floor = _ROUNDING * (window**2).sum() * members.sum(0) * preds.shape[1]
    errors = np.empty((len(preds), len(bands)))
    for start in range(0, len(preds), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        original = target[part].astype(np.float64)
        wrong = _powers(preds[part] - original, window, members)
        right = _powers(original, window, members)
        errors[part] = 10 * np.log10((wrong + floor) / (right + floor))
    return errors


def _powers(
    pictures: NDArray[np.float64], window: NDArray[np.float64], members: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Power of each picture in each band, summed over channels: (n, bands)."""
    mean = (pictures * window).sum((-2, -1), keepdims=True) / window.sum()
    spectrum = scipy.fft.rfft2((pictures - mean) * window)
    power = (spectrum.real**2 + spectrum.imag**2).sum(1)
    found: NDArray[np.float64] = power.reshape(len(pictures), -1) @ members
    return found


def _members(bands: tuple[Octave, ...], height: int, width: int) -> NDArray[np.float64]:
    """Weight of every rfft2 bin in every band, (bins, bands); mirrored bins count twice."""
    vertical = np.fft.fftfreq(height)[:, None]
    horizontal = np.fft.rfftfreq(width)[None]
    radius = np.hypot(vertical, horizontal)
    twice = np.full_like(radius, 2.0)
    twice[:, 0] = 1.0
    if width % 2 == 0:
        twice[:, -1] = 1.0
    # Bands are half open, but the finest one includes 1/2 cycle per pixel itself.
    ends = [np.nextafter(0.5, 1) if band.high == 0.5 else band.high for band in bands]
    weights = [
        twice * ((radius >= band.low) & (radius < end))
        for band, end in zip(bands, ends, strict=True)
    ]
    return np.stack(weights, axis=-1).reshape(-1, len(bands))


def _hann(length: int) -> NDArray[np.float64]:
    """The periodic Hann window, without zeros at its ends."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)


def _widened(edges: NDArray[np.bool_], tolerance: int) -> NDArray[np.bool_]:
    """All pixels within `tolerance` of an edge (Chebyshev)."""
    if tolerance == 0:
        return edges
    side = 2 * tolerance + 1
    wide = ndimage.maximum_filter(edges.view(np.uint8), size=(1, side, side), mode="constant")
    return np.asarray(wide, dtype=np.bool_)


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Luma in [0, 1], (n, H, W)."""
    if pixels.shape[1] == 1:
        gray = pixels[:, 0].astype(np.float64)
    else:
        gray = np.einsum("nchw,c->nhw", pixels, _LUMA)
    return gray / 255


def _check_pixels(pixels: NDArray[Any], name: str) -> None:
    if pixels.dtype != np.uint8:
        raise TypeError(f"{name} is {pixels.dtype}; uint8 is needed: clip, round and cast it.")
    if pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
        raise ValueError(f"{name} has shape {pixels.shape}; (n, C, H, W) with C 1 or 3 is needed.")


def _check_pair(preds: NDArray[Any], target: NDArray[Any]) -> None:
    _check_pixels(preds, "preds")
    _check_pixels(target, "target")
    if preds.shape != target.shape:
        raise ValueError(f"preds has shape {preds.shape}, target {target.shape}: pairs are needed.")
