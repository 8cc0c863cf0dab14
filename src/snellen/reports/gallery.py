"""Which pictures a report shows, by rules that it prints, and the pictures themselves as data URIs.

Nothing here is picked by eye. `at_random` draws before any number is looked at; `extremes` takes
the ends of one ordering, the unfavourable end beside the favourable one.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snellen.reports.tables import number

__all__ = [
    "ERROR_LIMIT",
    "MAX_SIDE",
    "Extremes",
    "Gallery",
    "Pictures",
    "Shown",
    "Strip",
    "at_random",
    "data_uri",
    "extremes",
    "legend_colours",
    "make_gallery",
    "png_bytes",
]

MAX_SIDE = 192
"""Larger pictures are shown by their central part of this side, so that a page stays sendable."""

ERROR_LIMIT = 64
"""The error, in 8-bit levels, at which the error map is brightest: the same in every report."""

_COLOURS = 64  # of the maps: few enough to pack well, more than the eye tells apart
_BUDGET = 3_300_000  # bytes of PNG; base64 makes them 4.4 MB
_MANY_LOSSES = 4  # from there on two pictures at each end would make the page endless
# Pictures at random, and pictures at each end for each loss: the first that fits the budget.
_PLANS = ((8, 2), (6, 2), (6, 1), (4, 1), (3, 1), (2, 1))


@dataclass(frozen=True)
class Pictures:
    """What the gallery chooses from: the pictures of seed 0 and their measures.

    Attributes:
        pixels: the originals, uint8 (n, C, S, S).
        reconstructions: of each loss, the same shape.
        ssim_maps: of each loss, float32 (n, S, S); may be empty.
        names: n short names. sources: n source pictures.
        measures: for each loss and measure ("psnr", "ssim") the value of every picture, (n,).
    """

    pixels: NDArray[np.uint8]
    reconstructions: Mapping[str, NDArray[np.uint8]]
    ssim_maps: Mapping[str, NDArray[np.float32]]
    names: Sequence[str]
    sources: Sequence[str]
    measures: Mapping[str, Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Shown:
    """One reconstruction on the page: data URIs (empty where there is no map) and its numbers."""

    loss: str
    index: int
    picture: str
    error: str
    ssim: str
    numbers: list[str]
    best: bool


@dataclass(frozen=True)
class Strip:
    """One picture: the original, and its reconstruction under each loss."""

    name: str
    source: str
    original: str
    shown: list[Shown]
    note: str


@dataclass(frozen=True)
class Extremes:
    """Where one loss wins most and loses most against the best of the others."""

    loss: str
    index: int
    share: str
    wins: list[Strip]
    losses: list[Strip]


@dataclass(frozen=True)
class Gallery:
    """All pictures of a report, and what it must say about them."""

    strips: list[Strip]
    extremes: list[Extremes]
    side: int
    cropped: bool
    has_ssim_maps: bool


def make_gallery(pictures: Pictures, losses: Sequence[str]) -> Gallery:
    """Choose and encode: as many pictures as fit a page of about 5 MB, by the rules above."""
    shown = [name for name in losses if name in pictures.reconstructions]
    count = len(pictures.names)
    if not count or not shown:
        return Gallery([], [], 0, False, False)
    weight = _weight(pictures, shown, 0)
    rows = len(shown) * 2 if len(shown) > 1 else 0
    random_count, each = next(
        (plan for plan in _PLANS if (plan[0] + rows * plan[1]) * weight <= _BUDGET), _PLANS[-1]
    )
    if len(shown) > _MANY_LOSSES:
        each = 1
    chosen = at_random(pictures.sources, random_count)
    side = min(pictures.pixels.shape[-1], MAX_SIDE)
    return Gallery(
        [_strip(pictures, shown, index, "") for index in chosen],
        _all_extremes(pictures, shown, each),
        side,
        max(pictures.pixels.shape[-2:]) > MAX_SIDE,
        any(name in pictures.ssim_maps for name in shown),
    )


def at_random(sources: Sequence[Hashable], count: int, seed: int = 0) -> list[int]:
    """Draw pictures with a seeded generator: a second one of a source only when all had one.

    >>> drawn = at_random(["boat", "boat", "boat", "dog"], 2)
    >>> sorted(["boat", "boat", "boat", "dog"][index] for index in drawn)
    ['boat', 'dog']
    """
    order = np.random.default_rng(seed).permutation(len(sources)).tolist()
    turns: dict[Hashable, int] = {}
    turn = {}
    for index in order:
        turn[index] = turns[sources[index]] = turns.get(sources[index], -1) + 1
    return sorted(order, key=lambda index: turn[index])[:count]


def extremes(
    values: Mapping[str, NDArray[np.float64]], loss: str, sources: Sequence[Hashable], each: int
) -> tuple[list[int], list[int], NDArray[np.float64]]:
    """Where `loss` wins and loses most against the best of the others, picture by picture.

    Args:
        values: a measure of every picture under each loss, shape (n,); higher is better.
        loss: whose margin counts.
        sources: the source of each picture; a source appears at most once at each end.
        each: how many pictures at each end.

    Returns:
        Pictures with the largest margin first, pictures with the smallest first, and all margins.
    """
    rivals = np.max([found for name, found in values.items() if name != loss], axis=0)
    with np.errstate(invalid="ignore"):
        margins = np.nan_to_num(values[loss] - rivals, nan=0.0)
    order = np.argsort(-margins, kind="stable")
    return _distinct(order, sources, each), _distinct(order[::-1], sources, each), margins


def _distinct(order: NDArray[np.intp], sources: Sequence[Hashable], count: int) -> list[int]:
    seen: set[Hashable] = set()
    found = []
    for index in order.tolist():
        if sources[index] not in seen:
            seen.add(sources[index])
            found.append(index)
        if len(found) == count:
            break
    return found


def _all_extremes(pictures: Pictures, losses: Sequence[str], each: int) -> list[Extremes]:
    values = {
        name: pictures.measures[name]["ssim"]
        for name in losses
        if "ssim" in pictures.measures.get(name, {})
    }
    if len(values) < 2:
        return []
    found = []
    for name in values:
        wins, defeats, margins = extremes(values, name, pictures.sources, each)

        def strip(index: int, margins: NDArray[np.float64] = margins) -> Strip:
            return _strip(pictures, losses, index, f"margin {_signed(margins[index])}")

        found.append(
            Extremes(
                name,
                losses.index(name),
                f"{100 * float(np.mean(margins > 0)):.0f} %",
                [strip(index) for index in wins],
                [strip(index) for index in defeats],
            )
        )
    return found


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value, 3)}"


def _strip(pictures: Pictures, losses: Sequence[str], index: int, note: str) -> Strip:
    original = pictures.pixels[index]
    ssim = {
        name: float(pictures.measures[name]["ssim"][index])
        for name in losses
        if "ssim" in pictures.measures.get(name, {})
    }
    best = max(ssim.values(), default=None)
    shown = []
    for place, name in enumerate(losses):
        made = pictures.reconstructions[name][index]
        maps = pictures.ssim_maps.get(name)
        shown.append(
            Shown(
                name,
                place,
                data_uri(_centre(made)),
                data_uri(_error_map(_centre(made), _centre(original))),
                "" if maps is None else data_uri(_ssim_map(_centre(maps[index][None]))),
                _numbers(pictures.measures.get(name, {}), index),
                len(ssim) > 1 and ssim.get(name) == best,
            )
        )
    name, source = pictures.names[index], pictures.sources[index]
    return Strip(name, "" if source == name else source, data_uri(_centre(original)), shown, note)


def _numbers(measures: Mapping[str, NDArray[np.float64]], index: int) -> list[str]:
    parts = []
    if "ssim" in measures:
        parts.append(f"SSIM {number(float(measures['ssim'][index]), 3)}")
    if "psnr" in measures:
        parts.append(f"{number(float(measures['psnr'][index]), 1)} dB")
    return parts


def _weight(pictures: Pictures, losses: Sequence[str], index: int) -> int:
    """Bytes of PNG of one strip, by the example of one picture."""
    strip = _strip(pictures, losses, index, "")
    uris = [strip.original] + [
        uri for shown in strip.shown for uri in (shown.picture, shown.error, shown.ssim)
    ]
    return sum(len(uri) for uri in uris) * 3 // 4


def _centre(picture: NDArray[Any]) -> NDArray[Any]:
    """The central part of (C, H, W), at most `MAX_SIDE` on a side."""
    height, width = picture.shape[-2:]
    top, left = max(0, height - MAX_SIDE) // 2, max(0, width - MAX_SIDE) // 2
    return picture[..., top : top + MAX_SIDE, left : left + MAX_SIDE]


def _error_map(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Numbers of colours (H, W) of the mean absolute error over channels."""
    error = np.abs(made.astype(np.float64) - original).mean(0) / ERROR_LIMIT
    return _colour_numbers(error)


def _ssim_map(found: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Numbers of colours (H, W) of 1 - SSIM: dark where it is right, bright at 0 and below."""
    return _colour_numbers(1.0 - np.nan_to_num(found[0].astype(np.float64), nan=0.0))


def _colour_numbers(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(np.clip(values, 0, 1) * (_COLOURS - 1)).astype(np.uint8)


@cache
def _palette() -> tuple[int, ...]:
    colours = mpl.colormaps["inferno"](np.linspace(0.0, 1.0, _COLOURS))[:, :3]
    return tuple(int(value) for value in np.rint(255 * colours).ravel())


def legend_colours(count: int = 9) -> list[str]:
    """Colours of the maps from right to wrong, as CSS writes them, for the legend.

    >>> legend_colours(2)
    ['rgb(0 0 4)', 'rgb(252 255 164)']
    """
    flat = _palette()
    places = np.linspace(0, _COLOURS - 1, count).round().astype(int).tolist()
    return [f"rgb({flat[3 * i]} {flat[3 * i + 1]} {flat[3 * i + 2]})" for i in places]


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """Encode uint8 (C, H, W) with 1 or 3 channels, or colour numbers (H, W), as PNG.

    >>> png_bytes(np.zeros((1, 4, 4), np.uint8))[1:4]
    b'PNG'
    """
    if picture.ndim == 2:
        image = Image.fromarray(np.ascontiguousarray(picture)).convert("P")
        image = Image.frombytes("P", (picture.shape[1], picture.shape[0]), picture.tobytes())
        image.putpalette(list(_palette()))
    elif picture.shape[0] == 1:
        image = Image.fromarray(np.ascontiguousarray(picture[0]))
    else:
        image = Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    target = io.BytesIO()
    image.save(target, format="PNG", optimize=True)
    return target.getvalue()


def data_uri(picture: NDArray[np.uint8]) -> str:
    """The PNG of `png_bytes` as an address that an img element takes."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(picture)).decode("ascii")
