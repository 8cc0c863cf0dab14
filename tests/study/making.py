"""Small folders of pictures, bundles and studies."""

from pathlib import Path

import numpy as np
from PIL import Image

from snellen.experiments.study_bundle import write_study_bundle
from snellen.study.create import CreateOptions, create_study
from snellen.study.folder import open_study

from .templates import copy_of

MODELS = ("mse", "mae", "mse>ms-ssim@0.5")
# What people fill in.
FILLED = {"consent": "I agree.\n", "contact": "me@example.org"}


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def bundle(place: Path, *, count=6, models=MODELS, channels=1, names=None) -> Path:
    made = {model: noise(k + 1, count, channels, 12, 16) for k, model in enumerate(models)}
    names = names or [f"boat {k}" for k in range(count)]
    sources = [f"photograph {k // 2}" for k in range(count)]
    originals = noise(0, count, channels, 12, 16)
    write_study_bundle(place, originals, made, names, sources, {"command": "snellen reconstruct"})
    return place


def folders(place: Path, models=("a", "b"), names=("boat", "cat", "dog"), suffix=".png") -> Path:
    for seed, folder in enumerate(("original", *models)):
        (place / folder).mkdir(parents=True)
        for k, name in enumerate(names):
            save(place / folder / f"{name}{suffix}", noise(100 * seed + k, 12, 16, 3))
    return place


def save(path: Path, pixels: np.ndarray, **options) -> None:
    Image.fromarray(pixels).save(path, **options)


def study(place: Path, *, count=6, people=4, trials=3, models=MODELS, **options):
    """A study of small pictures, with its texts filled in."""
    options = {"design": "crossed", **FILLED, "people": people, "trials": trials, **options}

    def make(folder):
        made = bundle(folder / "bundle", count=count, models=models)
        create_study(made, folder / "study", CreateOptions(**options))

    copy_of(place, ("folder", count, models, repr(sorted(options.items()))), make)
    return open_study(place)
