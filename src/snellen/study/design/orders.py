"""In which order the models stand, from left to right."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from snellen.study.design.colouring import colour_edges
from snellen.study.design.draws import Draw

__all__ = ["deal_orders"]

_SWAPS = 20_000  # pairs of orders that are tried: about a second
_EVENED_OUT = 4_000_000  # people × orders: larger tables would take long


def deal_orders(chosen: NDArray[np.intp], models: int, draw: Draw) -> NDArray[np.intp]:
    """Give each trial an order of the models, int (people, trials): its number among all orders."""
    people, trials = chosen.shape
    whose = np.repeat(np.arange(people), trials)
    edges = list(zip(whose.tolist(), chosen.ravel().tolist(), strict=True))
    turn = draw.order(len(edges))
    orders = math.factorial(models)
    found = np.empty(len(edges), dtype=np.intp)
    found[turn] = colour_edges([edges[k] for k in turn], orders)
    numbers = np.array(draw.order(orders), dtype=np.intp)
    colour = found.reshape(people, trials)
    # Of three models the six orders come so often that their places are even, too.
    if models > 3 and people * orders <= _EVENED_OUT:
        _even_out_places(colour, numbers, models, draw)
    return numbers[colour]


def _even_out_places(
    colour: NDArray[np.intp], numbers: NDArray[np.intp], models: int, draw: Draw
) -> None:
    """Exchange the orders that two colours stand for, in place, where that evens out places.

    Of four models and more there are so many orders that a person meets each once at most: these
    may be any, and one model could stand in one place half of the time. The sum of the squares of
    how often each model stands in each place falls, over people and over the study.

    Args:
        colour: int (people, trials).
        numbers: int (orders,), which order a colour stands for.
        models: how many there are.
        draw: which colours are tried.
    """
    orders = np.array(list(itertools.permutations(range(models))), dtype=np.intp)
    stands = np.zeros((len(orders), models * models), dtype=np.int64)  # each model in each place
    np.put_along_axis(stands, orders * models + np.arange(models), 1, axis=1)
    often = np.zeros((len(colour), len(orders)), dtype=np.int64)
    np.add.at(often, (np.arange(len(colour))[:, None], colour), 1)
    own = often @ stands[numbers]
    whole = own.sum(0)
    who = [np.flatnonzero(column) for column in often.T]
    tries = min(_SWAPS, 40 * colour.size)
    pairs = (draw.words(2 * tries) % np.uint64(len(orders))).astype(np.intp).reshape(tries, 2)
    for a, b in pairs.tolist():
        those = np.union1d(who[a], who[b])
        more = often[those, a] - often[those, b]
        change = stands[numbers[b]] - stands[numbers[a]]
        size, all_more = int(change @ change), int(more.sum())
        grows = 2 * int(more @ (own[those] @ change)) + size * int(more @ more)
        grows += 2 * all_more * int(whole @ change) + size * all_more**2
        if grows < 0:
            own[those] += more[:, None] * change
            whole += all_more * change
            numbers[[a, b]] = numbers[[b, a]]
