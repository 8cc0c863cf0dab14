"""The encoder that is told the labels: what it learns from, and that it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.learning import Session, learn_labels
from snellen.experiments.representation.planning import make_plan
from snellen.networks import build_network
from snellen.networks.supervised import LabelLoss, SupervisedEncoder
from snellen.training import launch_fabric


def test_the_loss_is_cross_entropy_and_squared_error() -> None:
    generator = torch.Generator().manual_seed(0)
    preds, numbers = (torch.randn(5, k, generator=generator) for k in (9, 2))
    one, two = torch.tensor([0, 1, 2, 2, 1]), torch.tensor([3, 0, 1, 2, 3])
    target = torch.cat([functional.one_hot(one, 3), functional.one_hot(two, 4), numbers], 1)
    expected = functional.cross_entropy(preds[:, :3], one)
    expected = expected + functional.cross_entropy(preds[:, 3:7], two)
    expected = expected + ((preds[:, 7:] - numbers) ** 2).sum(1).mean()
    assert float(LabelLoss([3, 4])(preds, target)) == pytest.approx(float(expected), rel=1e-5)


def test_only_what_the_code_needs_is_trained() -> None:
    network = build_network(
        "conv-autoencoder", size=16, channels=1, code_size=3, widths=(4,), seed=0
    )
    encoder = SupervisedEncoder(network, size=16, channels=1, outputs=2)
    trained = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert trained == {
        f"{layer}.{kind}"
        for layer in ("autoencoder.encoder.0", "autoencoder.to_code", "head")
        for kind in ("weight", "bias")
    }
    assert all(p.grad is None for p in encoder.parameters())


def test_it_learns_the_labels_of_the_training_part(tiny: dict[str, Any], tmp_path: Any) -> None:
    """Mirrored pictures would belie the azimuth: this encoder is shown none."""
    config = RepresentationConfig(
        **{
            **tiny,
            "widths": (8, 16),
            "steps": 300,
            "learning_rate": 1e-2,
            "shift": 0,
            "mirror": True,
        }
    )
    plan = make_plan(config)
    session = Session(tmp_path, launch_fabric("cpu"), resume=False, console=None)
    outcome = learn_labels(plan, plan.places[0], 6, session)
    rows = plan.places[0].division.train
    with torch.no_grad():
        said = outcome.network(torch.from_numpy(plan.data.pixels[rows]).float() / 255).numpy()
    right = said[:, :6].argmax(1) == plan.data.column("identity").values[rows]
    assert right.mean() > 0.8
    azimuth = plan.data.column("azimuth").values[rows]
    assert np.corrcoef(said[:, 6], azimuth)[0, 1] > 0.95
