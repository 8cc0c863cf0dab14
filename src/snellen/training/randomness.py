"""Random numbers that depend on seed, step and process alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from lightning_fabric import Fabric

__all__ = ["own_random_state", "seed_step"]


@contextmanager
def own_random_state(device: torch.device) -> Iterator[None]:
    """Put the global random states of torch, Python and NumPy back at the end of the block."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def seed_step(seed: int, step: int, fabric: Fabric) -> None:
    """Seed the global generators of torch, Python and NumPy for one step of this process.

    Done anew for each step, so that no random state has to travel in checkpoints. We draw from
    torch's alone; the others are for networks and losses that are plugged in.
    """
    number = mix(seed, step, fabric.global_rank)
    random.seed(number)
    np.random.seed(number % 2**32)  # noqa: NPY002
    # Not torch.manual_seed, which formats a stack trace for a GPU that is not in use.
    torch.default_generator.manual_seed(number)
    if fabric.device.type == "cuda":
        torch.cuda.manual_seed(number)
    elif fabric.device.type == "mps":
        torch.mps.manual_seed(number)


def mix(seed: int, step: int, rank: int) -> int:
    """Return a number of its own for each seed, step and process, spread over 63 bits.

    >>> len({mix(seed, step, rank) for seed in range(9) for step in range(9) for rank in range(9)})
    729
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + rank) % 2**64
    # The finaliser of SplitMix64 (Steele et al., OOPSLA 2014): torch keeps only the low 32 bits.
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return (mixed ^ (mixed >> 31)) % 2**63
