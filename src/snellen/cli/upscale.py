"""``snellen upscale``: larger pictures from files or folders."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from snellen.cli.signals import sigterm_interrupts
from snellen.errors import UserError
from snellen.files import is_of_whole_disk, shown

if TYPE_CHECKING:
    from rich.progress import Progress

    from snellen.enlarging import Enlarger, Job

__all__ = ["upscale"]

QUIET = 30.0  # seconds between lines where there is no terminal


def _scale(text: str | int) -> int:
    """Typer's own sentence on what is no whole number names no scale."""
    try:
        return int(text)
    except ValueError:
        raise UserError(f"got {text}; the scale is 2, 3 or 4.") from None


def upscale(
    # Not as paths, which know neither an empty name nor a slash at the end.
    source: Annotated[
        str, typer.Argument(metavar="IN", help="A picture, or a folder with all below it.")
    ],
    out: Annotated[
        str | None,
        typer.Argument(
            metavar="OUT",
            help="A file (PNG, JPEG, WebP or TIFF by its suffix) or a folder, with a / at its end"
            " if it is to be made; for a folder, a folder.",
            show_default="beside IN, with -x4 at the end of the name",
        ),
    ] = None,
    scale: Annotated[int, typer.Option(help="2, 3 or 4.", metavar="N", parser=_scale)] = 4,
    method: Annotated[
        str,
        typer.Option(
            help="ms-ssim or mse, weights that come with snellen (shipped:LOSS is the same);"
            " bicubic; or a weights file (.safetensors).",
            metavar="NAME",
        ),
    ] = "ms-ssim",
    network: Annotated[
        str | None,
        typer.Option(
            help="For weights of a network that is none of snellen's: its package.module:Class.",
            metavar="SPEC",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto (a GPU where there is one), cpu, cuda, cuda:1, …")
    ] = "auto",
    tile: Annotated[
        int | None,
        typer.Option(
            help="Side of the tiles, in pixels of the enlarged picture.",
            metavar="PIXELS",
            show_default="256, on a GPU 1024",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite what is there already.")
    ] = False,
) -> None:
    """Enlarge pictures: Y by a network, colour and transparency by bicubic interpolation.

    What has been enlarged in the same way already is skipped, so that an interrupted run goes on
    when it is started again. Exit status 1 if any picture of a folder could not be enlarged, after
    enlarging all the others.
    """
    with _stopping_in_words():
        from snellen.enlarging import find_jobs, folder_beside, open_method
        from snellen.enlarging.tiles import SMALLEST_TILE
        from snellen.images.folders import unread_kinds

        if tile is not None and tile < SMALLEST_TILE:
            raise UserError(f"--tile {tile} is too small: give {SMALLEST_TILE} or more.")
        # The method first: an error there is one for all pictures.
        enlarger = open_method(method, scale, device=device, network=network)
        jobs = find_jobs(source, out, scale)
        place, unread = jobs[0].target, {}
        if is_folder := Path(source).is_dir():
            place = folder_beside(Path(source), scale) if out is None else Path(out)
            unread = unread_kinds(Path(source), without=[place])
        with _Display() as display:
            problems = _enlarge_all(jobs, enlarger, tile, force, display)
    if problems and not is_folder:
        raise UserError(problems[0])
    _close(display, problems, len(jobs), place if out is None else None, unread)
    if problems:
        raise typer.Exit(1)


class _Stopped(Exception):
    """A signal ended the run; `exit_code` is what shells expect."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(
            f"stopped by {name}, and no half file is left: type the same again, without --force, to"
            " go on."
        )


@contextmanager
def _stopping_in_words() -> Iterator[None]:
    """On Ctrl-C or SIGTERM, remove what is being written, and say how to go on.

    Raises:
        _Stopped: a signal came, and everything is cleaned up.
    """
    with sigterm_interrupts() as came:
        try:
            yield
        except KeyboardInterrupt:
            raise _Stopped(came.signal) from None


def _close(
    display: _Display, problems: list[str], count: int, place: Path | None, unread: dict[str, int]
) -> None:
    """Say how it went: each problem, the numbers of all, and what was passed over."""
    from snellen.images.folders import kinds_in_words

    for problem in problems:
        typer.echo(f"snellen: {shown(problem)}", err=True)
    untried = count - display.done - display.skipped - len(problems)
    parts = [f"{display.done} enlarged"]
    parts += [f"{display.skipped} skipped (done before)"] if display.skipped else []
    parts += [f"{len(problems)} failed"] if problems else []
    parts += [f"{untried} not tried"] if untried else []
    there = display.done + display.skipped > 0 and place is not None
    typer.echo(", ".join(parts) + (f": {shown(str(place))}" if there else "."), err=True)
    if unread:
        typer.echo(
            f"note: passed over {kinds_in_words(unread)}, which are not read: convert them to PNG"
            " or JPEG.",
            err=True,
        )


def _enlarge_all(
    jobs: list[Job], enlarger: Enlarger, tile: int | None, force: bool, display: _Display
) -> list[str]:
    """Enlarge one after the other; return a sentence for each that failed.

    A disk that is full or read-only would stop all others too: they are not tried.
    """
    from snellen.enlarging import enlarge_file

    problems = []
    for number, job in enumerate(jobs, 1):
        display.where = f"{number} of {len(jobs)}: {shown(job.name)}"
        if job.target is None:
            problems.append(f"{job.name}: {job.problem}")
            continue
        try:
            outcome = enlarge_file(
                job.source, job.target, enlarger, tile=tile, force=force, watch=display
            )
        except UserError as error:
            problems.append(_with_name(job, str(error)))
            if is_of_whole_disk(error):
                break
        except MemoryError:
            problems.append(f"{job.name}: the memory is used up: try a smaller picture.")
        else:
            display.finished(outcome.done_before)
            if outcome.note:
                display.say(f"snellen: {shown(job.name)}: {outcome.note}.")
    return problems


def _with_name(job: Job, sentence: str) -> str:
    """A sentence that does not name the picture gets its name in front."""
    return sentence if str(job.source) in sentence else f"{job.name}: {sentence}"


class _Display:
    """How far it is, on standard error: a bar in a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console

        self.done, self.skipped = 0, 0
        self.where = ""
        self._console = Console(stderr=True)
        self._said = time.monotonic()
        self._pixels = self._of = 0
        self._bar: Progress | None = None
        if self._console.is_terminal:
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                console=self._console,
                auto_refresh=False,
                transient=True,
            )
            self._task = self._bar.add_task("", total=1)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, pixels: int) -> None:
        """A picture of so many pixels is to come."""
        self._pixels, self._of = 0, pixels
        self.advance(0)

    def advance(self, pixels: int) -> None:
        """So many more of its pixels are computed."""
        from rich.markup import escape

        self._pixels += pixels
        if self._bar is not None:
            done, title = self._pixels / self._of, escape(self.where)
            self._bar.update(self._task, completed=done, description=title)
            self._bar.refresh()
        elif time.monotonic() - self._said > QUIET:
            self._said = time.monotonic()
            self.say(f"{self.where}: {100 * self._pixels // self._of} %")

    def finished(self, before: bool) -> None:
        """A picture is done, or was done before."""
        if before:
            self.skipped += 1
        else:
            self.done += 1

    def say(self, text: str) -> None:
        """Tell the user something, above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
