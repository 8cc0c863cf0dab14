from concurrent.futures import ThreadPoolExecutor

import pytest

from snellen.study.store import Refused
from snellen.study.store.administration import set_state
from snellen.study.store.tokens import token_hash
from snellen.study.store.withdrawing import withdraw

from .acting import LEASE, known, refused


def test_each_trial_of_the_plan_is_written_down_with_its_pictures(acting):
    begun = acting.begin()
    planned = [(t.kind, t.picture, list(t.shown)) for t in acting.plan.trials(0)]
    assert acting.kinds(begun.token) == planned
    counts = acting.rows("SELECT count(*) FROM image GROUP BY trial")
    assert counts == [(4,)] * len(planned)


# Coming back ------------------------------------------------------------------------------------


def test_a_person_is_found_again_and_gets_a_new_token(acting):
    first = acting.begin(**known())
    acting.answer(first.token, 0)
    again = acting.begin(**known(assignment="a2"))
    assert again.resumed
    assert not first.resumed
    assert acting.at(again.token).answered == 1
    refused("moved", acting.session, first.token)
    refused("moved", acting.answer, first.token, 1)
    assert again.withdraw == first.withdraw  # the link that was kept stays good
    assert acting.rows("SELECT assignment FROM identity") == [("a2",)]


def test_a_person_who_is_found_again_twice_at_once_has_one_session(acting):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: acting.begin(**known()), range(8)))
    assert acting.rows("SELECT count(*) FROM session") == [(1,)]
    sound = []
    for begun in found:
        try:
            acting.session(begun.token)
            sound.append(begun)
        except Refused as refusal:
            assert refusal.error == "moved"  # noqa: PT017
    assert len(sound) == 1


def test_who_comes_back_after_completing_gets_the_same_code(acting):
    first = acting.begin(**known())
    acting.answer_all(first.token)
    again = acting.begin(**known())
    assert acting.session(again.token).code == "CODE"


def test_two_people_are_two_sessions(acting):
    acting.begin(**known("a"))
    acting.begin(**known("b"))
    assert acting.rows("SELECT count(*) FROM session") == [(2,)]


def test_who_lost_the_place_is_told_so_when_coming_back(acting, clock):
    acting.begin(**known())
    clock.wait(2 * LEASE)
    acting.begin()
    refused("gone", lambda: acting.begin(**known()))


def test_who_withdrew_is_not_asked_again(acting):
    first = acting.begin(**known())
    acting.do(lambda c: withdraw(c, token_hash(first.withdraw), 0.0))
    refused("withdrawn", lambda: acting.begin(**known()))


def test_a_consent_whose_reply_was_lost_takes_no_second_place(acting):
    lost = acting.begin(request_hash=token_hash("r"))
    again = acting.begin(request_hash=token_hash("r"))
    assert again.resumed
    assert again.session == lost.session
    assert again.withdraw == lost.withdraw
    refused("moved", acting.session, lost.token)
    acting.answer(again.token, 0)
    assert acting.begin(request_hash=token_hash("s")).session != lost.session
    assert acting.rows("SELECT slot FROM session ORDER BY number") == [(0,), (1,)]


def test_the_same_request_many_times_at_once_takes_one_place(acting):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: acting.begin(request_hash=token_hash("r")), range(8)))
    assert acting.rows("SELECT count(*) FROM session") == [(1,)]


def test_moving_from_tab_to_tab_for_ever_fills_no_disk(acting):
    for _ in range(250):
        begun = acting.begin(**known())
    ((kept,),) = acting.rows("SELECT count(*) FROM moved")
    assert kept <= 100
    assert acting.session(begun.token).state == "active"


# Invitations ------------------------------------------------------------------------------------


@pytest.fixture
def invited(acting):
    acting.do(
        lambda c: c.execute(
            "INSERT INTO invitation (token_hash, label) VALUES (?, 'Anna')", (token_hash("i"),)
        )
    )
    return acting


def test_an_invitation_lets_one_person_in(invited):
    first = invited.begin(invitation=token_hash("i"))
    again = invited.begin(invitation=token_hash("i"))
    assert again.resumed
    assert again.session == first.session
    assert invited.rows("SELECT count(*) FROM session") == [(1,)]


def test_a_guessed_invitation_lets_nobody_in(invited):
    refused("invitation", lambda: invited.begin(invitation=token_hash("j")))
    assert invited.rows("SELECT count(*) FROM session") == [(0,)]


def test_an_invitation_opens_nothing_after_withdrawal(invited):
    first = invited.begin(invitation=token_hash("i"))
    invited.do(lambda c: withdraw(c, token_hash(first.withdraw), 0.0))
    refused("withdrawn", lambda: invited.begin(invitation=token_hash("i")))
    # For whom the link was is what connects the answers with somebody.
    assert invited.rows("SELECT label FROM invitation") == [("",)]


# The study's state ------------------------------------------------------------------------------


def state(acting, name):
    acting.do(lambda c: set_state(c, name, 0.0))


def test_a_pause_lets_nobody_begin_but_lets_others_go_on(acting):
    first = acting.begin(**known())
    state(acting, "paused")
    refused("paused", acting.begin)
    acting.begin(**known())  # comes back
    state(acting, "open")
    acting.answer(acting.begin(**known()).token, 0)
    refused("moved", acting.session, first.token)


def test_a_closed_study_takes_no_answer_but_keeps_its_word(acting):
    first, done = acting.begin(**known("a")), acting.begin(**known("b"))
    acting.answer(first.token, 0)
    acting.answer_all(done.token)
    state(acting, "closed")
    refused("closed", acting.begin)
    refused("closed", lambda: acting.begin(**known("a")))
    refused("closed", acting.answer, first.token, 1)
    assert acting.answer(first.token, 0)[0] is False  # the same answer again
    assert acting.session(acting.begin(**known("b")).token).code == "CODE"


def test_simulated_participants_never_mix_into_what_people_answered(acting):
    acting.begin()
    refused("real_people", lambda: acting.begin(simulated=True))
    assert acting.rows("SELECT 1 FROM setting WHERE name = 'simulated'") == []


def test_a_study_with_simulated_participants_says_so(acting):
    acting.begin(simulated=True)
    assert acting.rows("SELECT value FROM setting WHERE name = 'simulated'") == [("1",)]
    acting.begin(simulated=True)
    refused("simulated", acting.begin)
    assert acting.rows("SELECT simulated FROM session ORDER BY number") == [(1,), (1,)]
