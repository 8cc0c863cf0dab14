"""Small made-up sets of pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from snellen.datasets.keys import digest_text
from snellen.images import UnreadableImage


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def fill(folder, count, *, side=40, suffix="png", start=0):
    """Put `count` different noise pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(start, start + count):
        Image.fromarray(noise(side, side + 8, 3, seed=k)).save(folder / f"{k:03d}.{suffix}")
    return folder


class MemoryPictures:
    """Pictures in memory; those in `bad` cannot be read."""

    spec = "memory"
    channels = 1
    preferred_held_out = None
    decoded_bytes = 0

    def __init__(self, count, *, side=40, bad=(), sources=None):
        # Each picture is flat, at its own level, so that a crop shows where it is from.
        self.arrays = [np.full((side, side + 6, 1), k % 256, np.uint8) for k in range(count)]
        self.bad = set(bad)
        self.sources = sources or [str(k) for k in range(count)]
        self.reads = []

    @property
    def skipped(self):
        return []

    def __len__(self):
        return len(self.arrays)

    def read(self, index):
        self.reads.append(index)
        if index in self.bad:
            raise UnreadableImage(str(index), "it is damaged")
        return self.arrays[index]

    def name(self, index):
        return f"picture-{index}"

    def source(self, index):
        return self.sources[index]

    def source_ids(self):
        return np.array([digest_text(source) for source in self.sources], np.uint64)

    def fingerprint(self):
        return "0" * 16
