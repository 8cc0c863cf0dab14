"""Simulated observers do what their utilities say."""

import math

import numpy as np
import pytest

from snellen.errors import UserError
from snellen.study.config import parse_config
from snellen.study.design import make_plan
from snellen.study.observers import (
    Observers,
    choose,
    draw_panel,
    simulate_answers,
    simulate_many,
    simulate_rankings,
)

TEXTS = dict.fromkeys(("title", "instructions", "consent", "contact"), "…")


def plan(design="crossed", people=4, trials=6, models=3, pictures=20, **other):
    values = {"models": list("abcdef"[:models]), "design": design, "people": people}
    config = parse_config({**TEXTS, **values, "trials_per_person": trials, **other})
    return make_plan(config, range(pictures))


def test_gumbel_noise_is_the_logit_model():
    rng = np.random.default_rng(0)
    ranks = choose(np.tile([0.8, 0.0], (40_000, 1)), rng)
    assert np.mean(ranks[:, 0] == 1) == pytest.approx(1 / (1 + math.exp(-0.8)), abs=0.01)


def test_gumbel_noise_is_plackett_luce_for_whole_rankings():
    rng = np.random.default_rng(1)
    worth = np.array([3.0, 2.0, 1.0])
    ranks = choose(np.tile(np.log(worth), (60_000, 1)), rng)
    share = np.mean((ranks == [2, 1, 3]).all(1))
    assert share == pytest.approx(2 / 6 * 3 / 4, abs=0.01)


def test_normal_noise_has_the_same_standard_deviation():
    rng = np.random.default_rng(2)
    ranks = choose(np.tile([1.0, 0.0], (40_000, 1)), rng, noise="normal")
    expected = 0.5 * math.erfc(-1 / (math.pi / math.sqrt(6) * math.sqrt(2)) / math.sqrt(2))
    assert np.mean(ranks[:, 0] == 1) == pytest.approx(expected, abs=0.01)


def test_what_is_equal_without_noise_is_ranked_by_chance():
    rng = np.random.default_rng(3)
    ranks = choose(np.zeros((6000, 3)), rng, noise="none")
    assert np.allclose(np.mean(ranks == 1, axis=0), 1 / 3, atol=0.03)
    assert (np.sort(ranks, axis=1) == [1, 2, 3]).all()


def test_close_neighbours_share_a_rank_without_gaps():
    ranks = choose(np.array([0.0, 5.0, 4.6, 4.2, -3.0]), np.random.default_rng(0), 0.5, "none")
    assert ranks.tolist() == [2, 1, 1, 1, 3]


def test_answers_follow_the_plan():
    made = plan(catch_trials=2, repeats=2)
    answers = simulate_answers(made, Observers((1.0, 0.0, -1.0)), np.random.default_rng(4))
    ratings = answers.ratings
    assert ratings.simulated
    assert len(ratings) == 4 * 8
    assert ratings.kinds.count("repeat") == 8
    assert answers.completed.all()
    assert np.bincount(answers.catch_person).tolist() == [2] * 4
    for slot in range(made.people):
        mine = ratings.where(ratings.person == slot)
        asked = [t for t in made.trials(slot) if t.kind in ("main", "repeat")]
        assert mine.picture.tolist() == [t.picture for t in asked]
        for row, trial in zip(mine.places.tolist(), asked, strict=True):
            assert [trial.shown[place] for place in row] == [0, 1, 2]
        session = made.trials(slot)
        assert [session[k].kind for k in mine.numbers] == list(mine.kinds)


def test_the_better_model_is_ranked_better_wherever_it_stands():
    made = plan(people=10, trials=12)
    observers = Observers((9.0, 0.0, -9.0), person_sd=0, picture_sd=0)
    ratings = simulate_rankings(made, observers, np.random.default_rng(5))
    assert (ratings.ranks == [1, 2, 3]).mean() > 0.99


def test_inattentive_people_fail_catch_trials_and_are_fast():
    made = plan(people=40, trials=6, catch_trials=6)
    observers = Observers((1.0, 0.0, -1.0), inattentive=0.5)
    answers = simulate_answers(made, observers, np.random.default_rng(6))
    passed = np.bincount(answers.catch_person, answers.catch_passed) / 6
    assert np.sum(passed > 0.8) == 20
    assert passed[passed <= 0.8].mean() == pytest.approx(1 / 3, abs=0.15)
    ratings = answers.ratings
    median = np.array([np.median(ratings.seconds[ratings.person == k]) for k in range(40)])
    assert ((median < 1) == (passed <= 0.8)).all()


def test_utilities_may_differ_by_picture():
    made = plan(people=10, trials=2, pictures=2, models=2)
    likes = np.array([[9.0, 0.0], [0.0, 9.0]])
    observers = Observers(likes, person_sd=0, picture_sd=0)
    ratings = simulate_rankings(made, observers, np.random.default_rng(7))
    best = np.argmin(ratings.ranks, axis=1)
    assert (best == ratings.picture).all()


def test_many_studies_have_effects_of_people_and_pictures():
    rng = np.random.default_rng(8)
    person, picture = np.repeat(np.arange(30), 40), np.tile(np.arange(40), 30)
    ranks = simulate_many(
        Observers((0, 0), person_sd=0.5, picture_sd=0.8), person, picture, 20, rng
    )
    assert ranks.shape == (20, 1200, 2)
    table = (ranks[:, :, 0] == 1).reshape(20, 30, 40)
    within = 0.25 / 40, 0.25 / 30  # of means of independent answers
    assert table.mean(2).var(1).mean() > 1.5 * within[0]
    assert table.mean(1).var(1).mean() > 3 * within[1]
    none = simulate_many(Observers((0, 0), person_sd=0, picture_sd=0), person, picture, 20, rng)
    table = (none[:, :, 0] == 1).reshape(20, 30, 40)
    assert table.mean(2).var(1).mean() < 1.3 * within[0]


def test_ties_are_mid_ranks():
    rng = np.random.default_rng(9)
    person, picture = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
    ranks = simulate_many(Observers((0, 0, 0), tie_threshold=1.0), person, picture, 5, rng)
    assert np.allclose(ranks.sum(2), 6)
    assert (ranks == 2.0).any()
    assert (ranks == 1.5).any()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"utilities": (1.0,)}, "one for each of at least two models"),
        ({"utilities": (1.0, math.nan)}, "finite numbers"),
        ({"utilities": (1.0, 0.0), "person_sd": -1}, "person_sd is -1; it must be 0 or more"),
        ({"utilities": (1.0, 0.0), "picture_sd": math.nan}, "picture_sd is nan"),
        ({"utilities": (1.0, 0.0), "inattentive": 1.0}, "a share from 0 to below 1"),
    ],
)
def test_impossible_observers_are_refused(values, complaint):
    with pytest.raises(UserError, match=complaint):
        Observers(**values)


def test_utilities_must_fit_models_and_pictures():
    with pytest.raises(UserError, match="2 utilities came for 3 models"):
        simulate_rankings(plan(), Observers((1.0, 0.0)), np.random.default_rng(0))
    with pytest.raises(UserError, match="utilities of 2 pictures for 5"):
        draw_panel(Observers(np.zeros((2, 3))), 4, 5, np.random.default_rng(0))
