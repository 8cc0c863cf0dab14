"""What every experiment does beside its trainings: its losses, its records, what it says."""

from __future__ import annotations

import json
import logging
import math
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from snellen import __version__
from snellen.errors import UserError
from snellen.experiments.settings import ExperimentConfig
from snellen.files import atomic_write
from snellen.metrics.loss_plans import LossPlan, parse_loss
from snellen.training import (
    Interrupted,
    RunFolder,
    checkpoint_place,
    environment,
    on_first_process,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = [
    "check_losses",
    "finite",
    "head_of_results",
    "loss_for",
    "plural",
    "refuse_other_pictures",
    "say",
    "spread",
    "working_in",
    "write_json",
]

logger = logging.getLogger("snellen")


def loss_for(spec: str, seed: int) -> LossPlan:
    """Make a loss for one training, so that none hands its state on to the next.

    What is random in its making depends on `seed` alone.

    Raises:
        ValueError: as `snellen.metrics.loss_plans.parse_loss`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return parse_loss(spec)


def check_losses(losses: Iterable[str], size: int, channels: int) -> None:
    """Try every loss on pictures of that size, before anything is trained.

    Raises:
        UserError: a loss that does not exist or refuses them, or two that would share a folder.
    """
    names = list(losses)
    try:
        for spec in names:
            loss_for(spec, seed=0).check(size, channels)
    except (ValueError, TypeError) as error:
        raise UserError(str(error)) from error
    if len({checkpoint_place(spec, 0) for spec in names}) < len(names):
        raise UserError("two losses would share a checkpoint folder: rename one.")


def say(lines: Iterable[str], console: Console | None) -> None:
    """Show lines and keep them in the run's log.txt."""
    for line in lines:
        logger.info(line)
        if console is not None:
            console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def working_in(
    out: Path, config: ExperimentConfig, fabric: Fabric, *, command: str, resume: bool
) -> Iterator[None]:
    """Hold the run folder `out` on the first process, as `RunFolder.create`, on all if it fails.

    Raises:
        UserError: as `RunFolder.create`.
        Interrupted: Ctrl-C outside a training; within one, `train` saves and raises it.
    """
    settings = config.model_dump(mode="json")
    with ExitStack() as stack:

        def open_folder() -> None:
            stack.enter_context(
                RunFolder.create(out, config=settings, command=command, resume=resume)
            )

        on_first_process(fabric, open_folder)
        try:
            yield
        except KeyboardInterrupt as stop:
            raise Interrupted(signal.SIGINT, out) from stop


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Return up to `most` places that are spread evenly over `count`.

    >>> spread(9, 3).tolist(), spread(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)


def refuse_other_pictures(
    mine: Mapping[str, str], root: Path, fabric: Fabric, *, shown: str, what: str = "pictures"
) -> None:
    """Refuse to go on with pictures other than those that the run began with.

    One picture more may move others from training to judging.

    Args:
        mine: the fingerprints of the pictures, by what they are used for.
        root: the run folder.
        fabric: the processes; the first one looks.
        shown: what the pictures are called in the message.
        what: what may have changed, such as ``pictures or labels``.

    Raises:
        UserError: the fingerprints that `root` keeps are others, or cannot be read.
    """
    kept = root / "pictures.json"

    def compare() -> dict[str, str]:
        if not kept.exists():
            write_json(kept, mine)
            return dict(mine)
        try:
            return dict(json.loads(kept.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(
                f"{kept} is damaged, so it is not known which pictures {root} was begun with: "
                "begin anew with another --out."
            ) from error

    if on_first_process(fabric, compare) != mine:
        raise UserError(
            f"the {what} in {shown} are not those that {root} was begun with: put "
            "them back, or begin anew with another --out."
        )


def head_of_results(experiment: str, root: Path, config: ExperimentConfig) -> dict[str, Any]:
    """Return how results.json begins: what made it, when and on what machine."""
    # The command that began the run, not one that resumed it, is the one that repeats it.
    begun = json.loads((root / "environment.json").read_text(encoding="utf-8"))
    now = environment()
    # Of the code that trained, which need not be what is checked out when the last step is done.
    commits = [start.get("commit") for start in (begun, *begun.get("resumed", []))]
    later = list(dict.fromkeys(commit for commit in commits if commit != commits[0]))
    return {
        "format": 1,
        "snellen": __version__,
        "experiment": experiment,
        "command": begun["command"],
        "date": now["date"],
        "commit": commits[0],
        **({"resumed_at": later} if later else {}),
        "hardware": now["hardware"],
        "config": config.model_dump(mode="json"),
    }


def plural(noun: str, count: int) -> str:
    """Return the noun as it stands behind `count`.

    >>> plural("picture", 1), plural("picture", 2)
    ('picture', 'pictures')
    """
    return noun if count == 1 else f"{noun}s"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that every reader takes: numbers that JSON does not have become null."""
    atomic_write(path, json.dumps(finite(content), indent=1, ensure_ascii=False) + "\n")


def finite(value: Any) -> Any:
    """Return `value`, as JSON holds it, with null for every number that JSON does not have.

    >>> finite({"psnr": [float("inf"), 30.5]})
    {'psnr': [None, 30.5]}
    """
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
