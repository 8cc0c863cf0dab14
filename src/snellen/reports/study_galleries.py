"""The galleries of a study's report: where a model was ranked first, and where it was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.reports.gallery import MAX_SIDE, data_uri
from snellen.reports.page import readable
from snellen.reports.study_facts import Facts
from snellen.reports.tables import number

__all__ = ["Gallery", "RankedPicture", "Strip", "galleries"]

_BEHIND = {
    2: "second",
    3: "second or third",
    4: "second to fourth",
    5: "second to fifth",
    6: "second to sixth",
}
_HALF = 537  # CSS pixels of half a page that is 1200 wide
_GAP = 6  # between the pictures of a row, as in study.css
_LEAST = 88  # as in strips.js
_BUDGET = 3_300_000  # bytes of PNG in both galleries; base64 makes them 4.4 MB


@dataclass(frozen=True)
class RankedPicture:
    """A picture of a gallery.

    Attributes:
        name, source: as the study knows it.
        original: uint8 (C, H, W).
        made: of each model, the same shape, in the order of the models.
        ranks: mean rank of each model.
        raters: how many people ranked it.
    """

    name: str
    source: str
    original: NDArray[np.uint8]
    made: Mapping[str, NDArray[np.uint8]]
    ranks: Mapping[str, float]
    raters: int

    def __post_init__(self) -> None:
        for model, picture in self.made.items():
            if picture.shape != self.original.shape or picture.dtype != np.uint8:
                raise ValueError(
                    f"{model}'s picture is {picture.dtype} {picture.shape}; "
                    f"uint8 {self.original.shape} is needed, as the original."
                )


@dataclass(frozen=True)
class Gallery:
    """One gallery as the template shows it."""

    key: str
    title: str
    count: str
    strips: list[Strip]


@dataclass(frozen=True)
class Strip:
    """A picture's original and what each model made of it."""

    name: str
    note: str
    width: int
    height: int
    original: str
    shown: list[
        tuple[str, int, str, str, bool]
    ]  # model, index, address, rank in words, its subject


def galleries(
    results: Facts, first: Sequence[RankedPicture], behind: Sequence[RankedPicture]
) -> dict[str, Any] | None:
    """Both galleries, as many pictures of each as the page can hold."""
    told = results.get("galleries")
    if not told or not (first or behind):
        return None
    both = [*first, *behind]
    weight = max(sum(len(uri) for uri in _uris(picture)) * 3 // 4 for picture in both[:4])
    most = max(1, _BUDGET // (2 * weight))
    models = results["study"]["models"]
    total = told["first_count"] + told["behind_count"] + told["shared_count"]
    return {
        "model": readable(told["model"]),
        "index": models.index(told["model"]),
        "rule": readable(told["rule"]),
        "shared": told["shared_count"],
        "total": total,
        "stacked": _stacked(both, len(models)),
        "cropped": any(max(picture.original.shape[-2:]) > MAX_SIDE for picture in both),
        "side": MAX_SIDE,
        "each": [
            Gallery(
                "first",
                "ranked first",
                f"{told['first_count']:,} of {total:,}",
                [_strip(picture, told["model"]) for picture in first[:most]],
            ),
            Gallery(
                "behind",
                f"ranked {_BEHIND[len(models)]}",
                f"{told['behind_count']:,} of {total:,}",
                [_strip(picture, told["model"]) for picture in behind[:most]],
            ),
        ],
    }


def _stacked(pictures: Sequence[RankedPicture], models: int) -> bool:
    """Whether a row of original and models is too wide for half of a page.

    Two galleries stand beside each other where a row fits, its pictures not smaller than `_LEAST`.
    """
    count = models + 1
    room = (_HALF - _GAP * (count - 1)) / count
    widths = [min(picture.original.shape[-1], MAX_SIDE) for picture in pictures]
    return any(room // width * width < _LEAST for width in widths)


def _uris(picture: RankedPicture) -> list[str]:
    return [data_uri(_centre(each)) for each in (picture.original, *picture.made.values())]


def _strip(picture: RankedPicture, subject: str) -> Strip:
    original, *made = _uris(picture)
    height, width = (min(extent, MAX_SIDE) for extent in picture.original.shape[-2:])
    source = "" if picture.source == picture.name else f"of {readable(picture.source)}"
    raters = "" if picture.raters == 1 else f"{picture.raters} rankings"
    word = "rank" if picture.raters == 1 else "mean rank"
    whole = picture.raters == 1 and all(rank.is_integer() for rank in picture.ranks.values())
    digits = 0 if whole else 2
    return Strip(
        readable(picture.name),
        ", ".join(part for part in (source, raters) if part),
        width,
        height,
        original,
        [
            (
                readable(model),
                index,
                uri,
                f"{word} {number(picture.ranks[model], digits)}",
                model == subject,
            )
            for index, (model, uri) in enumerate(zip(picture.made, made, strict=True))
        ],
    )


def _centre(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The central part, at most `MAX_SIDE` on a side, so that the page stays sendable."""
    height, width = picture.shape[-2:]
    top, left = max(0, height - MAX_SIDE) // 2, max(0, width - MAX_SIDE) // 2
    return picture[..., top : top + MAX_SIDE, left : left + MAX_SIDE]
