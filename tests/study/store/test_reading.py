import numpy as np

from snellen.study.store import read_answers
from snellen.study.store.administration import progress
from snellen.study.store.tokens import token_hash
from snellen.study.store.withdrawing import withdraw


def ranked_as(trial, order):
    """Ranks, left to right, of one who ranks the models in this order, and the original first."""
    keys = [order[model] if model >= 0 else -1 for model in trial.shown]
    return [sorted(keys).index(key) + 1 for key in keys]


def take_part(acting, order, count=None, **times):
    token = acting.begin().token
    slot = acting.slot(token)
    for number, trial in enumerate(acting.plan.trials(slot)[:count]):
        acting.answer(token, number, ranked_as(trial, order), **times)
    return token


def test_ranks_come_back_in_the_order_of_the_models(acting):
    take_part(acting, (2, 0, 1))
    answers = read_answers(acting.study)
    main = answers.ratings.only("main")
    assert main.models == acting.study.config.models
    assert (main.ranks == [3, 1, 2]).all()
    trials = [trial for trial in acting.plan.trials(0) if trial.kind == "main"]
    assert main.picture.tolist() == [trial.picture for trial in trials]
    for row, trial in enumerate(trials):
        assert [trial.shown[place] for place in main.places[row]] == [0, 1, 2]
    assert answers.catch_passed.all()
    assert answers.completed.tolist() == [True]


def test_training_is_left_out_and_numbers_go_by_showing(acting):
    take_part(acting, (0, 1, 2))
    ratings = read_answers(acting.study).ratings
    planned = acting.plan.trials(0)
    kept = [k for k, trial in enumerate(planned) if trial.kind in ("main", "repeat")]
    assert ratings.numbers.tolist() == kept
    assert list(ratings.kinds) == [planned[k].kind for k in kept]


def test_pictures_keep_their_places_and_sources(acting):
    take_part(acting, (0, 1, 2))
    ratings = read_answers(acting.study).ratings
    there = acting.study.pictures.pictures
    assert ratings.pictures == tuple(picture.name for picture in there)
    assert ratings.sources == tuple(picture.source for picture in there)


def test_seconds_are_those_of_the_browser(acting):
    take_part(acting, (0, 1, 2), shown_ms=1000.0, submit_ms=3500.0)
    take_part(acting, (0, 1, 2), shown_ms=None)
    ratings = read_answers(acting.study).ratings
    assert (ratings.seconds[ratings.person == 0] == 2.5).all()
    assert np.isnan(ratings.seconds[ratings.person == 1]).all()


def test_a_failed_catch_trial_is_found(acting):
    token = acting.begin().token
    for number, trial in enumerate(acting.plan.trials(0)):
        worst = [3 if model == -1 else None for model in trial.shown]
        rest = iter((1, 2)) if trial.kind == "catch" else iter((1, 2, 3))
        acting.answer(token, number, [rank or next(rest) for rank in worst])
    answers = read_answers(acting.study)
    assert answers.catch_passed.tolist() == [False] * len(answers.catch_passed)
    assert len(answers.catch_passed) == acting.study.config.catch_trials


def test_unfinished_people_are_read_and_withdrawn_ones_are_not(acting):
    take_part(acting, (0, 1, 2))
    gone = acting.begin()
    acting.answer_all(gone.token)
    acting.do(lambda c: withdraw(c, token_hash(gone.withdraw), 0.0))
    acting.begin()  # has answered nothing
    training = acting.study.config.training_trials
    take_part(acting, (2, 1, 0), count=training + 2)
    answers = read_answers(acting.study)
    assert answers.ratings.people == ("P0001", "P0004")
    assert answers.completed.tolist() == [True, False]


def test_an_empty_study_is_read(acting):
    answers = read_answers(acting.study)
    assert len(answers.ratings) == 0
    assert answers.ratings.people == ()
    assert answers.ratings.ranks.shape == (0, 3)


def test_simulated_answers_are_marked(acting):
    token = acting.begin(simulated=True).token
    acting.answer_all(token)
    assert read_answers(acting.study).ratings.simulated


def test_ties_become_midranks(make):
    acting = make(ties=True)
    token = acting.begin().token
    acting.answer_all(token, (1, 1, 1))
    assert (read_answers(acting.study).ratings.ranks == 2.0).all()


def test_progress_tells_nothing_of_the_result(acting, clock):
    take_part(acting, (0, 1, 2), environment={"blurs": 2, "hidden_ms": 5})
    other = acting.begin()
    acting.answer(other.token, 0, environment={"blurs": "many"})
    clock.wait(1e6)
    with acting.store.snapshot() as connection:
        found = progress(connection, clock())
    first, second = found["sessions"]
    assert (first["name"], first["state"]) == ("P0001", "completed")
    assert first["answered"] == first["total"] == len(acting.plan.trials(0))
    assert first["blurs"] == 2 * first["total"]
    assert (second["state"], second["answered"], second["blurs"]) == ("expired", 1, 0)
    assert (found["completed"], found["active"], found["expired"]) == (1, 0, 1)
    assert not any(model in str(found) for model in acting.study.config.models)
