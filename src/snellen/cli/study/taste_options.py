"""Whom to simulate: what ``power`` and ``simulate`` both ask."""

from __future__ import annotations

from typing import Annotated

import typer

from snellen.errors import UserError

__all__ = ["PERSON_SD", "PICTURE_SD", "Inattentive", "PersonSd", "PictureSd", "Seed"]


def _share(value: float) -> float:
    if not value < 1:
        raise UserError(f"--inattentive {value:g}: give a share from 0 to below 1.")
    return value


PersonSd = Annotated[float, typer.Option(min=0, help="How much people differ in what they like.")]
PictureSd = Annotated[float, typer.Option(min=0, help="How much it depends on the picture.")]
Inattentive = Annotated[
    float,
    typer.Option(
        min=0,
        callback=_share,
        help="Share of the people who rank without looking, from 0 to below 1.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of all draws.")]

PERSON_SD, PICTURE_SD = 0.5, 0.8  # as in `snellen.study.observers.Observers`
