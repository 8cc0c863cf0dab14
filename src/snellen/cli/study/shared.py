"""What the commands of ``snellen study`` share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["line_when_slow", "opened", "progress_of", "sentences_about"]

_PATIENCE = 5.0  # seconds without a word, where no terminal shows a bar


@contextmanager
def progress_of(what: str, *, first: str = "") -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how much of how much is done; a bar on the terminal shows it.

    Where stderr is no terminal, one line there says what takes longer than a few seconds.

    Args:
        what: is done.
        first: what is done before anything can be counted, if that is something else.
    """
    if not sys.stderr.isatty():
        with line_when_slow(what, first=first) as tell:
            yield tell
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(first or what, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield show


@contextmanager
def line_when_slow(what: str, *, first: str = "") -> Iterator[Callable[[int, int], None]]:
    """As `progress_of` where there is no terminal; for what is mostly done at once."""
    doing = first or what

    def count(done: int, total: int) -> None:
        nonlocal doing
        doing = f"{what} ({done:,} of {total:,} done)"

    def say() -> None:
        typer.echo(f"{doing}: this takes a while …", err=True)

    timer = threading.Timer(_PATIENCE, say)
    timer.daemon = True
    timer.start()
    try:
        yield count
    finally:
        timer.cancel()
        timer.join()


def opened(study: Path) -> Study:
    """Open a study's folder; who sees what takes a while to work out where people are many.

    Raises:
        UserError: see `snellen.study.folder.open_study`.
    """
    from snellen.files import shown
    from snellen.study.folder import open_study

    with line_when_slow(f"working out who sees what in {shown(study)}"):
        return open_study(study)


@contextmanager
def sentences_about(database: Path) -> Iterator[None]:
    """Say in one sentence what SQLite cannot do with a study's database, as on a full disk."""
    from snellen.study.store.opening import in_sentences

    with in_sentences(database):
        yield
