"""``snellen study pause``, ``reopen`` and ``close``: who may take part, without the admin page."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["close", "pause", "reopen"]

_StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")]

_NOBODY = (
    "but it holds simulated answers, so no person is let in: make another study for people "
    "(`snellen study create`)."
)


def pause(study: _StudyArgument) -> None:
    """Let nobody new begin; who has begun may go on.

    At once, also while the study is served, and noted in its log as on the admin page.
    """
    from snellen.errors import UserError
    from snellen.study.store.administration import refuse_purged
    from snellen.study.store.opening import reading
    from snellen.study.store.settings import setting

    place = _place(study)
    with _in_a_sentence(), reading(_database(study)) as connection:
        refuse_purged(connection)
        closed = setting(connection, "state") == "closed"
        simulated = setting(connection, "simulated") == "1"
    if closed:
        raise UserError(
            f"{place} is closed; paused, it would take answers again: if that is meant, type "
            f"`snellen study reopen {place}` first."
        )
    if _change(study, "paused"):
        who = _NOBODY if simulated else "nobody new can begin, and who has begun may go on."
        typer.echo(f"{place} is paused: {who} `snellen study reopen {place}` ends the pause.")


def reopen(
    study: _StudyArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask where it will be reported for ever.")
    ] = False,
) -> None:
    """Let people begin, and answer, again, in a study that was paused or closed.

    That is noted in its log. Where the result has been seen, every later report and export says
    that people took part after that.
    """
    from snellen.errors import UserError
    from snellen.study.store.administration import refuse_purged, reopening_is_reported
    from snellen.study.store.opening import reading
    from snellen.study.store.settings import setting

    with _in_a_sentence(), reading(_database(study)) as connection:
        refuse_purged(connection)
        reported = reopening_is_reported(connection)
        simulated = setting(connection, "simulated") == "1"
    if reported and not yes:
        sentence = "The result has been seen: every later report and export will say so."
        if not sys.stdin.isatty():
            raise UserError(f"{sentence[:1].lower()}{sentence[1:-1]}: add --yes to open it.")
        typer.confirm(f"{sentence} Open the study again?", abort=True)
    if _change(study, "open"):
        told = " That its result had been seen is noted." if reported else ""
        who = _NOBODY if simulated else "people can begin and answer."
        typer.echo(f"{_place(study)} is open: {who}{told}")


def close(study: _StudyArgument) -> None:
    """End a study: nobody can begin or answer any more, and the result can be seen.

    At once, also while it is served, and noted in its log as on the admin page. All answers are
    kept. `snellen study reopen` takes it back.

    Example: snellen study close studies/faces
    """
    from snellen.study.store.administration import people_in_the_middle
    from snellen.study.store.opening import reading

    if not _change(study, "closed"):
        return
    with reading(_database(study)) as connection:
        left = people_in_the_middle(connection)
    cut = f" {left} {'has' if left == 1 else 'have'} begun and not finished." if left else ""
    typer.echo(
        f"{_place(study)} is closed: nobody can begin or answer any more; all answers are kept."
        f"{cut}\n`snellen study analyse {_place(study)}` shows the result."
    )


def _place(study: Path) -> str:
    from snellen.files import shown

    return shlex.quote(shown(study))


def _database(study: Path) -> Path:
    """Where the answers are. To close a large study nobody must wait for its plan."""
    from snellen.study.folder import DATABASE_FILE, open_study

    database = study / DATABASE_FILE
    return database if database.is_file() else open_study(study).database


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    """What the store refuses, as an error of the command line."""
    from snellen.errors import UserError
    from snellen.study.store.refusals import Refused

    try:
        yield
    except Refused as refused:
        raise UserError(f"{refused.message[:1].lower()}{refused.message[1:]}") from refused


def _change(study: Path, state: str) -> bool:
    """Set it, and return whether it was another before; if not, that is said."""
    from snellen.cli.study.shared import sentences_about
    from snellen.study.store.administration import set_state_of

    database = _database(study)
    with _in_a_sentence(), sentences_about(database):
        before = set_state_of(database, state)
    if before == state:
        typer.echo(f"{_place(study)} is {state} already: nothing was changed.")
    return before != state
