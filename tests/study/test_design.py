"""Plans are balanced in every way that is promised, for any numbers that fit."""

import hashlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from snellen.errors import UserError
from snellen.study.colouring import colour_edges
from snellen.study.config import DESIGNS, parse_config
from snellen.study.design import fits, make_plan, misfit, plan_pictures

TEXTS = dict.fromkeys(("title", "instructions", "consent", "contact"), "…")


def config(design="crossed", people=6, trials=6, models=3, **other):
    names = [f"m{k}" for k in range(models)]
    values = {"models": names, "design": design, "people": people, "trials_per_person": trials}
    return parse_config({**TEXTS, **values, **other})


def spread(numbers, count):
    """How far apart the counts of 0 … count − 1 among `numbers` are."""
    return int(np.ptp(np.bincount(numbers, minlength=count)))


@st.composite
def studies(draw):
    """A configuration and pictures that fit each other."""
    design = draw(st.sampled_from(DESIGNS))
    people, trials = draw(st.integers(1, 12)), draw(st.integers(1, 14))
    if design == "nested":
        least, most = people * trials, people * trials + 10
    elif design == "crossed":
        least, most = trials, trials + 10
    else:
        least, most = trials, people * trials
    pictures = draw(st.integers(least, most))
    found = config(
        design,
        people,
        trials,
        models=draw(st.integers(2, 6)),
        seed=draw(st.integers(0, 2**32 - 1)),
        training_trials=draw(st.integers(0, 3)),
        catch_trials=draw(st.integers(0, 7)),
        repeats=draw(st.integers(0, trials)),
    )
    first = draw(st.integers(0, 5))
    return found, list(range(first, first + 2 * pictures, 2))


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


@given(studies())
def test_pictures_are_dealt_as_the_design_says(study):
    found, indices = study
    plan = make_plan(found, indices)
    assert plan.picture.shape == (found.people, found.trials_per_person)
    assert set(plan.picture.ravel().tolist()) <= set(indices)
    assert all(len(set(row)) == len(row) for row in plan.picture.tolist())
    if found.design == "nested":
        assert len(np.unique(plan.picture)) == plan.picture.size
    elif found.design == "crossed":
        assert len({tuple(sorted(row)) for row in plan.picture.tolist()}) == 1
    else:
        places = np.searchsorted(indices, plan.picture.ravel())
        assert spread(places, len(indices)) <= 1
        assert len(np.unique(places)) == len(indices)


@given(studies())
def test_a_session_has_what_the_configuration_asks_for(study):
    found, indices = study
    plan = make_plan(found, indices)
    for slot in range(plan.people):
        session = plan.trials(slot)
        kinds = [trial.kind for trial in session]
        counts = {kind: kinds.count(kind) for kind in ("training", "main", "catch", "repeat")}
        assert counts == {
            "training": found.training_trials,
            "main": found.trials_per_person,
            "catch": found.catch_trials,
            "repeat": found.repeats,
        }
        assert set(kinds[: found.training_trials]) <= {"training"}
        assert kinds[found.training_trials] == "main"
        main = [trial for trial in session if trial.kind == "main"]
        assert [trial.picture for trial in main] == plan.picture[slot].tolist()
        assert [trial.shown for trial in main] == [tuple(s) for s in plan.shown[slot].tolist()]
        for place, trial in enumerate(session):
            if trial.kind == "catch":
                assert trial.shown.count(-1) == 1
                assert len(set(trial.shown)) == plan.models
            else:
                assert sorted(trial.shown) == list(range(plan.models))
            if trial.kind == "repeat":
                (first,) = (
                    k
                    for k, other in enumerate(session)
                    if other.kind == "main" and other.picture == trial.picture
                )
                assert place - first >= found.trials_per_person / 3
                assert all(a != b for a, b in zip(trial.shown, session[first].shown, strict=True))
        assert plan.trials(slot) == session


@given(studies())
def test_training_and_catch_trials_keep_away_from_what_is_judged(study):
    found, indices = study
    plan = make_plan(found, indices)
    for slot in range(plan.people):
        own = set(plan.picture[slot].tolist())
        others = [t.picture for t in plan.trials(slot) if t.kind in ("training", "catch")]
        free = len(indices) - len(own)
        assert sum(picture in own for picture in others) == max(0, len(others) - free) or (
            len(others) > len(indices)
        )
        assert len(set(others)) == min(len(others), len(indices))


@given(studies())
def test_catch_trials_replace_each_model_and_use_each_place_equally(study):
    found, indices = study
    plan = make_plan(found, indices)
    assume(found.catch_trials)
    models = plan.models
    missing = np.array(
        [[(set(range(models)) - set(shown)).pop() for shown in row] for row in plan.catch.tolist()]
    )
    places = np.argmin(plan.catch, axis=2)
    for found_in in (missing, places):
        assert spread(found_in.ravel(), models) <= 1
        assert all(spread(row, models) <= 1 for row in found_in)


@given(st.sampled_from(DESIGNS), st.integers(1, 30), st.integers(1, 30), st.integers(1, 900))
def test_what_is_offered_for_an_impossible_design_fits(design, people, trials, pictures):
    sentence = misfit(design, people, trials, pictures)
    asked = {"design": design, "people": people, "trials_per_person": trials, "pictures": pictures}
    offered = fits(design, people, trials, pictures)
    assert bool(offered) == bool(sentence)
    for way in offered:
        assert misfit(*{**asked, **way}.values()) == ""
        assert all(f"{key}: {value}" in sentence for key, value in way.items())


def test_an_impossible_design_is_told_with_what_would_fit():
    with pytest.raises(UserError) as error:
        make_plan(config("nested", 20, 50), range(600))
    assert str(error.value) == (
        "nested: 20 people × 50 trials need 1000 pictures; there are 600: type trials_per_person:"
        " 30, or people: 12, or design: crossed, or design: balanced-incomplete."
    )
    with pytest.raises(UserError, match=r"there is 1: type trials_per_person: 1\."):
        make_plan(config("crossed", 20, 2), [7])
    with pytest.raises(UserError, match="each is to be judged: type design: nested, or pictures"):
        make_plan(config("balanced-incomplete", 4, 5), range(100))
    with pytest.raises(UserError, match="no pictures"):
        make_plan(config(), [])
    with pytest.raises(UserError, match="type repeats: 2, or trials_per_person: 3"):
        make_plan(config(trials=2, repeats=3), range(9))


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


def test_another_seed_gives_another_plan():
    plans = [make_plan(config(seed=seed), range(20)) for seed in (1, 2)]
    assert plans[0].trials(0) != plans[1].trials(0)


@pytest.mark.parametrize(
    ("people", "trials", "pictures", "most"),
    [(7, 3, 7, 1), (20, 50, 200, 11), (20, 10, 40, 3), (12, 6, 9, 5)],
)
def test_any_two_people_share_about_equally_many_pictures(people, trials, pictures, most):
    chosen = plan_pictures("balanced-incomplete", people, trials, pictures)
    judged = np.zeros((people, pictures), int)
    judged[np.arange(people)[:, None], chosen] = 1
    shared = (judged @ judged.T)[np.triu_indices(people, 1)]
    assert shared.max() <= most
    judges = people * trials / pictures  # of a picture: so many pairs of people share it
    assert shared.mean() == pytest.approx(
        pictures * judges * (judges - 1) / (people * (people - 1))
    )


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1),
    st.integers(1, 30),
    st.randoms(use_true_random=False),
)
def test_every_bipartite_graph_can_be_coloured_evenly(edges, colours, random):
    edges = sorted(edges)
    random.shuffle(edges)
    found = np.array(colour_edges(edges, colours))
    assert spread(found, colours) <= 1
    for side in (0, 1):
        for vertex in range(10):
            here = [edge[side] == vertex for edge in edges]
            assert spread(found[here], colours) <= 1


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
