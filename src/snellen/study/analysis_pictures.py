"""The pictures of an analysis: what metrics say of them, and those that its galleries show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.files import shown
from snellen.images.files import read_image
from snellen.reports.study import RankedPicture
from snellen.study.folder import Study
from snellen.study.galleries import Pick
from snellen.study.metric_agreement import MetricsAndPeople
from snellen.study.metric_values import MetricTable, measure_pictures, parse_metric
from snellen.study.pictures import ORIGINAL
from snellen.study.ratings import Ratings

__all__ = ["gallery_pictures", "measured", "picture_facts", "planes"]


def measured(study: Study, ratings: Ratings, names: Sequence[str]) -> list[MetricTable]:
    """What each metric says of the ranked pictures; the others have zeros, which are not read."""
    ranked = np.unique(ratings.only("main").picture)
    if not len(ranked) or not names:
        return []
    models = study.config.models
    pictures = (
        (_pixels(study, index, ORIGINAL), [_pixels(study, index, model) for model in models])
        for index in ranked.tolist()
    )
    found = []
    for table in measure_pictures([parse_metric(name) for name in names], pictures):
        values = np.zeros((len(ratings.pictures), len(models)))
        if not table.missing:
            values[ranked] = table.values
        found.append(dataclasses.replace(table, values=values))
    return found


def picture_facts(
    ratings: Ratings, tables: Sequence[MetricTable], agreement: MetricsAndPeople | None
) -> list[dict[str, Any]]:
    """Each ranked picture: who ranked it how, what metrics say, and how often these agree."""
    main = ratings.only("main")
    raters = np.bincount(main.picture, minlength=len(main.pictures))
    sums = np.zeros((len(main.pictures), len(main.models)))
    np.add.at(sums, main.picture, main.ranks)
    usable = [table for table in tables if not table.missing]
    compared = [] if agreement is None else [m for m in agreement.metrics if not m.missing]
    return [
        {
            "name": main.pictures[index],
            "source": main.sources[index],
            "raters": int(raters[index]),
            "mean_ranks": dict(zip(main.models, sums[index] / raters[index], strict=True)),
            "metrics": {
                table.name: dict(zip(main.models, table.values[index], strict=True))
                for table in usable
            },
            "agreement": {metric.name: metric.by_picture[index] for metric in compared},
        }
        for index in np.flatnonzero(raters).tolist()
    ]


def gallery_pictures(
    study: Study, galleries: Mapping[str, Any] | None, key: str
) -> list[RankedPicture]:
    """The pictures of the gallery `key`, "first" or "behind", as results.json has chosen them."""
    chosen = (galleries or {}).get(key) or []
    return [_ranked_picture(study, Pick(**pick)) for pick in chosen]


def _ranked_picture(study: Study, pick: Pick) -> RankedPicture:
    picture = study.picture(pick.picture)
    models = study.config.models
    return RankedPicture(
        picture.name,
        picture.source,
        planes(study, pick.picture, ORIGINAL),
        {model: planes(study, pick.picture, model) for model in models},
        dict(zip(models, pick.ranks, strict=True)),
        pick.raters,
    )


def planes(study: Study, index: int, model: str) -> NDArray[np.uint8]:
    """One picture as uint8 (C, H, W)."""
    pixels = _pixels(study, index, model)
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes)


def _pixels(study: Study, index: int, model: str) -> NDArray[np.uint8]:
    """One picture as uint8 (H, W) or (H, W, 3), of the file that people saw."""
    study.picture_bytes(index, model)  # refuses a file that was changed
    path = study.path / study.picture(index).files[model]
    pixels = read_image(path)
    if pixels.dtype != np.uint8:
        raise UserError(f"{shown(path)} has more than 8 bits a channel: restore the picture.")
    return pixels.astype(np.uint8, copy=False)
