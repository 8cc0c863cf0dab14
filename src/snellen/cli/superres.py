"""``snellen superres``: what belongs to super-resolution, one file for each command."""

from __future__ import annotations

import typer

from snellen.cli.superres_compare import compare
from snellen.cli.superres_evaluate import evaluate
from snellen.cli.superres_export import export

__all__ = ["superres"]

superres = typer.Typer(
    name="superres",
    help="Super-resolution: compare losses under one budget, measure methods, export networks.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

superres.command("compare")(compare)
superres.command("evaluate")(evaluate)
superres.command("export")(export)
