from __future__ import annotations

import math

import pytest

from snellen.errors import UserError
from snellen.training.options import TrainingOptions, learning_rate_at


def test_cosine_rises_then_falls_to_zero():
    options = TrainingOptions(steps=1000, learning_rate=2.0, warmup=0.1)
    rates = [learning_rate_at(step, options) for step in range(1000)]
    assert rates[0] == pytest.approx(0.02)
    assert max(rates) == rates[99] == rates[100] == 2.0
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[-1] < 1e-4


def test_constant_stays():
    options = TrainingOptions(steps=10, learning_rate=2.0, warmup=0.0, schedule="constant")
    assert {learning_rate_at(step, options) for step in range(10)} == {2.0}


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_positive_rates(steps):
    options = TrainingOptions(steps=steps)
    assert all(learning_rate_at(step, options) > 0 for step in range(steps))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"steps": 1, "batch_size": -1}, "batch_size must be at least 1"),
        ({"steps": 1, "keep_last": 0}, "keep_last must be at least 1"),
        ({"steps": 1, "learning_rate": math.nan}, "learning_rate must be a positive number"),
        ({"steps": 1, "learning_rate": 0}, "learning_rate must be a positive number"),
        ({"steps": 1, "schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"steps": 1, "precision": "fp16"}, "one of auto, fp32, bf16, not 'fp16'"),
        ({"steps": 1, "warmup": 100}, r"fraction of the steps in \[0, 1\), not 100"),
        ({"steps": 1, "weight_decay": -1}, "weight_decay must be 0 or more"),
        ({"steps": 1, "clip_norm": 0}, "clip_norm must be positive"),
        ({"steps": 1, "ema": 1}, r"ema is a decay in \(0, 1\)"),
    ],
)
def test_values_that_cannot_be_used_are_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        TrainingOptions(**wrong)
