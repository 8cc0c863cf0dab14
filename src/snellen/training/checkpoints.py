"""Checkpoints: a folder of tensors and JSON that is either whole or not there.

``step-00001000/`` holds ``network.safetensors`` (the bare network), ``ema.safetensors`` (where an
average is kept), ``optimizer.safetensors`` (``<parameter>.<quantity>``) and ``state.json``, which
is written last and carries size and SHA-256 of each of the others. The folder is filled under a
temporary name and renamed, so a kill or a full disk leaves the previous checkpoint as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor, nn

from snellen.errors import UserError
from snellen.files import remove_leftovers, sync_folder, write_error

__all__ = [
    "Checkpoint",
    "DamagedCheckpoint",
    "best_checkpoint",
    "check_same_network",
    "latest_checkpoint",
    "list_checkpoints",
    "load_weights",
    "prune_checkpoints",
    "read_checkpoint",
    "write_checkpoint",
]

FORMAT = 1
PARTS = ("network", "ema", "optimizer")

Tensors = Mapping[str, Tensor]


class DamagedCheckpoint(UserError):
    """A checkpoint that is cut short, changed or incomplete."""


@dataclass(frozen=True)
class Checkpoint:
    """What a training is at one step.

    Args:
        step: optimizer steps done.
        network: the weights, by the keys of the bare network.
        optimizer: the optimizer's tensors, as ``<parameter>.<quantity>``.
        ema: the averaged weights, where there are some.
        state: all else, as JSON can hold it; ``validation`` is the value that makes the best one.
    """

    step: int
    network: Tensors
    optimizer: Tensors = field(default_factory=dict)
    ema: Tensors | None = None
    state: Mapping[str, Any] = field(default_factory=dict)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `checkpoint` as ``folder/step-<8 digits>``, whole or not at all, and return that path.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    target = folder / f"step-{checkpoint.step:08d}"
    temporary = folder / f".tmp-{uuid.uuid4().hex[:8]}-{target.name}"
    try:
        temporary.mkdir(parents=True)
        files = {}
        for part in PARTS:
            tensors = getattr(checkpoint, part)
            if tensors is None:
                continue
            # As bytes, so that a full disk is an OSError with its reason.
            data = safetensors.torch.save(_storable(tensors))
            name = f"{part}.safetensors"
            _write_durably(temporary / name, data)
            files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        state = {**checkpoint.state, "format": FORMAT, "step": checkpoint.step, "files": files}
        text = json.dumps(state, indent=1, allow_nan=False)
        _write_durably(temporary / "state.json", text.encode())
        sync_folder(temporary)
        if target.exists():  # a damaged one of the same step
            os.replace(target, folder / f".tmp-{uuid.uuid4().hex[:8]}-old")
        os.replace(temporary, target)
        sync_folder(folder)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint at `path`, a ``step-…`` folder, on the CPU, after checking every byte.

    Raises:
        DamagedCheckpoint: a file is missing, cut short or changed.
        UserError: there is no checkpoint, or it is of a newer format.
    """
    if not path.is_dir():
        raise UserError(f"there is no checkpoint {path}: name a folder step-… that exists.")
    state = _read_state(path)
    parts: dict[str, dict[str, Tensor]] = {}
    for name, expected in state["files"].items():
        try:
            data = (path / name).read_bytes()
        except OSError as error:
            raise _damaged(path, f"{name} cannot be read ({error.strerror})") from error
        if len(data) != expected["bytes"]:
            raise _damaged(path, f"{name} has {len(data)} bytes instead of {expected['bytes']}")
        if hashlib.sha256(data).hexdigest() != expected["sha256"]:
            raise _damaged(path, f"{name} is not what was written (its checksum differs)")
        try:
            parts[name.removesuffix(".safetensors")] = safetensors.torch.load(data)
        except safetensors.SafetensorError as error:
            raise _damaged(path, f"{name} is not a safetensors file ({error})") from error
    if "network" not in parts:
        raise _damaged(path, "network.safetensors is not in it")
    return Checkpoint(
        step=int(state["step"]),
        network=parts["network"],
        optimizer=parts.get("optimizer", {}),
        ema=parts.get("ema"),
        state={k: v for k, v in state.items() if k not in ("format", "step", "files")},
    )


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the ``step-…`` folders in `folder`, oldest first, whole or not."""
    if not folder.is_dir():
        return []
    found = [p for p in folder.glob("step-*") if p.name[5:].isdigit() and p.is_dir()]
    return sorted(found, key=lambda path: int(path.name[5:]))


def latest_checkpoint(folder: Path, note: Callable[[str], None]) -> Checkpoint | None:
    """Return the newest whole checkpoint of `folder`, or None where there is none at all.

    Each damaged one that had to be passed over is told to `note`, in one sentence.

    Raises:
        DamagedCheckpoint: there are checkpoints, and every one is damaged.
    """
    paths = list_checkpoints(folder)
    for path in reversed(paths):
        try:
            checkpoint = read_checkpoint(path)
        except DamagedCheckpoint as error:
            if path == paths[0]:
                raise DamagedCheckpoint(
                    f"{error} No whole one is left: remove the folder {folder} to train this one "
                    "anew with --resume, or begin anew with another --out."
                ) from error
            note(f"{error} Going on from the one before.")
        else:
            return checkpoint
    return None


def best_checkpoint(folder: Path) -> Path | None:
    """Return the path of the checkpoint with the lowest validation value; None without any."""
    valued = []
    for path in list_checkpoints(folder):
        try:
            value = _read_state(path).get("validation")
        except UserError:
            continue
        if value is not None:
            valued.append((float(value), path))
    return min(valued, key=lambda pair: pair[0])[1] if valued else None


def prune_checkpoints(folder: Path, *, keep_last: int, step: int) -> None:
    """Delete all but the best and the `keep_last` newest checkpoints up to `step`."""
    paths = [p for p in list_checkpoints(folder) if int(p.name[5:]) <= step]
    kept = {*paths[-keep_last:], best_checkpoint(folder)}
    for path in paths:
        if path not in kept:
            # Renamed first: what is deleted halfway must not look like a damaged checkpoint.
            doomed = folder / f".tmp-{uuid.uuid4().hex[:8]}-old"
            os.replace(path, doomed)
    remove_leftovers(folder)


def load_weights(network: nn.Module, path: Path, *, which: str = "last", ema: bool = False) -> Path:
    """Load weights into `network` and return the checkpoint that they came from.

    Args:
        network: the network, of the architecture that was trained.
        path: a ``step-…`` folder, or the folder of a training with such folders inside.
        which: where `path` is the folder of a training, ``last``, or ``best``: the one with the
            lowest validation value, and the last where nothing was validated. The best is chosen
            on the validation pictures, which in ``snellen reconstruct`` are held-out ones: figures
            for a publication must use the last.
        ema: the averaged weights instead of the plain ones.

    Raises:
        DamagedCheckpoint: a file of it is missing, cut short or changed.
        UserError: no checkpoint, one of another network or of a newer format, one without
            averaged weights where `ema` asks for them, or another word for `which`.

    >>> import tempfile
    >>> trained = nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_checkpoint(Path(folder), Checkpoint(7, trained.state_dict()))
    ...     load_weights(nn.Linear(2, 1), Path(folder)).name
    'step-00000007'
    """
    if which not in ("last", "best"):
        raise UserError(f"which must be last or best, not {which!r}.")
    if not path.name.startswith("step-"):
        found = best_checkpoint(path) if which == "best" else None
        found = found or next(iter(reversed(list_checkpoints(path))), None)
        if found is None:
            raise UserError(f"there is no checkpoint in {path}: train first, or name another one.")
        path = found
    checkpoint = read_checkpoint(path)
    weights = checkpoint.ema if ema else checkpoint.network
    if weights is None:
        raise UserError(f"{path} holds no averaged weights: they are kept when ema is set.")
    check_same_network(network, weights, path)
    network.load_state_dict(dict(weights))
    return path


def check_same_network(network: nn.Module, weights: Tensors, path: Path) -> None:
    """Refuse weights that are not of `network`, naming the first key or shape that differs."""
    own = network.state_dict()
    differences = [
        f"its {key} has shape {tuple(weights[key].shape)}, this network's {tuple(own[key].shape)}"
        for key in own
        if key in weights and weights[key].shape != own[key].shape
    ]
    differences += [f"it has no {key}" for key in own if key not in weights]
    differences += [f"its {key} is not in this network" for key in weights if key not in own]
    if differences:
        more = len(differences) - 3
        raise UserError(
            f"the checkpoint {path} is of another network: {'; '.join(differences[:3])}"
            f"{f'; and {more} more' if more > 0 else ''}. Use the network and sizes that it was "
            "trained with, or another --out."
        )


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = json.loads((path / "state.json").read_bytes())
        number = state["format"]
        state["files"], state["step"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "state.json is missing or cannot be read") from error
    if number != FORMAT:
        raise UserError(
            f"the checkpoint {path} has format {number}, and this version reads format {FORMAT}: "
            "use the version of snellen that wrote it."
        )
    return state  # type: ignore[no-any-return]


def _damaged(path: Path, what: str) -> DamagedCheckpoint:
    return DamagedCheckpoint(f"the checkpoint {path} is damaged: {what}.")


def _storable(tensors: Tensors) -> dict[str, Tensor]:
    """Bring tensors to the CPU, contiguous, each in memory of its own (tied weights are copied)."""
    seen: set[int] = set()
    result = {}
    for key, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        pointer = plain.untyped_storage().data_ptr()
        result[key] = plain.clone() if pointer in seen else plain
        seen.add(pointer)
    return result


def _write_durably(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
