"""``snellen study create``: a study's folder from pictures."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["create"]

DESIGN = "Who judges how much"


def create(
    bundle: Annotated[
        Path,
        typer.Argument(
            help="The folder of a run, its study-bundle/, or a folder that holds original/ and one"
            " folder for each model; pictures of one name belong together (boat.png and boat.jpg).",
        ),
    ],
    study: Annotated[Path, typer.Argument(help="The study's folder; a new one.")],
    title: Annotated[
        str | None, typer.Option(help="What participants see at the top of the page.")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Which models, 2 to 6, by commas; all when it is left out."
        ),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(metavar="N|NAMES", help="all, a number (drawn), or names by commas."),
    ] = None,
    platform: Annotated[
        str, typer.Option(help="Where people come from: open (a link), prolific or mturk.")
    ] = "open",
    people: Annotated[
        int | None,
        typer.Option(metavar="N", help="Participants.", show_default="20", rich_help_panel=DESIGN),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Pictures that each of them ranks.",
            show_default="50, or as many as there are",
            rich_help_panel=DESIGN,
        ),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(
            help="nested (each picture is ranked once), crossed (everyone sees the same) or"
            " balanced-incomplete (shared out evenly).",
            show_default="what fits the pictures",
            rich_help_panel=DESIGN,
        ),
    ] = None,
    ties: Annotated[
        bool, typer.Option("--ties", help="Two models may share a rank.", rich_help_panel=DESIGN)
    ] = False,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of all draws.", rich_help_panel=DESIGN)
    ] = 0,
) -> None:
    """Make a study from the pictures of a run, or from folders of pictures.

    Where pictures in folders are pieces of the same photographs, put a table sources.csv beside
    original/: its first line is picture,source, then a line for each picture, like boat_1,boat.

    Edit its study.yaml, then look at it with `snellen study serve`. A study stays as it is once the
    first participant has begun.

    Example: snellen study create runs/reconstruct studies/faces --people 20 --trials 50
    """
    from snellen.cli.study.shared import progress_of
    from snellen.errors import UserError
    from snellen.files import shown
    from snellen.study.create import CreateOptions, create_study

    options = CreateOptions(
        people=people,
        trials=trials,
        design=design,  # type: ignore[arg-type]  # what is no design is refused there
        models=None if models is None else _listed(models),
        pictures=None if pictures is None else _pictures(pictures),
        title=title,
        platform=platform,  # type: ignore[arg-type]  # likewise
        ties=ties,
        seed=seed,
    )
    asked = "the people" if people is None else f"{people:,} people"
    try:
        with progress_of("copying pictures", first=f"sharing out pictures among {asked}") as tell:
            made = create_study(bundle, study, options, progress=tell)
    except MemoryError as error:
        raise UserError(
            f"the memory does not suffice to share out the pictures evenly among {asked}: type "
            "fewer by --people, or --design crossed."
        ) from error
    typer.echo(made.words)
    for note in made.notes:
        typer.echo(f"note: {shown(note)}")
    place = shlex.quote(shown(study))
    typer.echo(f"made {place}: edit {place}/study.yaml, then type `snellen study serve {place}`.")


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pictures(text: str) -> str | int | list[str]:
    if text.strip().isdecimal():
        return int(text)
    return "all" if text.strip() == "all" else _listed(text)
