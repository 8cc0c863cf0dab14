from __future__ import annotations

import pytest
import torch

from snellen.training import launch_fabric
from snellen.training.randomness import mix, own_random_state, seed_step


@pytest.fixture(autouse=True)
def _own_state():
    with own_random_state(torch.device("cpu")):
        yield


@pytest.fixture
def draw(small):
    def draw(seed, step):
        seed_step(seed, step, launch_fabric("cpu"))
        return small.draw()

    return draw


def test_the_same_step_draws_the_same_numbers_whatever_came_before(small, draw):
    first = draw(1, 5)
    small.draw()
    assert draw(1, 5) == first


def test_other_steps_and_seeds_draw_others(draw):
    drawn = {tuple(draw(seed, step)) for seed in range(3) for step in range(3)}
    assert len(drawn) == 9
    assert all(len(set(column)) == 9 for column in zip(*drawn, strict=True))


def test_the_states_of_before_come_back_even_after_an_error(small, draw):
    def fail():
        small.draw()
        raise RuntimeError

    seed_step(1, 1, launch_fabric("cpu"))
    with pytest.raises(RuntimeError), own_random_state(torch.device("cpu")):
        fail()
    assert small.draw() == draw(1, 1)


def test_seeds_differ_in_the_bits_that_torch_keeps():
    low = {
        mix(seed, step, rank) % 2**32 for seed in range(5) for step in range(50) for rank in (0, 1)
    }
    assert len(low) == 500
