"""The section of a report on what networks make of codes that belong to no picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.images import area_resize
from snellen.reports.gallery import data_uri
from snellen.reports.page import readable
from snellen.reports.tables import number

__all__ = [
    "GenerationInput",
    "GenerationSection",
    "PictureRow",
    "PictureRows",
    "generation_section",
]

_BUDGET = 600_000  # bytes of base64: the section must not make the page hard to send
_SIDE = 96  # larger pictures are shrunk, for here no single pixel is judged
# Pairs and samples: the first that fits the budget.
_PLANS = ((4, 8), (3, 8), (2, 8), (1, 8), (1, 4))


@dataclass(frozen=True)
class GenerationInput:
    """What the section is made of: p pairs of held-out pictures, seed 0, all 8 bit.

    Attributes:
        names: of each pair, what its two pictures are called.
        ends: the two pictures of each pair, uint8 (p, 2, C, S, S).
        interpolations: of each loss that has a code, uint8 (p, steps, C, S, S): the pictures of
            codes on the straight line from the first picture's code to the second's; p may be 0.
        samples: of each loss with a variational network, uint8 (n, C, S, S): the pictures of codes
            drawn from the prior, the same codes for every loss.
        variational: of each such loss ``active_units``, ``units``, ``kl_nats`` and ``weight``, as
            in results.json.
        nats_per_pixel: what the mean training picture costs under each loss, in nats.
        kl_warmup: share of the steps over which the divergence came in.
    """

    names: Sequence[tuple[str, str]]
    ends: NDArray[np.uint8]
    interpolations: Mapping[str, NDArray[np.uint8]]
    samples: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    variational: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    nats_per_pixel: float | None = None
    kl_warmup: float | None = None

    def __post_init__(self) -> None:
        if len(self.names) != len(self.ends):
            raise ValueError(f"{len(self.ends)} pairs came with {len(self.names)} pairs of names.")
        for loss, made in self.interpolations.items():
            if made.ndim != 5 or made[:, :2].shape != self.ends.shape:
                raise ValueError(
                    f"interpolations of {loss} are {made.shape}; (pairs, steps, C, S, S) is "
                    f"needed, for ends {self.ends.shape}."
                )


@dataclass(frozen=True)
class PictureRow:
    """Pictures of one loss side by side, as data URIs; `loss` is None for the originals.

    An empty URI is a place without a picture.
    """

    loss: str | None
    index: int
    pictures: list[str]


@dataclass(frozen=True)
class PictureRows:
    """Rows that belong together, each with the same number of places."""

    names: list[str]
    rows: list[PictureRow]


@dataclass(frozen=True)
class GenerationSection:
    """What the template shows.

    Attributes:
        pairs: the interpolations, one for each pair.
        steps: pictures in each.
        samples: those of the prior, or None.
        table: of each variational loss its index and what stands in the row.
        side: of the pictures on the page, in pixels.
        shrunk: whether that is smaller than they are.
        nats: per number of a picture, in words; empty where there is no variational network.
        warmup: the share of the warm-up, in words.
    """

    pairs: list[PictureRows]
    steps: int
    samples: PictureRows | None
    table: list[dict[str, Any]]
    side: int
    shrunk: bool
    nats: str
    warmup: str


def generation_section(
    found: GenerationInput | None, losses: Sequence[str]
) -> GenerationSection | None:
    """Encode the pictures, as many pairs as fit; None where no network has a code.

    Args:
        found: what the networks generated.
        losses: the losses of the report in their order, which numbers their colours.

    >>> ends = np.zeros((1, 2, 1, 8, 8), np.uint8)
    >>> made = GenerationInput([("a", "b")], ends, {"mse": np.zeros((1, 7, 1, 8, 8), np.uint8)})
    >>> section = generation_section(made, ["mae", "mse"])
    >>> section.steps, [(row.loss, row.index) for row in section.pairs[0].rows]
    (7, [(None, 0), ('mse', 1)])
    """
    if found is None or not any(name in found.interpolations for name in losses):
        return None
    pairs, samples = _pairs(found, losses), _rows(found.samples, losses)
    for most_pairs, most_samples in _PLANS:
        pairs = pairs[:most_pairs]
        samples = [replace(row, pictures=row.pictures[:most_samples]) for row in samples]
        rows = [*samples, *(row for pair in pairs for row in pair.rows)]
        if sum(len(uri) for row in rows for uri in row.pictures) <= _BUDGET:
            break
    size = found.ends.shape[-1]
    return GenerationSection(
        pairs,
        len(pairs[0].rows[0].pictures) if pairs else 0,
        PictureRows([], samples) if samples else None,
        _table(found.variational, losses),
        min(size, _SIDE),
        size > _SIDE,
        "" if found.nats_per_pixel is None else f"{found.nats_per_pixel:g}",
        "" if not found.kl_warmup else f"{100 * found.kl_warmup:g} %",
    )


def _pairs(found: GenerationInput, losses: Sequence[str]) -> list[PictureRows]:
    pairs = []
    for place, (names, ends) in enumerate(zip(found.names, found.ends, strict=True)):
        rows = _rows({name: made[place] for name, made in found.interpolations.items()}, losses)
        between = [""] * (len(rows[0].pictures) - 2)
        originals = PictureRow(None, 0, [_uri(ends[0]), *between, _uri(ends[1])])
        pairs.append(PictureRows([readable(name) for name in names], [originals, *rows]))
    return pairs


def _rows(made: Mapping[str, NDArray[np.uint8]], losses: Sequence[str]) -> list[PictureRow]:
    return [
        PictureRow(name, losses.index(name), [_uri(picture) for picture in made[name]])
        for name in losses
        if name in made
    ]


def _table(
    variational: Mapping[str, Mapping[str, float]], losses: Sequence[str]
) -> list[dict[str, Any]]:
    return [
        {
            "loss": name,
            "index": losses.index(name),
            "active": f"{variational[name]['active_units']:g}",
            "units": f"{variational[name]['units']:g}",
            "kl": number(variational[name]["kl_nats"], 1),
            "weight": _weight_in_words(variational[name]["weight"]),
        }
        for name in losses
        if name in variational
    ]


def _weight_in_words(value: float) -> str:
    """Four digits, without an exponent where it is not needed.

    >>> _weight_in_words(58537.1), _weight_in_words(3.14159)
    ('58,537', '3.142')
    """
    return f"{value:,.0f}" if 1000 <= value < 1e9 else f"{value:.4g}"


def _uri(picture: NDArray[np.uint8]) -> str:
    height, width = (min(extent, _SIDE) for extent in picture.shape[-2:])
    shrunk = area_resize(np.ascontiguousarray(picture.transpose(1, 2, 0)), (height, width))
    return data_uri(shrunk.transpose(2, 0, 1))
