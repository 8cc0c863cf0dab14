"""Who judges which pictures."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from snellen.study.config import Design
from snellen.study.design.draws import Draw

__all__ = ["deal"]

_DEALT_EVENLY = 4096  # pictures: for more, a table of all their pairs would take long
_EXCHANGED = 4_000_000  # people × pictures: in larger studies two people share little anyway
_EXCHANGES = 8000  # pairs of people who are tried: some seconds at most


def deal(design: Design, people: int, trials: int, pictures: int, draw: Draw) -> NDArray[np.intp]:
    """The pictures of each person, (people, trials), ascending."""
    if design == "nested":
        dealt = np.array(draw.order(pictures)[: people * trials], dtype=np.intp)
        return np.sort(dealt.reshape(people, trials), axis=1)
    if design == "crossed":
        return np.tile(np.array(draw.some(trials, pictures), dtype=np.intp), (people, 1))
    judged = _overlapping(people, trials, pictures, draw)
    if judged.size <= _EXCHANGED:
        _exchange(judged, draw)
    return np.flatnonzero(judged).reshape(people, trials) % pictures


def _overlapping(people: int, trials: int, pictures: int, draw: Draw) -> NDArray[np.bool_]:
    """Deal pictures so that each is judged equally often, bool (people, pictures).

    Each person takes, of the pictures judged least so far, those that the earlier people had least
    together with the ones taken already.
    """
    judged = np.zeros((people, pictures), dtype=np.bool_)
    often = np.zeros(pictures, dtype=np.int64)
    even = pictures <= _DEALT_EVENLY
    together = np.zeros((pictures, pictures) if even else (0, 0), dtype=np.int32)
    for person in range(people):
        luck = np.empty(pictures, dtype=np.int64)
        luck[draw.order(pictures)] = np.arange(pictures)
        if even:
            mine = _least_shared(often, together, luck, trials)
            together[np.ix_(mine, mine)] += 1
        else:
            mine = np.lexsort((luck, often))[:trials]
        judged[person, mine] = True
        often[mine] += 1
    return judged


def _least_shared(
    often: NDArray[np.int64], together: NDArray[np.int32], luck: NDArray[np.int64], trials: int
) -> NDArray[np.intp]:
    """Take one after the other: of those least often judged the least shared, then by luck."""
    level = often.copy()
    shared = np.zeros(len(often), dtype=np.int64)
    mine = np.empty(trials, dtype=np.intp)
    for number in range(trials):
        least = np.flatnonzero(level == level.min())
        picture = least[(shared[least] * len(often) + luck[least]).argmin()]
        mine[number] = picture
        level[picture] = np.iinfo(np.int64).max  # not again
        shared += together[picture]
    return mine


def _exchange(judged: NDArray[np.bool_], draw: Draw) -> None:
    """Let people exchange pictures, in place, while that evens out how many any two share.

    The sum of the squares of the shared numbers falls; that of the pictures' numbers of common
    judges falls with it, for both are the squared norm of one Gram matrix of `judged`.
    """
    people = len(judged)
    table = judged.astype(np.float32)  # whole numbers below 2²⁴: sums and products are exact
    shared = table @ table.T
    if people > 200:
        for _ in range(_EXCHANGES):
            _exchange_between(table, shared, *draw.pair(people))
    else:
        pairs = list(itertools.combinations(range(people), 2))
        visits, improved = 0, True
        while improved and visits < _EXCHANGES:
            found = [_exchange_between(table, shared, *pairs[k]) for k in draw.order(len(pairs))]
            visits, improved = visits + len(pairs), any(found)
    judged[:] = table > 0


def _exchange_between(
    table: NDArray[np.float32], shared: NDArray[np.float32], a: int, b: int
) -> bool:
    """Exchange the two pictures between a and b that help most, if any do."""
    of_a, of_b = (np.flatnonzero(table[mine] > table[other]) for mine, other in ((a, b), (b, a)))
    if not len(of_a):
        return False
    excess = shared[a] - shared[b]
    excess[[a, b]] = 0
    with_a, with_b = table[:, of_a], table[:, of_b]
    # Everyone else who has the picture that leaves a shares one less with a and one more with b.
    gain_a = excess @ with_a - (with_a.sum(0) - 1)
    gain_b = -(excess @ with_b) - (with_b.sum(0) - 1)
    gain = gain_a[:, None] + gain_b[None] + 2 * (with_a.T @ with_b)
    best = int(gain.argmax())
    if gain.flat[best] <= 0:
        return False
    leaves, comes = of_a[best // len(of_b)], of_b[best % len(of_b)]
    change = table[:, comes] - table[:, leaves]
    change[[a, b]] = 0
    for person, sign in ((a, 1), (b, -1)):
        shared[person] += sign * change
        shared[:, person] += sign * change
    table[a, [leaves, comes]] = 0, 1
    table[b, [leaves, comes]] = 1, 0
    return True
