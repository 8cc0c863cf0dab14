"""What a training leaves to be read: metrics.jsonl, TensorBoard files and validation pictures."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from torch import Tensor

from snellen.errors import UserError
from snellen.files import atomic_write, remove_leftovers, write_error
from snellen.images.files import write_png

__all__ = ["MetricsLog", "Records", "read_rows"]

Row = dict[str, Any]


def read_rows(path: Path, identity: Mapping[str, Any] | None = None) -> list[Row]:
    """Return the rows of a metrics.jsonl, torn lines left out; a file that is not there has none.

    Args:
        path: the file.
        identity: only rows of the training with just these fields (loss, seed and its tags).
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    rows = (_parse(line) for line in lines)
    return [row for row in rows if row and (identity is None or _is_of(row, identity))]


class MetricsLog:
    """Appends rows of one training to a metrics.jsonl that many trainings may share.

    Args:
        path: the file; it and its folder are made when missing.
        identity: fields that every row carries and that tell this training from the others.
        after_step: rows of this training past that step are dropped, and so is a line that was
            cut short: what a resumed training writes again must not stand there twice.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], after_step: int = 0) -> None:
        self.path = path
        self.identity = dict(identity)
        self._trim(after_step)
        self._file: BinaryIO
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a row is in the file when `write` returns, also if the process is killed.
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise write_error(path, error) from error

    def _trim(self, after_step: int) -> None:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise write_error(self.path, error) from error
        kept = []
        for line in content.splitlines(keepends=True):
            row = _parse(line)
            late = row is not None and _is_of(row, self.identity) and row["step"] > after_step
            if row is not None and line.endswith(b"\n") and not late:
                kept.append(line)
        trimmed = b"".join(kept)
        if trimmed != content:
            atomic_write(self.path, trimmed)

    def write(self, row: Mapping[str, Any]) -> Row:
        """Append `row` after the identity and return what was written; NaN is written as null."""
        full = {**self.identity, **{k: _plain(v) for k, v in row.items()}}
        data = json.dumps(full, allow_nan=False).encode() + b"\n"
        try:
            if self._file.write(data) != len(data):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise write_error(self.path, error) from error
        return full

    def sync(self) -> None:
        """Make the rows durable: a checkpoint must not be ahead of its log after a power cut."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._file.close()


class Records:
    """The log of one training: rows, TensorBoard curves, pictures. Used by the first process only.

    Args:
        root: the run folder, for ``metrics.jsonl``, ``tensorboard/`` and ``images/``.
        place: where in ``tensorboard/`` and ``images/`` this training has its own folder.
        identity: the fields that every row carries.
        after_step: the step after which this training goes on.
    """

    def __init__(
        self, root: Path, place: Path, identity: Mapping[str, Any], after_step: int = 0
    ) -> None:
        # Imported here, because it costs most of a second.
        from torch.utils.tensorboard import SummaryWriter

        self.log = MetricsLog(root / "metrics.jsonl", identity, after_step)
        self.images = root / "images" / place
        remove_leftovers(self.images)
        remove_leftovers(root)
        curves = root / "tensorboard" / place
        try:
            # Also from the start: a run killed before its first checkpoint has left curves.
            self.curves = SummaryWriter(str(curves), purge_step=after_step + 1)
        except OSError as error:
            self.log.close()
            raise write_error(curves, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except UserError:
            if error is None:  # else the first problem is the one to tell
                raise

    def close(self) -> None:
        """Write what is still in memory and close the files; closing twice is harmless.

        Raises:
            UserError: the disk is full.
        """
        try:
            self.log.close()
            self.curves.close()
        except OSError as error:
            raise write_error(self.curves.log_dir, error) from error

    def write(self, row: Mapping[str, Any]) -> Row:
        """Append a row to the log and its numbers to the TensorBoard curves."""
        written = self.log.write(row)
        step, kind = written["step"], written["kind"]
        try:
            for key, value in written.items():
                if isinstance(value, float) and key not in self.log.identity:
                    self.curves.add_scalar(f"{kind}/{key}", value, step)
        except OSError as error:
            raise write_error(self.curves.log_dir, error) from error
        return written

    def write_pictures(self, step: int, originals: Tensor, reconstructions: Tensor) -> None:
        """Write uint8 pictures (n, C, S, S) as one PNG: originals above their reconstructions."""
        rows = [np.concatenate(list(part.numpy()), axis=2) for part in (originals, reconstructions)]
        sheet = np.concatenate(rows, axis=1).transpose(1, 2, 0)  # (2·S, n·S, C)
        write_png(self.images / f"step-{step:08d}.png", sheet)

    def sync(self) -> None:
        """Make everything written so far durable."""
        try:
            self.log.sync()
            self.curves.flush()
        except OSError as error:
            raise write_error(self.log.path, error) from error


def _parse(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None


def _is_of(row: Row, identity: Mapping[str, Any]) -> bool:
    """Whether the fields before ``kind``, which say whose row it is, are those of `identity`."""
    return dict(takewhile(lambda item: item[0] != "kind", row.items())) == dict(identity)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
