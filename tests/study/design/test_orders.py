import itertools

import numpy as np
import pytest
from hypothesis import given

from snellen.study.design import make_plan

from .helpers import config, spread, studies


@given(studies())
def test_orders_are_balanced_for_the_study_each_person_and_each_picture(study):
    found, indices = study
    plan = make_plan(found, indices)
    number = {order: k for k, order in enumerate(itertools.permutations(range(plan.models)))}
    orders = np.array([[number[tuple(s)] for s in row] for row in plan.shown.tolist()])
    assert spread(orders.ravel(), len(number)) <= 1
    assert all(spread(row, len(number)) <= 1 for row in orders)
    for picture in np.unique(plan.picture):
        assert spread(orders[plan.picture == picture], len(number)) <= 1


@pytest.mark.parametrize(
    ("models", "people", "trials"), [(4, 20, 10), (4, 20, 20), (5, 20, 20), (6, 12, 20)]
)
def test_models_stand_about_equally_often_in_each_place(models, people, trials):
    """Of so many models a person meets each order once at most: which ones is not left to luck."""
    plan = make_plan(config(people=people, trials=trials, models=models), range(people * trials))
    counts = np.stack([np.sum(plan.shown == model, axis=1) for model in range(models)])
    even = trials / models
    assert counts.min() >= even - 2
    assert counts.max() <= even + 2.5
    assert counts.std() < 0.55 * np.sqrt(even * (1 - 1 / models))  # by luck alone: 1 times
    over_all = counts.sum(1)
    assert np.ptp(over_all) <= 4
