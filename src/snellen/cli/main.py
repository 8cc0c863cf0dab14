"""The ``snellen`` command: what it offers, and how it fails.

Only typer is imported here and at the top of each command's module: torch, NumPy and Matplotlib
come in inside the commands that need them, so that ``snellen --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from snellen import __version__
from snellen.cli.doctor import doctor
from snellen.cli.embed import embed
from snellen.cli.explain import explain
from snellen.cli.reconstruct import reconstruct
from snellen.cli.represent import represent
from snellen.cli.score import score
from snellen.cli.study import study
from snellen.cli.superres import superres
from snellen.cli.upscale import upscale
from snellen.errors import UserError
from snellen.files import shown

__all__ = ["app", "main"]

USAGE_ERROR = 2  # also the status of a UserError: nothing was done
SOFTWARE_ERROR = 70  # EX_SOFTWARE of sysexits.h: a mistake of ours
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE

app = typer.Typer(
    name="snellen",
    help="Train image-synthesis networks with perceptual similarity metrics, and show with"
    " numbers and pictures what that changes.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"snellen {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            is_eager=True,
            callback=_print_version,
            help="Print the version and leave.",
        ),
    ] = False,
) -> None:
    del version  # its callback has done the work


# In the order of the help page.
app.command("reconstruct")(reconstruct)
app.command("represent")(represent)
app.command("embed")(embed)
app.add_typer(superres)
app.add_typer(study)
app.command("score")(score)
app.command("upscale")(upscale)
app.command("explain")(explain)
app.command("doctor")(doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; never let a traceback reach the user.

    0: all is well. 1: the command ran, and its answer is "not all of it" (``score`` with a pair
    that failed). 2: bad usage or bad input, one sentence on stderr. 130: Ctrl-C. 70: a mistake in
    snellen itself; ``SNELLEN_DEBUG=1`` shows the traceback of any failure.

    Args:
        arguments: the words after ``snellen``; those of the process when None.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal without ↑ or × gets a question mark, not a UnicodeEncodeError.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # Losses, networks and metrics may be named that lie in the current folder.
    with contextlib.suppress(OSError):  # the current folder may have been deleted
        if (here := os.getcwd()) not in sys.path:
            sys.path.append(here)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(words or ["--help"], prog_name="snellen", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has left; nothing more can be said there, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("SNELLEN_DEBUG", "") not in ("", "0"):
            raise
        sentence, status = _explain(error)
        if sentence:
            typer.echo(f"snellen: {shown(sentence)}", err=True)
    return status if isinstance(status, int) else 0


def _explain(error: BaseException) -> tuple[str, int]:
    """Return the sentence (maybe empty) and the exit status that `error` deserves."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted.", INTERRUPTED
    if isinstance(error, UserError):
        return str(error), USAGE_ERROR
    if hasattr(error, "format_message"):  # typer's and click's own errors share only this method
        return _explain_usage(error), USAGE_ERROR
    exit_code = getattr(error, "exit_code", None)
    if isinstance(exit_code, int):  # a run that was stopped by a signal, and saved
        return str(error), exit_code
    if isinstance(error, MemoryError):
        return "the memory is used up: use smaller pictures or a smaller batch.", 1
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}.", USAGE_ERROR
    kind = type(error).__name__
    return (
        f"unexpected {kind}: {error} (a mistake in snellen, not yours; SNELLEN_DEBUG=1 shows where,"
        " please report it)."
    ), SOFTWARE_ERROR


def _explain_usage(error: Any) -> str:
    message = error.format_message().strip()
    if not message:  # a group without a command has shown its help
        return ""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "snellen"
    end = "" if message.endswith((".", "?")) else "."
    return f"{message[:1].lower()}{message[1:]}{end} Type `{command} --help` to see what there is."
