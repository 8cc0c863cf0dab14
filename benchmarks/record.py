"""Keeping what a benchmark measured: numbers, command, commit, hardware and date."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from snellen.files import atomic_write
from snellen.training import environment
from snellen.training.run_folder import git_commit

STARTED_AT = git_commit()  # what runs, whatever is checked out when it is done
RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"


def shown_command() -> str:
    """Return the command line, with the folder of real images as ``$SNELLEN_DATA``."""
    module = Path(sys.argv[0]).stem
    command = shlex.join(["python", "-m", f"benchmarks.{module}", *sys.argv[1:]])
    data = os.environ.get("SNELLEN_DATA")
    return command.replace(data, "$SNELLEN_DATA") if data else command


def record(
    name: str, numbers: dict[str, Any], command: str | None = None, *, folder: Path = RESULTS
) -> None:
    """Write docs/results/NAME.json, or the same into another folder, and print it."""
    now = environment(command or shown_command())
    now["commit"] = STARTED_AT
    kept = {key: now[key] for key in ("command", "commit", "date", "hardware", "versions")}
    text = json.dumps({**kept, "numbers": numbers}, indent=1, ensure_ascii=False)
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / f"{name}.json", text + "\n")
    print(text)
