"""A tiny comparison: pictures of noise that is smooth at some scale, and a budget of seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
from snellen.images import write_png

TINY = {
    "patch": 60,
    "output_pixels": 4 * 3 * 44**2,  # three steps
    "batch_size": 4,
    "validate_every": 2,
    "checkpoint_every": 2,
    "precision": "fp32",
    "network_options": {"start": "identity", "filters": [4, 3]},
}


def write_pictures(folder: Path, count: int, seed: int, side: int = 80, channels: int = 3) -> Path:
    generator = np.random.default_rng(seed)
    for k in range(count):
        noise = generator.normal(size=(side, side + 4, channels))
        smooth = ndimage.gaussian_filter(noise, (1.5, 1.5, 0.0))
        levels = 128 + 55 * smooth / smooth.std()
        write_png(folder / f"{k}.png", levels.clip(0, 255).round().astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Pictures to train on, and two sets to judge on, one of them by the name of a benchmark."""
    root = tmp_path_factory.mktemp("pictures")
    write_pictures(root / "train", 6, seed=0)
    write_pictures(root / "judged" / "Set5", 5, seed=1, side=112)
    write_pictures(root / "other", 2, seed=2, side=70)
    return root


@pytest.fixture(scope="session")
def config(folders):
    """Return a function that makes a configuration, with what differs from the tiny one."""

    def make(**changes):
        places = {
            "train": (str(folders / "train"),),
            "benchmarks": (str(folders / "judged"), str(folders / "other")),
        }
        return SuperResolutionConfig(**{**places, **TINY, **changes})

    return make
