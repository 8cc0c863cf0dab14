"""``snellen study export``: what others may have of a study."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export"]


def export(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    out: Annotated[Path, typer.Option(help="A new folder for the tables.")],
    unlock: Annotated[
        bool,
        typer.Option(
            "--unlock",
            help="Look though the study is not closed; that is noted for ever, in every export.",
        ),
    ] = False,
) -> None:
    """Write all answers as tables (CSV and JSON), with a dictionary of their columns.

    No platform's id, no address and no secret is among them. Before the study is closed
    (`snellen study close`) the result is withheld, for who looks early is tempted to stop when it
    pleases.

    Example: snellen study export studies/faces --out faces-data
    """
    from snellen.cli.study.shared import line_when_slow, opened, sentences_about
    from snellen.files import shown
    from snellen.study.export import export_study

    there = opened(study)
    with sentences_about(there.database), line_when_slow("writing the tables"):
        export_study(there, out, unlock_result=unlock)
    typer.echo(f"made {shlex.quote(shown(out))}: begin with its dictionary.md.")
