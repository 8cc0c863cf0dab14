"""The quality of a participant's answers, and who is left out by which rule."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from snellen.study.config import Exclusion
from snellen.study.quality import participant_quality, rule_in_words
from snellen.study.ratings import Answers, Ratings, midranks

from .fake_answers import make_answers

NOBODY = Exclusion(max_failed_catch=None, min_median_seconds=None)


def excluded(found):
    return tuple(one.name for one in found if one.excluded)


def two_people(ranks, *, places=None, kinds=None, picture=None, seconds=None, person=None):
    ranks = np.array(ranks)
    count, models = ranks.shape
    ratings = Ratings(
        ("a", "b", "c")[:models],
        ("P0001", "P0002"),
        ("x", "y"),
        ("x", "y"),
        midranks(ranks),
        np.zeros(count, np.intp) if person is None else np.array(person),
        np.zeros(count, np.intp) if picture is None else np.array(picture),
        np.tile(np.arange(models), (count, 1)) if places is None else np.array(places),
        ("main",) * count if kinds is None else tuple(kinds),
        np.full(count, np.nan) if seconds is None else np.array(seconds, float),
    )
    return Answers(ratings, np.array([0, 0, 1]), np.array([True, False, True]), np.array([1, 0]))


def test_slackers_are_found_and_the_careful_are_not():
    answers = make_answers(slackers=(2,))
    found = participant_quality(answers, Exclusion())
    assert excluded(found) == ("P0003",)
    assert found[2].same_place == 1.0
    assert found[2].catch_failed == found[2].catch_seen == 2
    assert len(found[2].reasons) == 2
    assert found[0].answered == 12
    assert found[0].repeats == 2


def test_without_rules_nobody_is_left_out():
    found = participant_quality(make_answers(slackers=(2,)), NOBODY)
    assert excluded(found) == ()
    assert rule_in_words(NOBODY) == "Nobody is left out."


def test_counts_belong_to_their_person():
    one, other = participant_quality(two_people([[1, 2, 3]]), NOBODY)
    assert (one.catch_failed, one.catch_seen, one.completed) == (1, 2, True)
    assert (other.catch_failed, other.catch_seen, other.completed) == (0, 1, False)
    assert (one.answered, other.answered) == (1, 0)
    assert math.isnan(other.median_seconds)
    assert math.isnan(other.same_place)


def test_retest_is_the_mean_tau_b_of_the_two_answers_to_one_picture():
    ranks = [[1, 2, 3], [2, 1, 3], [3, 2, 1], [2, 1, 2]]
    answers = two_people(ranks, kinds=("main", "main", "repeat", "repeat"), picture=[0, 1, 1, 0])
    (found, _) = participant_quality(answers, NOBODY)
    expected = np.mean(
        [kendalltau(ranks[1], ranks[2]).statistic, kendalltau(ranks[0], ranks[3]).statistic]
    )
    assert found.retest == pytest.approx(expected)
    assert found.repeats == 2


def test_an_answer_that_ties_all_says_nothing_of_retest():
    answers = two_people([[1, 1, 1], [1, 2, 3]], kinds=("main", "repeat"))
    (found, _) = participant_quality(answers, Exclusion(min_retest=0.9))
    assert math.isnan(found.retest)
    assert found.repeats == 1
    assert found.reasons == ()


def test_a_shared_first_place_counts_in_parts():
    answers = two_people([[1, 1, 2], [1, 2, 3]], places=[[0, 1, 2], [2, 0, 1]])
    (found, _) = participant_quality(answers, NOBODY)
    assert found.same_place == pytest.approx(0.5)  # places 0 and 1 by half, then place 2


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"max_failed_catch": 0}, "failed 1 of 2 catch trials (at most 0 may be)"),
        ({"min_median_seconds": 2.0}, "within 0.5 s (at least 2 s is asked)"),
        ({"min_retest": 0.5}, "tau-b −1.00 (at least 0.50 is asked)"),
    ],
)
def test_each_rule_says_what_broke_it(rule, said):
    answers = two_people([[1, 2, 3], [3, 2, 1]], kinds=("main", "repeat"), seconds=[0.4, 0.6])
    only = NOBODY.model_copy(update=rule)
    (found, other) = participant_quality(answers, only)
    assert len(found.reasons) == 1
    assert said in found.reasons[0]
    assert other.reasons == ()  # what is not known breaks no rule


def test_what_equals_the_limit_is_kept():
    answers = two_people([[1, 2, 3]], seconds=[1.0])
    (found, _) = participant_quality(answers, Exclusion())
    assert found.median_seconds == 1.0
    assert found.reasons == ()


def test_an_empty_study_has_nobody():
    answers = make_answers(people=0)
    assert participant_quality(answers, Exclusion()) == ()
    nobody = dataclasses.replace(answers, completed=np.empty(0, bool))
    assert excluded(participant_quality(nobody, Exclusion())) == ()
