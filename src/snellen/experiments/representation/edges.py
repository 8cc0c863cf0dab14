"""Are the edges of a picture, their place and direction, read linearly from its code?

A picture's gradient is averaged over a grid of cells as three numbers: its magnitude, and the
magnitude times the cosine and the sine of twice its angle, so that both sides of an edge are the
same edge. A ridge regression learns these from standardised codes on the training part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.linear_model import RidgeCV

from snellen.experiments.representation.probes import standardised

__all__ = ["CELLS", "DESCRIPTION", "EdgeReading", "edge_cells", "read_edges"]

CELLS = 6
"""The grid has this many cells on a side."""

DESCRIPTION = (
    f"The gradient (Gaussian derivatives, σ 1) is averaged over {CELLS}×{CELLS} cells as its "
    "magnitude and its orientation with the angle doubled; a ridge regression, its penalty chosen "
    "by leave-one-out inside the training part, reads these from the standardised code. Share: of "
    "the variance of the magnitude over pictures, summed over cells, how much is explained on "
    "held-out pictures. Orientation: mean error in degrees over the quarter of the cells with the "
    "strongest gradient; always answering the cell's mean orientation is beside it."
)

_SIGMA = 1.0
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_PENALTIES = np.logspace(-1, 5, 13)
_STRONG = 0.75
_BATCH = 1000  # pictures whose gradients are in memory at a time


@dataclass(frozen=True)
class EdgeReading:
    """How well edges are read, on held-out pictures.

    Attributes:
        share: of the magnitude's variance, at most 1; below 0 is worse than the mean.
        orientation: mean absolute error of the orientation in strong cells, degrees, 0 … 90.
        orientation_of_mean: the same where every picture is given the cell's mean orientation.
    """

    share: float
    orientation: float
    orientation_of_mean: float


def edge_cells(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the gradient of uint8 pictures (n, C, S, S) over cells: (n, 3, cells, cells).

    >>> bars = np.zeros((1, 1, 12, 12), np.uint8); bars[..., 6:] = 200   # an upright edge
    >>> magnitude, cosine, sine = edge_cells(bars)[0]
    >>> bool(np.isclose(magnitude.sum(), cosine.sum())), bool(abs(sine.sum()) < 1e-9)
    (True, True)
    """
    return np.concatenate(
        [_cells_of(pixels[start : start + _BATCH]) for start in range(0, len(pixels), _BATCH)]
    )


def _cells_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    planes = pixels.astype(np.float64) / 255
    gray = planes[:, 0] if planes.shape[1] == 1 else np.einsum("nchw,c->nhw", planes, _LUMA)
    across = ndimage.gaussian_filter(gray, (0, _SIGMA, _SIGMA), order=(0, 0, 1))
    down = ndimage.gaussian_filter(gray, (0, _SIGMA, _SIGMA), order=(0, 1, 0))
    magnitude = np.hypot(across, down)
    safe = np.where(magnitude > 0, magnitude, 1)
    doubled = (across**2 - down**2) / safe, 2 * across * down / safe
    return np.stack([_cells(part) for part in (magnitude, *doubled)], axis=1)


def read_edges(
    train: NDArray[np.floating],
    held_out: NDArray[np.floating],
    train_cells: NDArray[np.float64],
    held_out_cells: NDArray[np.float64],
) -> EdgeReading:
    """Learn to read edges from codes (n, d), and judge it on held-out ones.

    Args:
        train: codes of the training part, (n, d).
        held_out: codes of the held-out part, (m, d).
        train_cells: the edges of the training part, from `edge_cells`.
        held_out_cells: those of the held-out part.
    """
    left, right = standardised(train, held_out)
    shape = held_out_cells.shape
    ridge = RidgeCV(alphas=_PENALTIES).fit(left, train_cells.reshape(len(left), -1))
    said = np.asarray(ridge.predict(right)).reshape(shape)
    mean = train_cells.mean(0)
    magnitude = held_out_cells[:, 0]
    missed = ((said[:, 0] - magnitude) ** 2).sum()
    spread = ((magnitude - mean[0]) ** 2).sum()
    strong = magnitude >= np.quantile(magnitude, _STRONG)
    strong &= magnitude > 0
    if not strong.any() or spread == 0:
        return EdgeReading(float("nan"), float("nan"), float("nan"))
    guess = np.broadcast_to(mean, shape)
    return EdgeReading(
        float(1 - missed / spread),
        _direction_error(said, held_out_cells, strong),
        _direction_error(guess, held_out_cells, strong),
    )


def _direction_error(
    said: NDArray[np.float64], true: NDArray[np.float64], strong: NDArray[np.bool_]
) -> float:
    angles = [np.arctan2(part[:, 2], part[:, 1]) for part in (said, true)]
    apart = np.abs((angles[0] - angles[1] + np.pi) % (2 * np.pi) - np.pi) / 2
    return float(np.degrees(apart[strong]).mean())


def _cells(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average (n, S, S) over cells of nearly equal size."""
    rows = [part.mean(1) for part in np.array_split(planes, min(CELLS, planes.shape[1]), axis=1)]
    table = np.stack(rows, axis=1)  # (n, cells, S)
    columns = [part.mean(2) for part in np.array_split(table, len(rows), axis=2)]
    return np.stack(columns, axis=2)
