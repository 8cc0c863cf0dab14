"""What a method reached on a set of pictures, and the pictures that it made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.super_resolution import whole_levels
from snellen.experiments.super_resolution.evaluation import Method, evaluate_each
from snellen.experiments.super_resolution.judging import JudgedSet
from snellen.experiments.super_resolution.planning import Plan, Task
from snellen.experiments.super_resolution.results import MEASURES
from snellen.files import write_error

__all__ = ["KeptPictures", "Scores", "Trial", "judge"]

Picture = NDArray[np.uint8]


class KeptPictures(Sequence[Picture]):
    """Gray pictures of any sizes that lie in a file and are read one at a time, by their numbers.

    Many of them may share the file.

    Args:
        file: where they lie, open for reading and writing.
        folder: of the file, for errors.

    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     kept = KeptPictures(file, Path("here"))
    ...     kept.append(np.full((2, 3), 7, np.uint8))
    ...     len(kept), kept[0].tolist()
    (1, [[7, 7, 7], [7, 7, 7]])
    """

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        self._file = file
        self._folder = folder
        self._places: list[tuple[int, tuple[int, ...]]] = []

    def append(self, picture: Picture) -> None:
        """Add a picture (H, W).

        Raises:
            UserError: it cannot be written.
        """
        try:
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(picture.tobytes())
            self._file.flush()
        except OSError as error:
            raise write_error(self._folder, error) from error
        self._places.append((start, picture.shape))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        start, (height, width) = self._places[index]
        self._file.seek(start)
        found = np.frombuffer(self._file.read(height * width), np.uint8)
        return found.reshape(height, width).copy()  # which may be written to


@dataclass(frozen=True)
class Scores:
    """What one method reached on one set.

    Attributes:
        measures: each of `MEASURES`, (n,).
        outputs: Y that was compared, uint8 (H, W) each; None where it is not kept.
    """

    measures: dict[str, NDArray[np.float64]]
    outputs: Sequence[Picture] | None = None


@dataclass(frozen=True)
class Trial:
    """One training's place in the experiment, and what its network achieved on each set."""

    task: Task
    scores: list[Scores]
    seconds: float
    precision: str


def judge(
    plan: Plan,
    judged: JudgedSet,
    method: Method,
    outputs: KeptPictures | None = None,
    targets: KeptPictures | None = None,
) -> Scores:
    """Measure a method on every picture of a set.

    Args:
        plan: for the scale and the protocol.
        judged: the set.
        method: see `snellen.experiments.super_resolution.evaluation`.
        outputs: gets what was compared of each picture; None to keep nothing.
        targets: gets what it was compared with, likewise.

    Raises:
        UserError: a picture or a method that cannot be used; it names the set and the picture.
    """
    measures: dict[str, list[float]] = {name: [] for name in MEASURES}
    border = plan.protocol.border(plan.config.scale)
    names = [f"{judged.name}, {name}" for name in judged.names]
    each = evaluate_each(names, judged.read, {"": method}, plan.config.scale, plan.protocol)
    for posed, outcomes in each:
        outcome = outcomes[""]
        for measure, values in measures.items():
            values.append(getattr(outcome, measure))
        if outputs is not None:
            outputs.append(_inner(outcome.output, border))
        if targets is not None:
            targets.append(_inner(whole_levels(posed.target), border))
    return Scores({name: np.array(values) for name, values in measures.items()}, outputs)


def _inner(picture: Picture, border: int) -> Picture:
    height, width = picture.shape
    return picture[border : height - border, border : width - border]
