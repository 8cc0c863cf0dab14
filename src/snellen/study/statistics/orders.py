"""Rankings as the order of every two models, and how much two rankings agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["kendall_tau_b", "model_pairs", "order_signs"]


def model_pairs(models: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of every two models, the first of the two first; M(M-1)/2 of them.

    >>> [index.tolist() for index in model_pairs(3)]
    [[0, 0, 1], [1, 2, 2]]
    """
    first, second = np.triu_indices(models, 1)
    return first, second


def order_signs(ranks: ArrayLike) -> NDArray[np.float64]:
    """For every two models 1 where the first is ahead, -1 where it is behind, 0 where they tie.

    Args:
        ranks: (n, M), smaller is better.

    Returns:
        (n, M(M-1)/2), in the order of `model_pairs`.

    >>> order_signs([[1, 2.5, 2.5]])
    array([[1., 1., 0.]])
    """
    given = np.asarray(ranks, dtype=np.float64)
    first, second = model_pairs(given.shape[1])
    # Compared, not subtracted: two infinite values tie.
    ahead = (given[:, first] < given[:, second]).astype(np.float64)
    return ahead - (given[:, first] > given[:, second])


def kendall_tau_b(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Kendall's tau-b of each row of `a` with that row of `b`, in [-1, 1].

    Args:
        a: (n, M), smaller is better.
        b: of the same shape.

    Returns:
        (n,); NaN where a row of either is one single tie.

    >>> kendall_tau_b([[1, 2, 3], [1, 2, 3]], [[1, 2, 3], [3, 2, 1]])
    array([ 1., -1.])
    """
    first, second = order_signs(a), order_signs(b)
    sizes = np.sqrt(np.abs(first).sum(1) * np.abs(second).sum(1))
    found = np.full(len(first), np.nan)
    np.divide((first * second).sum(1), sizes, out=found, where=sizes > 0)
    return found
