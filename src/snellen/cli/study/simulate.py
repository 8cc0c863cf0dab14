"""``snellen study simulate``: observers whose taste is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from snellen.cli.study.taste_options import (
    PERSON_SD,
    PICTURE_SD,
    Inattentive,
    PersonSd,
    PictureSd,
    Seed,
)

__all__ = ["simulate"]


def simulate(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")],
    people: Annotated[
        int | None,
        typer.Option(min=1, help="How many.", show_default="as many as the study has places"),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="http://…", help="A server of this study, that they take part at."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="COPY",
            help="A copy of the study that they answer.",
            show_default="STUDY-simulated, without --url",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What they like: mse, mae, psnr, ssim or ms-ssim.", show_default="ms-ssim"
        ),
    ] = None,
    utilities: Annotated[
        str | None,
        typer.Option(metavar="mse=0,mae=-.2,…", help="What they like, a number for each model."),
    ] = None,
    person_sd: PersonSd = PERSON_SD,
    picture_sd: PictureSd = PICTURE_SD,
    inattentive: Inattentive = 0.1,
    seed: Seed = 0,
) -> None:
    """Let simulated observers with a known taste take part.

    With --url in a study that is being served, as browsers would; otherwise in a copy of the study.
    All that comes of it is marked as simulated for good: make another study for people. Into a
    study in which people have taken part simulated ones are not let.
    """
    from snellen.cli.study.shared import opened, progress_of
    from snellen.errors import UserError
    from snellen.files import shown
    from snellen.study.simulation import (
        SimulationOptions,
        simulate_into_copy,
        simulate_over_http,
    )

    if url is not None and out is not None:
        raise UserError("--url and --out are both given: name the server or the copy.")
    if metric is not None and utilities is not None:
        raise UserError("--metric and --utilities are both given: name one of them.")
    options = SimulationOptions(
        people=people,
        metric=metric or "ms-ssim",
        utilities=None if utilities is None else _utilities(utilities),
        person_sd=person_sd,
        picture_sd=picture_sd,
        inattentive=inattentive,
        seed=seed,
    )
    there = opened(study)
    with progress_of("simulating") as tell:
        if url is not None:
            done = simulate_over_http(there, url, options, tell=tell)
        else:
            beside = study if study.name not in ("", "..") else study.resolve()
            out = out or beside.with_name(f"{beside.name}-simulated")
            done = simulate_into_copy(there, out, options, tell=tell)
    where = url if out is None else f"{shown(out)} (closed; `snellen study analyse` reads it)"
    typer.echo(
        f"{done.people} simulated people, {done.inattentive} of them inattentive, gave "
        f"{done.answers} answers: {where}"
    )
    ordered = sorted(done.utilities.items(), key=lambda item: -item[1])
    if url is not None:
        typer.echo(
            f"{shown(study)} is marked as simulated from now on: ask people in another study."
        )
    typer.echo("known utilities: " + ", ".join(f"{name} {value:+.3g}" for name, value in ordered))


def _utilities(text: str) -> dict[str, float]:
    """Read ``mse=0,mae=-.2``."""
    from snellen.errors import UserError

    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        name = name.strip()
        try:
            value = float(number)
        except ValueError:
            equals = ""
        if not equals or not name or name in found:
            raise UserError(
                f"--utilities: {part.strip()[:60]!r} is not a model and its number: write them as "
                "in mse=0,mae=-.2,ms-ssim=.4, each model once."
            )
        found[name] = value
    return found
