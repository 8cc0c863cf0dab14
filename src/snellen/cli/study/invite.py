"""``snellen study invite``: personal links."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["invite"]


def invite(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    url: Annotated[
        str,
        typer.Option(help="How participants reach the server, like https://study.example.org."),
    ],
    count: Annotated[int | None, typer.Option(metavar="N", help="How many links.")] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="One line for each person, instead of numbers."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A new CSV file for them, which you alone can read.",
            show_default="they are printed",
        ),
    ] = None,
) -> None:
    """Draw personal links: each lets one person in, once, and brings back who left.

    The study keeps only their hashes, so they are told this once. Its study.yaml must say
    `platform: {kind: open, invitations: true}`.

    Example: snellen study invite studies/faces --count 20 --url https://study.example.org
    """
    from snellen.cli.study.shared import opened, sentences_about
    from snellen.files import shown
    from snellen.study.invitations import invite as draw
    from snellen.study.invitations import read_labels

    there = opened(study)
    named = None if labels is None else read_labels(labels)
    with sentences_about(there.database):
        made = draw(there, url, count=count, labels=named, out=out)
    if out is None:
        for each in made:
            typer.echo(f"{each.label}\t{each.link}")
    else:
        typer.echo(f"made {shlex.quote(shown(out))}: {len(made)} links.")
    if len(made) > there.config.people:
        typer.echo(
            f"note: the study has {there.config.people} places; whoever comes when they are taken "
            "is told so.",
            err=True,
        )
