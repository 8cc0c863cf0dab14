"""Small networks and pictures for enlarging."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.networks import SRCNN


def small_network(**options: Any) -> SRCNN:
    """A 9-5-5 of few filters that changes what it is given, but keeps it a picture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return SRCNN(filters=(6, 4), start="identity", faint=0.3, **options).eval()


def picture(shape: tuple[int, ...], dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    """Waves and noise, over the whole range of the dtype."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = np.sin(x / 3 + y / 7)[(..., *(None,) * (len(shape) - 2))] / 4 + 0.5
    values = (waves + rng.normal(0, 0.2, shape)).clip(0, 1)
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    return np.round(values * np.iinfo(dtype).max).astype(dtype)
