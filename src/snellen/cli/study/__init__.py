"""``snellen study``: asking people, one file for each command."""

from __future__ import annotations

import importlib

import typer

__all__ = ["study"]

study = typer.Typer(
    name="study",
    help="Ask people: a study in which they rank pictures, from the pictures to the statistics.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Command and module, in the order of the help page: as one goes through a study.
_COMMANDS = (
    ("create", "create"),
    ("power", "power"),
    ("serve", "serve"),
    ("invite", "invite"),
    ("mturk", "mturk"),
    ("analyse", "analyse"),
    ("export", "export"),
    ("doctor", "maintenance"),
    ("backup", "maintenance"),
    ("purge", "maintenance"),
    ("simulate", "simulate"),
    ("demo", "demo"),
)


def _register() -> None:
    for name, module in _COMMANDS:
        try:
            found = getattr(importlib.import_module(f"snellen.cli.study.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name != f"snellen.cli.study.{module}":
                raise
            continue
        if isinstance(found, typer.Typer):
            study.add_typer(found, name=name)
        else:
            study.command(name)(found)


_register()
