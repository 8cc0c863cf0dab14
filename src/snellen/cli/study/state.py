"""``snellen study pause``, ``reopen`` and ``close``: who may take part, without the admin page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["close", "pause", "reopen"]

_StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")]


def pause(study: _StudyArgument) -> None:
    """Let nobody new begin; who has begun may go on.

    At once, also while the study is served, and noted in its log as on the admin page.
    """
    from snellen.cli.study.shared import opened
    from snellen.errors import UserError

    there = opened(study)
    if _state(there) == "closed":
        raise UserError(
            f"{_place(there)} is closed; paused, it would take answers again: if that is meant, "
            f"type `snellen study reopen {_place(there)}` first."
        )
    if _change(there, "paused"):
        typer.echo(
            f"{_place(there)} is paused: nobody new can begin, and who has begun may go on. "
            f"`snellen study reopen {_place(there)}` ends the pause."
        )


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
    from snellen.cli.study.shared import opened
    from snellen.errors import UserError
    from snellen.study.store.administration import reopening_is_reported
    from snellen.study.store.opening import reading

    there = opened(study)
    with reading(there.database) as connection:
        reported = reopening_is_reported(connection)
    if reported and not yes:
        sentence = "The result has been seen: every later report and export will say so."
        if not sys.stdin.isatty():
            raise UserError(f"{sentence[:1].lower()}{sentence[1:-1]}: add --yes to open it.")
        typer.confirm(f"{sentence} Open the study again?", abort=True)
    if _change(there, "open"):
        told = " That its result had been seen is noted." if reported else ""
        typer.echo(f"{_place(there)} is open: people can begin and answer.{told}")


def close(study: _StudyArgument) -> None:
    """End a study: nobody can begin or answer any more, and the result can be seen.

    At once, also while it is served, and noted in its log as on the admin page. All answers are
    kept. `snellen study reopen` takes it back.

    Example: snellen study close studies/faces
    """
    from snellen.cli.study.shared import opened
    from snellen.study.store.administration import people_in_the_middle
    from snellen.study.store.opening import reading

    there = opened(study)
    if not _change(there, "closed"):
        return
    with reading(there.database) as connection:
        left = people_in_the_middle(connection)
    cut = f" {left} {'has' if left == 1 else 'have'} begun and not finished." if left else ""
    typer.echo(
        f"{_place(there)} is closed: nobody can begin or answer any more; all answers are kept."
        f"{cut}\n`snellen study analyse {_place(there)}` shows the result."
    )


def _place(study: Study) -> str:
    from snellen.files import shown

    return shlex.quote(shown(study.path))


def _state(study: Study) -> str | None:
    from snellen.study.store.opening import reading
    from snellen.study.store.sessions import setting

    with reading(study.database) as connection:
        return setting(connection, "state")


def _change(study: Study, state: str) -> bool:
    """Set it, and return whether it was another before; if not, that is said."""
    from snellen.cli.study.shared import database_of
    from snellen.errors import UserError
    from snellen.study.store.administration import set_state_of
    from snellen.study.store.refusals import Refused

    try:
        with database_of(study):
            before = set_state_of(study.database, state)
    except Refused as refused:
        raise UserError(f"{refused.message[:1].lower()}{refused.message[1:]}") from refused
    if before == state:
        typer.echo(f"{_place(study)} is {state} already: nothing was changed.")
    return before != state
