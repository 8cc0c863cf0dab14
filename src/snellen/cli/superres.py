"""``snellen superres``: what belongs to super-resolution, one file for each command."""

from __future__ import annotations

import typer

from snellen.cli.superres_evaluate import evaluate

__all__ = ["superres"]

superres = typer.Typer(
    name="superres",
    help="Super-resolution: measure methods under a stated protocol.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

superres.command("evaluate")(evaluate)
