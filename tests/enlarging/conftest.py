"""What tests of enlarging share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from snellen.networks import SRCNN, build_super_resolution_network, save_weights

from .helpers import small_network


@pytest.fixture(scope="session")
def network() -> SRCNN:
    return small_network()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A weights file of a small network for a scale."""
    folder = tmp_path_factory.mktemp("weights")

    def file_for(scale: int) -> Path:
        path = folder / f"x{scale}.safetensors"
        if not path.exists():
            options = {"filters": [6, 4], "start": "identity", "faint": 0.3}
            built = build_super_resolution_network("srcnn", scale=scale, options=options)
            card = {"network": "srcnn", "options": options, "scale": scale, "loss": "mse"}
            save_weights(path, built, card)
        return path

    return file_for
