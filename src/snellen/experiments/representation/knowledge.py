"""What the codes know beside the scores: maps, layers, edges and neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.manifold import TSNE
from torch import nn

from snellen.datasets import Column
from snellen.datasets.keys import shuffled
from snellen.experiments.representation.edges import EdgeReading, edge_cells, read_edges
from snellen.experiments.representation.features import layer_of, layers_of
from snellen.experiments.representation.planning import Data, Place
from snellen.experiments.representation.probes import (
    angle_of,
    errors,
    standardised,
    targets_of,
)

__all__ = [
    "MAPPED",
    "NEIGHBOURS",
    "Knowledge",
    "LayerScore",
    "Looked",
    "drawn",
    "know",
    "layer_names",
    "look",
    "probe_layers",
]

MAPPED = 700
"""At most this many held-out pictures are drawn as points on a map."""

NEIGHBOURS = 4
"""So many nearest neighbours of a picture are shown."""

QUERIES = 5

_PENALTIES = np.logspace(-2, 6, 9)
_PERPLEXITY = 30.0

Features = NDArray[np.floating]


@dataclass(frozen=True)
class LayerScore:
    """How wrong a linear reading of one layer is about one column, on held-out pictures."""

    method: str
    layer: str
    features: int
    column: str
    score: float


@dataclass(frozen=True)
class Knowledge:
    """What one method's codes know, in one division.

    Attributes:
        maps: ``pca`` and ``t-sne``: coordinates of the pictures that `drawn` chooses, (n, 2).
        edges: how well edges are read from the code.
        neighbours: for each picture that `drawn` chooses as a query, the nearest of the training
            part, the nearest first: indices into the data, (queries, neighbours).
        layers: of a network, else empty.
    """

    maps: dict[str, NDArray[np.float64]]
    edges: EdgeReading
    neighbours: NDArray[np.int64]
    layers: tuple[LayerScore, ...] = ()


def drawn(place: Place, count: int, purpose: str) -> NDArray[np.int64]:
    """Return up to `count` held-out pictures, drawn before any number is looked at.

    Returns:
        Places in the held-out part, ascending.
    """
    order = shuffled(len(place.division.held_out), purpose, place.split.name)
    return np.sort(order[:count])


@dataclass(frozen=True)
class Looked:
    """The pictures of one division that are looked into, of a large set a part.

    Attributes:
        data: pictures and labels.
        place: the division.
        train: places in its training part, ascending.
        held_out: places in its held-out part.
        train_cells: edges of the training pictures, from `edge_cells`.
        held_out_cells: of the held-out ones.
    """

    data: Data
    place: Place
    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    train_cells: NDArray[np.float64]
    held_out_cells: NDArray[np.float64]


def look(data: Data, place: Place, most: int) -> Looked:
    """Choose at most `most` pictures of either part, drawn before any number is looked at."""
    division = place.division
    train = np.sort(shuffled(len(division.train), "looked at", place.seed)[:most])
    held_out = np.sort(shuffled(len(division.held_out), "looked at", place.seed)[:most])
    return Looked(
        data,
        place,
        train,
        held_out,
        edge_cells(data.pixels[division.train[train]]),
        edge_cells(data.pixels[division.held_out[held_out]]),
    )


def know(
    method: str,
    train: Features,
    held_out: Features,
    looked: Looked,
    *,
    network: nn.Module | None,
    device: torch.device,
) -> Knowledge:
    """Look into the codes of one method.

    Args:
        method: what the codes are of.
        train: codes of the training part, (n, d).
        held_out: codes of the held-out part, (m, d).
        looked: the division, and which of its pictures.
        network: whose layers are probed; None: no layers.
        device: where the network is.
    """
    place = looked.place
    left, right = standardised(train, held_out)
    queries = drawn(place, QUERIES, "queries")
    return Knowledge(
        maps=_maps(right[drawn(place, MAPPED, "map")]),
        edges=read_edges(
            train[looked.train],
            held_out[looked.held_out],
            looked.train_cells,
            looked.held_out_cells,
        ),
        neighbours=place.division.train[_nearest(left, right[queries])],
        layers=() if network is None else tuple(probe_layers(method, network, looked, device)),
    )


def probe_layers(
    method: str, network: nn.Module, looked: Looked, device: torch.device
) -> list[LayerScore]:
    """Read the labels linearly from every layer, with a ridge regression.

    Its penalty is chosen by leave-one-out inside the training part; a class is the one with the
    largest of as many regressions as there are classes.
    """
    data, division = looked.data, looked.place.division
    rows, asked = division.train[looked.train], division.held_out[looked.held_out]
    columns = [data.column(name) for name in looked.place.split.targets]
    wanted = np.concatenate([_to_regress(column, rows) for column in columns], axis=1)
    names = layer_names(layers_of(network, data.pixels[rows], device))
    found = []
    for layer, name in names.items():  # one at a time: the widest take most memory
        train = layer_of(network, layer, data.pixels[rows], device)
        left, right = standardised(train, layer_of(network, layer, data.pixels[asked], device))
        ridge = RidgeCV(alphas=_PENALTIES, alpha_per_target=True).fit(left, wanted)
        said = np.asarray(ridge.predict(right)).reshape(len(right), -1)
        start = 0
        for column in columns:
            width = _width(column)
            answers = _from_regressed(column, said[:, start : start + width], rows)
            score = float(errors(column, answers, column.values[asked]).mean())
            found.append(LayerScore(method, name, train.shape[1], column.name, score))
            start += width
    return found


def layer_names(layers: Sequence[str]) -> dict[str, str]:
    """Return the names of layers as people say them.

    >>> layer_names(["encoder.0", "to_code"])
    {'encoder.0': 'encoder 1', 'to_code': 'code'}
    """
    found = {}
    for name in layers:
        head, dot, number = name.rpartition(".")
        if name.rpartition(".")[2] == "to_code":
            found[name] = "code"
        elif name.rpartition(".")[2] == "from_code":
            found[name] = "from code"
        elif dot and number.isdigit():
            found[name] = f"{head.rpartition('.')[2]} {int(number) + 1}"
        else:
            found[name] = name
    return found if len(set(found.values())) == len(found) else {name: name for name in layers}


def _width(column: Column) -> int:
    return {"class": len(column.classes), "circular": 2}.get(column.kind, 1)


def _to_regress(column: Column, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    wanted = targets_of(column, rows)
    if column.kind == "class":
        return np.asarray(wanted == np.arange(len(column.classes)), np.float64)
    if column.kind == "circular":
        return wanted
    return np.asarray((wanted - wanted.mean()) / (wanted.std() or 1.0), np.float64)


def _from_regressed(
    column: Column, said: NDArray[np.float64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    if column.kind == "class":
        return np.asarray(said.argmax(1), np.float64)
    if column.kind == "circular":
        return angle_of(column, said[:, 0], said[:, 1])
    known = targets_of(column, rows)
    return np.asarray(said[:, 0] * (known.std() or 1.0) + known.mean(), np.float64)


def _maps(codes: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Coordinates of standardised codes on two maps; too few pictures make none."""
    if len(codes) < 4 or not np.any(codes.std(0)):
        return {}
    first = min(2, codes.shape[1])
    flat = np.zeros((len(codes), 2))
    flat[:, :first] = PCA(first, random_state=0).fit_transform(codes)
    perplexity = min(_PERPLEXITY, (len(codes) - 1) / 3)
    start = "pca" if first == 2 else "random"
    near = TSNE(perplexity=perplexity, init=start, random_state=0).fit_transform(codes)
    return {"pca": flat, "t-sne": np.asarray(near, np.float64)}


def _nearest(left: NDArray[np.float64], queries: NDArray[np.float64]) -> NDArray[np.int64]:
    """The rows of `left` that are nearest to each query, the nearest first."""
    rows = [
        np.argsort(((left - query) ** 2).sum(1), kind="stable")[:NEIGHBOURS] for query in queries
    ]
    return np.stack(rows).astype(np.int64)
