"""Studies for tests: pieces of photographs, blurred as different models would, and their folder."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage import data

from snellen.images.files import write_png
from snellen.study.create import CreateOptions, create_study
from snellen.study.folder import open_study

from .fake_answers import MODELS

SOURCES = (
    "astronaut",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "moon",
    "rocket",
    "hubble_deep_field",
)
TEXTS = {
    "title": "Which is closest to the original?",
    "instructions": "Look at the original.\nRank the others, the closest first.",
    "contact": "someone@example.org",
}


def pieces(count, size=(32, 32), channels=1, seed=7):
    """Pieces of photographs, uint8 (H, W) or (H, W, 3), and the names of the photographs."""
    rng = np.random.default_rng(seed)
    wholes = {}
    found, names = [], []
    for index in range(count):
        name = SOURCES[index % len(SOURCES)]
        if name not in wholes:
            whole = getattr(data, name)()
            whole = np.stack([whole] * 3, axis=-1) if whole.ndim == 2 else whole[..., :3]
            if channels == 1:
                whole = np.rint(whole @ [0.299, 0.587, 0.114]).astype(np.uint8)
            step = (
                2
                if all(
                    2 * extent <= there for extent, there in zip(size, whole.shape, strict=False)
                )
                else 1
            )
            wholes[name] = whole[::step, ::step]
        whole = wholes[name]
        top, left = (int(rng.integers(whole.shape[k] - size[k] + 1)) for k in range(2))
        found.append(np.ascontiguousarray(whole[top : top + size[0], left : left + size[1]]))
        names.append(name)
    return found, names


def worse(picture, model, models, seed=0):
    """What a model makes of a picture: the later it comes, the less it blurs."""
    sigma = 0.5 + 1.2 * (len(models) - 1 - models.index(model)) / max(1, len(models) - 1)
    rng = np.random.default_rng([seed, models.index(model)])
    blur = (sigma, sigma) if picture.ndim == 2 else (sigma, sigma, 0)
    soft = ndimage.gaussian_filter(picture.astype(float), blur)
    return np.clip(np.rint(soft + rng.normal(0, 2, picture.shape)), 0, 255).astype(np.uint8)


def make_study(
    folder,
    *,
    models=MODELS,
    people=6,
    trials=10,
    design="nested",
    pictures=None,
    size=(32, 32),
    channels=1,
    ties=False,
):
    """A study's folder made by `create_study`, opened."""
    count = pictures or (people * trials if design == "nested" else trials)
    originals, names = pieces(count, size, channels)
    bundle = folder / "bundle"
    for each in ("original", *models):
        (bundle / each).mkdir(parents=True)
    for index, (original, name) in enumerate(zip(originals, names, strict=True)):
        file = f"{index + 1:04}-{name}.png"
        write_png(bundle / "original" / file, original)
        for model in models:
            write_png(bundle / model / file, worse(original, model, list(models), index))
    options = CreateOptions(
        design=design, people=people, trials=trials, models=tuple(models), ties=ties, **TEXTS
    )
    create_study(bundle, folder / "study", options)
    return open_study(folder / "study")
