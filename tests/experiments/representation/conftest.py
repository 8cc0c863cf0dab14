"""One small run that many tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snellen.experiments.representation.comparison import run_representation
from snellen.experiments.representation.configuration import RepresentationConfig

from .faces import write_faces


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 90 made faces."""
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="session")
def tiny(faces: Path) -> dict[str, Any]:
    """What a run of seconds is told."""
    return {
        "data": f"yale:{faces}",
        "size": 16,
        "widths": (4, 8),
        "code_size": (6,),
        "losses": ("mse", "mae"),
        "steps": 4,
        "batch_size": 8,
        "shift": 1,
        "svm_c": (1, 10),
        "svm_gamma": (0.1, 1),
        "svm_linear_c": (1,),
        "validate_every": 2,
        "checkpoint_every": 2,
        "precision": "fp32",
    }


@pytest.fixture(scope="session")
def run(tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The folder and the results of a run over all three splits, two seeds."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    config = RepresentationConfig(**tiny, seeds=2)
    results = run_representation(config, folder, command="snellen represent --out a")
    assert results is not None
    return folder, results
