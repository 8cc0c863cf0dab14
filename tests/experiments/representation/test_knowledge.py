"""What codes know: layers, maps, neighbours, and who is drawn to be shown."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from snellen.datasets import Column
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.features import layer_of, layers_of, principal_components
from snellen.experiments.representation.knowledge import (
    drawn,
    know,
    layer_names,
    look,
    probe_layers,
)
from snellen.experiments.representation.planning import Data, make_plan
from snellen.networks import build_network

CPU = torch.device("cpu")


def network(kind: str = "conv-autoencoder", widths: tuple[int, ...] = (4, 8)) -> torch.nn.Module:
    return build_network(kind, size=16, channels=1, code_size=5, widths=widths, seed=0)


def test_every_layer_but_the_last_is_read_after_its_activation() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 1, 16, 16), dtype=np.uint8)
    for kind, widths in (("conv-autoencoder", (4, 8)), ("fc-autoencoder", (20, 10))):
        layers = layers_of(network(kind, widths), pixels, CPU)
        found = {name: layer_of(network(kind, widths), name, pixels, CPU) for name in layers}
        names = [layer_names(layers)[name] for name in layers]
        assert names[:3] == ["encoder 1", "encoder 2", "code"]
        assert names[3] == "from code"
        assert all(name.startswith("decoder") for name in names[4:])
        first = next(iter(found.values()))
        assert first.min() >= 0
        code = found["to_code"]
        with torch.no_grad():
            expected = network(kind, widths).encode(torch.from_numpy(pixels).float() / 255)
        assert np.allclose(code, expected.numpy(), atol=1e-5)
        assert found["to_code"].min() < 0  # linear


def test_a_layer_that_holds_the_label_is_read_without_a_fault(tiny: dict[str, Any]) -> None:
    """The picture's own brightness, which every layer of this network keeps."""
    plan = make_plan(RepresentationConfig(**tiny))
    data = plan.data
    bright = data.pixels.reshape(len(data), -1).mean(1)
    column = Column("bright", "number", bright)
    own = Data(data.spec, data.pixels, data.names, (column,), {}, {}, "")
    place = plan.places[0]
    place = dataclasses.replace(place, split=dataclasses.replace(place.split, targets=("bright",)))
    for score in probe_layers("x", network(), look(own, place, 5000), CPU):
        if score.layer.startswith("encoder"):
            assert score.score < 0.1 * bright.var()


def test_neighbours_are_the_nearest_of_the_training_part(tiny: dict[str, Any]) -> None:
    plan = make_plan(RepresentationConfig(**tiny))
    place, data = plan.places[0], plan.data
    parts = place.division.train, place.division.held_out
    flat = data.pixels.reshape(len(data), -1).astype(float)
    looked = look(data, place, 5000)
    found = know("pixels", flat[parts[0]], flat[parts[1]], looked, network=None, device=CPU)
    mean, deviation = flat[parts[0]].mean(0), flat[parts[0]].std(0)
    scaled = (flat - mean) / np.where(deviation > 0, deviation, np.inf)
    queries = parts[1][drawn(place, 5, "queries")]
    for query, near in zip(queries, found.neighbours, strict=True):
        distances = ((scaled[parts[0]] - scaled[query]) ** 2).sum(1)
        assert near.tolist() == parts[0][np.argsort(distances, kind="stable")[:4]].tolist()
    assert set(found.maps) == {"pca", "t-sne"}
    assert found.maps["pca"].shape == (len(drawn(place, 700, "map")), 2)
    assert found.layers == ()


def test_who_is_drawn_depends_on_the_split_only(tiny: dict[str, Any]) -> None:
    plans = [make_plan(RepresentationConfig(**{**tiny, "losses": (x,)})) for x in ("mse", "mae")]
    chosen = [drawn(plan.places[0], 4, "shown").tolist() for plan in plans]
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) == 4


def test_principal_components_are_found_without_the_held_out_part() -> None:
    rng = np.random.default_rng(0)
    train, held_out = (rng.integers(0, 256, (n, 1, 5, 5), dtype=np.uint8) for n in (30, 10))
    left, right = principal_components(train, held_out, 6)
    again = principal_components(train, held_out[:3], 6)
    assert np.allclose(left, again[0])
    assert np.allclose(right[:3], again[1])
    centred = train.reshape(30, -1) / 255 - (train.reshape(30, -1) / 255).mean(0)
    values = np.linalg.svd(centred, compute_uv=False)[:6]
    assert np.allclose(np.linalg.norm(left, axis=0), values, rtol=1e-4)
