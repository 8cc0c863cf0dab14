"""What the commands that make a run folder share: options, where it is, what was typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "RUN",
    "AssignmentsOption",
    "ConfigOption",
    "DryRunOption",
    "OutOption",
    "ResumeOption",
    "new_folder",
    "settings_of",
    "typed",
]

_COMMANDS = ("reconstruct", "represent", "superres compare")

RUN = "Run"  # the panel of the help that these options stand in

ConfigOption = Annotated[
    Path | None,
    typer.Option(help="A YAML file, such as an earlier run's config.yaml.", rich_help_panel=RUN),
]
AssignmentsOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value of the configuration.", rich_help_panel=RUN),
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="The run folder; by default a new one in runs/.", rich_help_panel=RUN),
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Go on in --out exactly where it stopped.", rich_help_panel=RUN),
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would be done; train nothing.", rich_help_panel=RUN),
]


def typed() -> str:
    """Return what was typed, as it can be typed again."""
    import os
    import shlex
    import sys

    processes = int(os.environ.get("WORLD_SIZE", "1"))
    start = ["snellen"]
    if processes > 1:
        here = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
        start = ["torchrun", f"--nproc-per-node={here}"]
        if processes > here:
            start.append(f"--nnodes={processes // here}")
        start += ["-m", "snellen"]
    return shlex.join([*start, *sys.argv[1:]])


def new_folder(name: str) -> Path:
    """Return runs/NAME, or the first of runs/NAME-2, runs/NAME-3, … that does not exist.

    Raises:
        UserError: there are several processes, which would find different ones.
    """
    import itertools
    import os

    from snellen.errors import UserError

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("several processes need the name of one run folder: add --out runs/NAME.")
    candidates = (Path("runs", name if n == 1 else f"{name}-{n}") for n in itertools.count(1))
    return next(folder for folder in candidates if not folder.exists())


def settings_of(
    out: Path | None, *, command: str, resume: bool, preset: str | None, config: Path | None
) -> Path | None:
    """Return the file that settings are read from: that of the run which is gone on with.

    What a run was started with need not be typed again. What cannot be done in `out` is refused
    here, before minutes are spent on reading the pictures.

    Raises:
        UserError: `out` holds files though it is not gone on with; `resume` without a folder,
            without a run in it, or with another command's.
    """
    import shlex

    from snellen.errors import UserError
    from snellen.experiments.settings import read_config
    from snellen.training.run_folder import refuse_existing

    if not resume:
        if out is not None:
            refuse_existing(out)
        return config
    if out is None:
        raise UserError("--resume needs the folder to go on in: add --out runs/NAME.")
    if (made := _command_of(out)) not in (None, command):
        raise UserError(
            f"{out} is a run of `snellen {made}`, not of `snellen {command}`: type "
            f"`snellen {made} --out {shlex.quote(str(out))} --resume`."
        )
    if preset is not None or config is not None:
        return config
    config = out / "config.yaml"
    if not config.is_file():
        raise UserError(f"there is no run in {out} to go on with: leave out --resume.")
    try:
        read_config(config)
    except UserError as error:
        raise UserError(
            f"{config} is damaged, so it is not known what the run in {out} was to do: begin anew "
            "with another --out."
        ) from error
    return config


def _command_of(run: Path) -> str | None:
    """The command that began the run; None if that cannot be told."""
    import json

    try:
        typed = str(json.loads((run / "environment.json").read_bytes())["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    words = f" {typed} ".partition(" snellen ")[2]
    return next((name for name in _COMMANDS if words.startswith(f"{name} ")), None)
