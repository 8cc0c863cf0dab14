"""Plans stay as they are, and are balanced however large a study is."""

import hashlib
import math

import numpy as np
import pytest

from snellen.study.config import DESIGNS
from snellen.study.design import make_plan

from .helpers import config


def test_the_plan_of_a_running_study_never_changes():
    """Whoever changes this digest spoils the studies that are running."""
    text = hashlib.sha256()
    for design in DESIGNS:
        plan = make_plan(config(design, 7, 10, models=3, seed=5), range(70))
        for slot in range(plan.people):
            text.update(repr(plan.trials(slot)).encode())
    plan = make_plan(config("balanced-incomplete", 7, 10, models=4, seed=5), range(25))
    text.update(repr([plan.trials(slot) for slot in range(7)]).encode())
    assert text.hexdigest() == ("dace90ca6bdb9555e6978048995e5fcd11f473932be7bec1177e7afa149bef9e")


def test_another_seed_gives_another_plan():
    plans = [make_plan(config(seed=seed), range(20)) for seed in (1, 2)]
    assert plans[0].trials(0) != plans[1].trials(0)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_large_study_is_balanced_too(design):
    pictures = {"nested": 50_000, "crossed": 50, "balanced-incomplete": 2000}[design]
    plan = make_plan(config(design, 1000, 50), range(pictures))
    assert plan.picture.shape == (1000, 50)
    assert np.ptp(np.bincount(plan.picture.ravel(), minlength=pictures)) <= 1
    orders = np.unique(plan.shown.reshape(-1, plan.shown.shape[2]), axis=0, return_counts=True)[1]
    assert len(orders) == 6
    assert np.ptp(orders) <= 1
    assert math.factorial(plan.models) == 6
