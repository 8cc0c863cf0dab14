from __future__ import annotations

import pytest
import torch

from snellen.training import launch_fabric
from snellen.training.randomness import mix, seed_step


@pytest.fixture(autouse=True)
def _own_state():
    with torch.random.fork_rng():
        yield


def draw(seed, step):
    seed_step(seed, step, launch_fabric("cpu"))
    return torch.rand(4).tolist()


def test_the_same_step_draws_the_same_numbers_whatever_came_before():
    first = draw(1, 5)
    torch.rand(100)
    assert draw(1, 5) == first


def test_other_steps_and_seeds_draw_others():
    drawn = {tuple(draw(seed, step)) for seed in range(3) for step in range(3)}
    assert len(drawn) == 9


def test_seeds_differ_in_the_bits_that_torch_keeps():
    low = {
        mix(seed, step, rank) % 2**32 for seed in range(5) for step in range(50) for rank in (0, 1)
    }
    assert len(low) == 500
