from itertools import combinations

import numpy as np
import pytest

from snellen.study.statistics import ceiling
from snellen.study.statistics.orders import order_signs
from snellen.study.statistics.overlap import not_measurable

from .helpers import CROSSED, NESTED, models_moved, ratings_of, simulated


@pytest.mark.parametrize("ties", [False, True])
def test_shares_are_those_of_a_count(ties):
    ratings = simulated(6, 5, ties=ties, models=4)
    signs = order_signs(ratings.ranks)
    alike = pairs = with_others = asked = best = given = 0
    for picture in range(5):
        rows = signs[ratings.picture == picture]
        for a, b in combinations(rows, 2):
            alike += ((a * b) > 0).sum()
            pairs += ((a * b) != 0).sum()
        for k, row in enumerate(rows):
            others = np.delete(rows, k, axis=0)
            for own, votes in zip(row, others.T, strict=True):
                if own and np.abs(votes).any():
                    with_others += {0: 0.5, own: 1}.get(np.sign(votes.sum()), 0)
                    asked += 1
        for votes in rows.T:
            best += max((votes > 0).sum(), (votes < 0).sum())
            given += (votes != 0).sum()
    found = ceiling(ratings, CROSSED)
    assert found.between_people.value == pytest.approx(alike / pairs)
    assert found.with_others.value == pytest.approx(with_others / asked)
    assert found.best_possible.value == pytest.approx(best / given)
    assert found.between_people.low < found.between_people.value < found.between_people.high


def test_people_who_agree_reach_one():
    ratings = ratings_of([[1, 2, 3]] * 6, [0, 0, 1, 1, 2, 2], [0, 1] * 3)
    found = ceiling(ratings, CROSSED)
    assert found.between_people.value == found.with_others.value == found.best_possible.value == 1


def test_people_who_only_tie_say_nothing():
    found = ceiling(ratings_of(np.ones((4, 3)), [0, 0, 1, 1], [0, 1] * 2), CROSSED)
    assert found.between_people.value is None
    assert found.with_others.value is None
    assert found.best_possible.missing


def test_a_nested_design_knows_its_people_by_their_repeats_alone():
    ratings = ratings_of(
        [[1, 2], [1, 2], [1, 2], [2, 1]],
        [0, 1, 0, 1],
        [0, 1, 0, 1],
        kinds=("main", "main", "repeat", "repeat"),
    )
    found = ceiling(ratings, NESTED)
    for estimate in (found.between_people, found.with_others, found.best_possible):
        assert estimate.as_dict() == {
            "value": None,
            "low": None,
            "high": None,
            "missing": not_measurable("nested"),
        }
    assert found.within_people.value == 0.5


def test_relabelled_models_have_the_same_ceiling():
    ratings = simulated(ties=True)
    moved, _place = models_moved(ratings, [1, 2, 0])
    a, b = ceiling(ratings, CROSSED), ceiling(moved, CROSSED)
    assert a.between_people.low == pytest.approx(b.between_people.low, abs=1e-12)
    assert a.with_others.high == pytest.approx(b.with_others.high, abs=1e-12)
    assert a.best_possible == b.best_possible
