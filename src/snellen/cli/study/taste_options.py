"""Whom to simulate: what ``power`` and ``simulate`` both ask."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["PERSON_SD", "PICTURE_SD", "Inattentive", "PersonSd", "PictureSd", "Seed"]

PersonSd = Annotated[float, typer.Option(min=0, help="How much people differ in what they like.")]
PictureSd = Annotated[float, typer.Option(min=0, help="How much it depends on the picture.")]
Inattentive = Annotated[
    float,
    typer.Option(min=0, help="Share of the people who rank without looking, from 0 to below 1."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of all draws.")]

PERSON_SD, PICTURE_SD = 0.5, 0.8  # as in `snellen.study.observers.Observers`
