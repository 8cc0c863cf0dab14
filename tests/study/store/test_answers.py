import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from snellen.study.store import Refused
from snellen.study.store.answers import check_ranks, completion, image_place

from .acting import refused


@pytest.fixture
def token(acting):
    return acting.begin().token


def test_an_answer_is_taken_once_and_the_first_stays(acting, token):
    new, at = acting.answer(token, 0, (1, 2, 3))
    assert (new, at.answered) == (True, 1)
    new, at = acting.answer(token, 0, (1, 2, 3))
    assert (new, at.answered) == (False, 1)
    refused("answered", lambda: acting.answer(token, 0, (3, 2, 1)))
    assert acting.rows("SELECT trial, ranks FROM answer") == [(0, "[1, 2, 3]")]


def test_another_time_is_another_body(acting, token):
    acting.answer(token, 0, submit_ms=3000.0)
    refused("answered", lambda: acting.answer(token, 0, submit_ms=3001.0))


def test_of_many_answers_at_once_one_is_taken(acting, token):
    orders = list(itertools.permutations((1, 2, 3)))

    def post(k):
        try:
            return acting.answer(token, 0, orders[k % 6])[0], orders[k % 6]
        except Refused as refusal:
            assert refusal.error == "answered"  # noqa: PT017
            return None, orders[k % 6]

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(post, range(48)))
    ((ranks,),) = acting.rows("SELECT ranks FROM answer")
    accepted = [order for new, order in found if new]
    assert [list(order) for order in accepted] == [json.loads(ranks)]
    assert {order for new, order in found if new is False} <= set(accepted)


def test_trials_are_answered_in_order(acting, token):
    refused("order", lambda: acting.answer(token, 1))
    acting.answer(token, 0)
    refused("order", lambda: acting.answer(token, 2))
    total = acting.at(token).total
    refused("number", lambda: acting.answer(token, total))
    assert acting.rows("SELECT count(*) FROM answer") == [(1,)]


def test_the_last_answer_completes_the_session(acting, token):
    total = acting.at(token).total
    for number in range(total):
        session = acting.session(token)
        refused("unanswered", lambda s=session: acting.store.read(lambda c: completion(c, s)))
        acting.answer(token, number)
    session = acting.session(token)
    assert (session.state, session.code) == ("completed", "CODE")
    assert acting.at(token).trial is None
    new, at = acting.answer(token, total - 1)  # its reply was lost
    assert (new, at.answered) == (False, total)


def test_position_shows_this_trial_and_the_next(acting, token):
    total = acting.at(token).total
    for number in range(total):
        at = acting.at(token)
        assert at.trial.number == number
        assert len(set(at.trial.images)) == 4
        assert (at.next is None) == (number == total - 1)
        following = at.next
        acting.answer(token, number)
        assert acting.at(token).trial == following


def test_pictures_stand_for_what_the_plan_says(acting, token):
    session = acting.session(token)
    for number, trial in enumerate(acting.plan.trials(0)):
        images = acting.at(token).trial.images
        found = [acting.store.read(lambda c, i=i: image_place(c, session, i)) for i in images]
        assert [place.model for place in found] == [-1, *trial.shown]
        assert {place.picture for place in found} == {trial.picture}
        acting.answer(token, number)


def test_pictures_of_later_trials_and_of_others_are_not_served(acting, token):
    other = acting.begin().token
    session = acting.session(token)
    by_trial = acting.rows("SELECT trial, id FROM image WHERE session = ?", session.id)
    acting.answer(token, 0)
    for trial, image in by_trial:
        if trial <= 2:  # answered, current, next
            acting.store.read(lambda c, i=image: image_place(c, session, i))
        else:
            refused(
                "image", lambda i=image: acting.store.read(lambda c: image_place(c, session, i))
            )
        stranger = acting.session(other)
        refused(
            "image", lambda i=image, s=stranger: acting.store.read(lambda c: image_place(c, s, i))
        )


@pytest.mark.parametrize(
    ("ranks", "ties", "sound"),
    [
        ((1, 2, 3), False, True),
        ((3, 1, 2), False, True),
        ((1, 1, 2), True, True),
        ((1, 1, 1), True, True),
        ((2, 1, 2), True, True),
        ((1, 1, 2), False, False),
        ((1, 1, 3), True, False),
        ((2, 3, 4), True, False),
        ((0, 1, 2), True, False),
        ((1, 2), True, False),
        ((1, 2, 3, 4), False, False),
    ],
)
def test_rankings_are_dense(ranks, ties, sound):
    if sound:
        check_ranks(ranks, 3, ties)
    else:
        refused("ranks", lambda: check_ranks(ranks, 3, ties))
