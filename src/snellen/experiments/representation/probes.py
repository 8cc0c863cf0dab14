"""What can be read from a code: support vector machines on frozen, standardised numbers.

`probe` is given the codes of the training part with their labels, and the codes of the held-out
part without: no label of the test can reach the choice of kernel, C and gamma, which is made by
cross-validation inside the training part.

A kernel's matrix is computed once and serves all columns, all C and all inner folds; the machines
(libsvm, through scikit-learn) run on all cores, for they let go of Python's lock.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC, SVR

from snellen.datasets import Column
from snellen.datasets.batches import processors
from snellen.experiments.representation.divisions import assign_parts

__all__ = [
    "Grid",
    "Machine",
    "Probe",
    "angle_of",
    "errors",
    "period_of",
    "probe",
    "standardised",
    "targets_of",
]

Floats = NDArray[np.float64]
Kernel = Literal["rbf", "linear"]

_MOST_ITERATIONS = 1_000_000  # of libsvm, pairs of numbers: a machine that takes more is a bad one
_CACHE_MB = 200
_BLOCK = 2000  # held-out pictures that are predicted at a time


@dataclass(frozen=True)
class Grid:
    """What the inner cross-validation tries.

    Attributes:
        c: of the RBF kernel exp(−γ·|x − y|²/d), d numbers in a code.
        gamma: γ of it.
        linear_c: C of the kernel x·y/d.
        epsilon: half the width of the regression's tube, in standard deviations of the label.
        folds: of the inner cross-validation.
        kernels: which kernels are tried.
        seed: of the inner folds.
    """

    c: tuple[float, ...] = (1, 3, 10, 30)
    gamma: tuple[float, ...] = (0.1, 0.3, 0.5, 1)
    linear_c: tuple[float, ...] = (0.1, 1, 10)
    epsilon: float = 0.02
    folds: int = 3
    kernels: tuple[Kernel, ...] = ("rbf", "linear")
    seed: int = 0


@dataclass(frozen=True)
class Machine:
    """One point of the grid; gamma is 0 for the linear kernel."""

    kernel: Kernel
    gamma: float
    c: float


@dataclass(frozen=True)
class Probe:
    """What the machines say of the held-out pictures about one column.

    Attributes:
        machine: the one that the inner cross-validation chose.
        inner: its error there, as `errors` measures it.
        predictions: class numbers, or values in the column's unit, (held out,).
        by_kernel: the predictions of each kernel's best machine.
    """

    machine: Machine
    inner: float
    predictions: Floats
    by_kernel: dict[str, Floats] = field(default_factory=dict)


def standardised(train: NDArray[np.floating], other: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Bring every number of the codes to mean 0 and deviation 1 over the training part.

    A number that does not vary there counts for nothing.

    >>> standardised(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[2.0, 9.0]]))[1].tolist()
    [[0.0, 0.0]]
    """
    left: Floats = np.asarray(train, np.float64)
    right: Floats = np.asarray(other, np.float64)
    mean: Floats = left.mean(0)
    deviation: Floats = left.std(0)
    # Of numbers that are all the same, rounding leaves a deviation that is not quite 0.
    varies = deviation > 1e-7 * (np.abs(mean) + 1e-30)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)
    found: tuple[Floats, Floats] = (left - mean) * scale, (right - mean) * scale
    return found


def errors(column: Column, predictions: Floats, truth: NDArray[np.generic]) -> Floats:
    """Return each picture's error: 0 or 1 for a class, else the squared difference.

    On a circle the difference goes the short way round.

    >>> hour = Column("hour", "circular", np.array([23.0]), period=24.0)
    >>> errors(hour, np.array([1.0]), hour.values).tolist()
    [4.0]
    """
    true: Floats = np.asarray(truth, np.float64)
    if column.kind == "class":
        return np.asarray(predictions != true, np.float64)
    difference = predictions - true
    if column.kind == "circular":
        period = period_of(column)
        difference = (difference + period / 2) % period - period / 2
    return np.asarray(difference**2, np.float64)


def targets_of(column: Column, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what a machine learns: classes or numbers (n, 1), or cosine and sine (n, 2)."""
    values = np.asarray(column.values[rows], np.float64)
    if column.kind == "circular":
        angle = 2 * np.pi * values / period_of(column)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return values[:, None]


def probe(
    train: NDArray[np.floating],
    held_out: NDArray[np.floating],
    columns: Sequence[Column],
    rows: NDArray[np.int64],
    *,
    grid: Grid,
    groups: NDArray[np.int64] | None = None,
) -> dict[str, Probe]:
    """Learn to predict each column from codes, and predict it for the held-out pictures.

    Args:
        train: codes of the training part, (n, d).
        held_out: codes of the held-out part, (m, d).
        columns: what is predicted.
        rows: which values of the columns belong to the training part, (n,); no other is read.
        grid: what is tried.
        groups: of the training part, (n,): the inner folds hold out whole groups too, so that the
            choice is made for pictures like those of the test. None: single pictures.

    Returns:
        For each column what was found.
    """
    kernels = _Kernels(*standardised(train, held_out))
    labels = {column.name: targets_of(column, rows) for column in columns}
    inner = {column.name: _inner_folds(column, rows, grid, groups) for column in columns}
    found: dict[str, dict[Machine, float]] = {column.name: {} for column in columns}
    with ThreadPoolExecutor(processors(), "svm") as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for kernel, gamma, cs in _rows_of(grid):
            matrix = kernels.within(kernel, gamma)
            waiting: list[tuple[Column, Machine, list[Future[Floats]]]] = []
            for column in columns:
                fit = _fitter(column, labels[column.name], grid)
                for c in cs:
                    jobs = [
                        pool.submit(fit, matrix, np.flatnonzero(p), np.flatnonzero(~p), c)
                        for p in inner[column.name]
                    ]
                    waiting.append((column, Machine(kernel, gamma, c), jobs))
            for column, machine, jobs in waiting:
                parts = [
                    errors(column, job.result(), column.values[rows[~p]])
                    for job, p in zip(jobs, inner[column.name], strict=True)
                ]
                wrong = float(np.concatenate(parts).mean()) if parts else np.nan
                found[column.name][machine] = wrong
        return {
            column.name: _predict(column, found[column.name], kernels, labels[column.name], grid)
            for column in columns
        }


class _Kernels:
    """The kernels' matrices of standardised codes, computed when they are asked for."""

    def __init__(self, train: Floats, held_out: Floats) -> None:
        self._width = max(1, train.shape[1])
        self._train, self._held_out = train, held_out
        self._products = train @ train.T / self._width

    def within(self, kernel: Kernel, gamma: float) -> Floats:
        """(n, n), of the training part with itself."""
        squares = np.diag(self._products)
        return self._matrix(self._products, squares, kernel, gamma)

    def across(self, kernel: Kernel, gamma: float) -> Iterator[Floats]:
        """(some of m, n), of the held-out part with the training part, block after block."""
        for start in range(0, len(self._held_out), _BLOCK):
            part = self._held_out[start : start + _BLOCK]
            squares = np.einsum("ij,ij->i", part, part) / self._width
            yield self._matrix(part @ self._train.T / self._width, squares, kernel, gamma)

    def _matrix(self, products: Floats, squares: Floats, kernel: Kernel, gamma: float) -> Floats:
        if kernel == "linear":
            return products
        distances = squares[:, None] + np.diag(self._products)[None] - 2 * products
        return np.exp(-gamma * np.maximum(distances, 0))


def _rows_of(grid: Grid) -> Iterator[tuple[Kernel, float, tuple[float, ...]]]:
    """Each kernel's matrix and the C that are tried with it."""
    if "rbf" in grid.kernels:
        for gamma in grid.gamma:
            yield "rbf", gamma, grid.c
    if "linear" in grid.kernels:
        yield "linear", 0.0, grid.linear_c


def _inner_folds(
    column: Column, rows: NDArray[np.int64], grid: Grid, groups: NDArray[np.int64] | None
) -> list[NDArray[np.bool_]]:
    """For each inner fold, which pictures of the training part are learnt from."""
    key = ("inner", grid.seed)
    classes = column.values[rows].astype(np.int64) if column.kind == "class" else None
    if groups is not None:
        groups = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        count = int(groups.max()) + 1
        if count < 2:
            groups = None
        else:
            parts = assign_parts(len(rows), min(grid.folds, count), key, groups=groups)
    if groups is None:
        parts = assign_parts(len(rows), min(grid.folds, len(rows)), key, classes=classes)
    folds = [parts != fold for fold in range(int(parts.max()) + 1)]
    if classes is None:
        return folds
    # A machine needs two classes to learn from.
    usable = [learnt for learnt in folds if len(np.unique(classes[learnt])) > 1]
    if not usable and groups is not None:  # the class follows the group: single pictures, then
        return _inner_folds(column, rows, grid, None)
    return usable


def _fitter(
    column: Column, labels: Floats, grid: Grid
) -> Callable[[Floats, NDArray[np.int64], NDArray[np.int64], float], Floats]:
    """Return what learns from some rows of a kernel's matrix and predicts others."""

    def fit(
        matrix: Floats, learnt: NDArray[np.int64], asked: NDArray[np.int64], c: float
    ) -> Floats:
        within, across = matrix[np.ix_(learnt, learnt)], matrix[np.ix_(asked, learnt)]
        return _fit(column, labels[learnt], within, [across], c, grid.epsilon)

    return fit


def _fit(
    column: Column,
    labels: Floats,
    within: Floats,
    across: Iterable[Floats],
    c: float,
    epsilon: float,
) -> Floats:
    """Learn from precomputed kernels, and predict block after block."""
    common = {"kernel": "precomputed", "C": c, "cache_size": _CACHE_MB}
    if column.kind == "class" and len(np.unique(labels)) == 1:
        return np.concatenate([np.full(len(block), labels[0, 0]) for block in across])
    if column.kind == "class":
        machine = SVC(**common, max_iter=_MOST_ITERATIONS).fit(within, labels[:, 0])
        return np.concatenate([machine.predict(block) for block in across]).astype(np.float64)
    machines = []
    for values in labels.T:
        mean, deviation = float(values.mean()), float(values.std()) or 1.0
        regression = SVR(**common, epsilon=epsilon, max_iter=_MOST_ITERATIONS)
        machines.append((regression.fit(within, (values - mean) / deviation), mean, deviation))
    said = np.concatenate(
        [
            np.stack([one.predict(block) * deviation + mean for one, mean, deviation in machines])
            for block in across
        ],
        axis=1,
    )
    return angle_of(column, *said) if column.kind == "circular" else np.asarray(said[0])


def angle_of(column: Column, cosine: Floats, sine: Floats) -> Floats:
    """Return the place on the column's circle, in its unit, that cosine and sine say."""
    period = period_of(column)
    return np.asarray(np.arctan2(sine, cosine) / (2 * np.pi) * period % period, np.float64)


def period_of(column: Column) -> float:
    """Return the length of a circular column's circle."""
    return 360.0 if column.period is None else column.period


def _predict(
    column: Column,
    inner: Mapping[Machine, float],
    kernels: _Kernels,
    labels: Floats,
    grid: Grid,
) -> Probe:
    """Learn anew from the whole training part with each kernel's best machine."""
    best: dict[str, Machine] = {}
    for kernel in grid.kernels:
        tried = [machine for machine in inner if machine.kernel == kernel]
        if tried:
            best[kernel] = min(tried, key=lambda machine: inner[machine])  # the first of equals
    by_kernel = {
        kernel: _fit(
            column,
            labels,
            kernels.within(machine.kernel, machine.gamma),
            kernels.across(machine.kernel, machine.gamma),
            machine.c,
            grid.epsilon,
        )
        for kernel, machine in best.items()
    }
    chosen = min(best.values(), key=lambda machine: inner[machine])
    return Probe(chosen, inner[chosen], by_kernel[chosen.kernel], by_kernel)
