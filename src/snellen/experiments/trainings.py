"""Which trainings a run folder holds, and which of them is meant."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from snellen.errors import UserError, nearest
from snellen.experiments.settings import read_config
from snellen.files import shown
from snellen.training import list_checkpoints
from snellen.training.run_folder import file_name

__all__ = ["check_finished", "choose", "config_of", "tags_of"]

_Value = TypeVar("_Value", str, int)

# What a run of this package's must have told, to be one of autoencoders.
_NEEDED = ("network", "size", "channels", "code_size", "losses", "seeds", "steps")


def config_of(root: Path, name: str) -> dict[str, Any]:
    """The keys of config.yaml, of a run that is one of autoencoders."""
    if not root.exists():
        raise UserError(f"there is no run {name}: name a run folder, such as runs/reconstruct.")
    if not root.is_dir():
        raise UserError(f"{name} is a file: name the folder of a run, with its config.yaml.")
    path = root / "config.yaml"
    if not path.is_file():
        raise UserError(
            f"{name} is not the folder of a run (it has no config.yaml): name one that snellen"
            " reconstruct or snellen represent has made."
        )
    keys = read_config(path)
    if "scale" in keys and "output_pixels" in keys:
        raise UserError(
            f"{name} is a run of super-resolution, whose networks have no code: use snellen upscale"
            f" --method with a file in {shown(root / 'weights')}, or name a run of reconstruct."
        )
    missing = [key for key in _NEEDED if key not in keys]
    if missing:
        raise UserError(
            f"{shown(path)} is of no run of autoencoders, it has no {missing[0]!r}: name a folder"
            " that snellen reconstruct or snellen represent has made."
        )
    return keys


def choose(
    run: str, nouns: tuple[str, str], asked: _Value | None, choices: Iterable[_Value]
) -> _Value:
    """Return what was asked for, or the only one that there is.

    Args:
        run: as it is shown.
        nouns: what one and what several are called; the first is the option, too.
        asked: None where nothing was named.
        choices: at least one.

    Raises:
        UserError: there are several and none was named; or there is none of that name.
    """
    one, several = nouns
    choices = list(choices)
    words = [str(choice) for choice in choices]
    if asked is None:
        if len(choices) == 1:
            return choices[0]
        option, keyword = one.replace(" ", "-"), one.replace(" ", "_")
        raise UserError(
            f"the run {run} has several {several}: {', '.join(words)}. Name one: --{option}"
            f" {shlex.quote(words[-1])}, in Python {keyword}={choices[-1]!r}."
        )
    if asked not in choices:
        raise UserError(
            f"the run {run} has no {one} {asked!r}.{nearest(str(asked), words)} It has"
            f" {', '.join(words)}."
        )
    return asked


def tags_of(
    place: Path,
    run: str,
    represents: bool,
    code_size: int,
    sweep: bool,
    split: str | None,
    fold: int | None,
) -> dict[str, str | int]:
    """What tells a training from others of its loss and seed, as the folders below `place` say."""
    tags: dict[str, str | int] = {}
    if split is not None and not represents:
        raise UserError(f"the run {run} has no splits, which only snellen represent makes.")
    if represents and (splits := _below(place, "split")):
        # Folders are named as every file system takes it.
        wanted = None if split is None else file_name(split)
        tags["split"] = choose(run, ("split", "splits"), wanted, splits)
        place = place / f"split-{tags['split']}"
    if sweep:
        tags["code"] = code_size
        place = place / f"code-{code_size}"
    folds = sorted(int(text) for text in _below(place, "fold") if text.isdecimal())
    if folds:
        tags["fold"] = choose(run, ("fold", "folds"), fold or 0, folds)
    elif fold:
        raise UserError(f"the run {run} has no fold {fold}: its pictures were divided once.")
    return tags


def _below(place: Path, tag: str) -> list[str]:
    """The values of `tag` that folders in `place` are named by."""
    start = f"{tag}-"
    return sorted(path.name[len(start) :] for path in place.glob(f"{start}*") if path.is_dir())


def check_finished(folder: Path, steps: int, run: str, command: str) -> None:
    """Refuse a training that has not come to its last step."""
    found = list_checkpoints(folder)
    done = int(found[-1].name[5:]) if found else 0
    if done < steps:
        raise UserError(
            f"that training in {run} is not finished ({done} of {steps} steps): go on with it by"
            f" snellen {command} --out {shlex.quote(run)} --resume."
        )
