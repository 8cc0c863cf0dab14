"""``snellen study doctor``, ``backup`` and ``purge``: looking after a study."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from snellen.errors import UserError
from snellen.files import shown

__all__ = ["backup", "doctor", "purge"]

_StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")]


def doctor(
    study: _StudyArgument,
    url: Annotated[
        str | None,
        typer.Option(help="Ask there, too, whether this study is served.", metavar="URL"),
    ] = None,
) -> None:
    """Check every part of a study; one line each.

    Exit status 1 if something is wrong.
    """
    from snellen.study.maintenance import examine

    wrong = False
    for found in examine(study, url=url):
        wrong |= found.level == "wrong"
        typer.echo(shown(f"{found.level:5}  {found.what:10}  {found.sentence}"))
    if wrong:
        raise typer.Exit(1)


def backup(
    study: _StudyArgument,
    out: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to; an older backup is replaced.")
    ],
) -> None:
    """Copy a study's database, also while it is served.

    study.yaml, the pictures and secrets.json do not change: copy them once. To restore, end the
    server, remove study.db-wal and study.db-shm, and copy FILE to STUDY/study.db.
    """
    from snellen.cli.study.shared import opened, sentences_about
    from snellen.study.maintenance import back_up

    there = opened(study)
    with sentences_about(there.database):
        made = back_up(there, out)
    typer.echo(f"{shown(made.path)}: {made.answers} answers of {made.sessions} sessions.")


def purge(
    study: _StudyArgument,
    identities: Annotated[
        bool,
        typer.Option(
            "--identities",
            help="Forget the platforms' ids, plain and hashed, the invitations and the salt; the"
            " answers stay under their pseudonyms.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget who the participants of a closed study are. It cannot be undone."""
    if not identities:
        raise UserError("say what to purge: `snellen study purge STUDY --identities`.")
    from snellen.cli.study.shared import opened, sentences_about
    from snellen.study.maintenance import purge_identities

    there = opened(study)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError("there is no terminal to ask at: add --yes to purge for good.")
        typer.confirm(
            "Whom to pay can then no longer be told. Forget who the participants are?", abort=True
        )
    with sentences_about(there.database):
        count = purge_identities(there)
    if not count:
        typer.echo("Nothing is kept of who took part: nobody was left to be forgotten.")
        return
    typer.echo(
        f"Forgotten: {count} people. Backups that were made before still hold their ids: delete"
        " these, too."
    )
