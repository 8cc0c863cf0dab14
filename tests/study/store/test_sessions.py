import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from snellen.study.store import Refused, open_store
from snellen.study.store.administration import set_state
from snellen.study.store.sessions import Identity, places_left, token_hash, withdraw

from .acting import Acting

LEASE = 3600.0


def refused(error, *what):
    """That `what[0](*what[1:])` is refused with this word."""
    with pytest.raises(Refused) as caught:
        what[0](*what[1:])
    assert caught.value.error == error
    assert caught.value.message.endswith(".")


def test_tokens_have_128_bits_and_are_not_kept(acting):
    begun = acting.begin()
    assert len(bytes.fromhex(begun.token)) == 16
    assert len(bytes.fromhex(begun.withdraw)) == 16
    acting.store.close()
    data = acting.study.database.read_bytes()
    for token in (begun.token, begun.withdraw):
        assert token.encode() not in data
        assert bytes.fromhex(token) not in data
        assert token_hash(token) in data


def test_ids_of_sessions_and_pictures_are_no_tokens(acting):
    begun = acting.begin()
    (session,) = acting.rows("SELECT id FROM session")[0]
    images = [image for (image,) in acting.rows("SELECT id FROM image")]
    assert len({session, begun.token, *images}) == 2 + len(images)
    refused("token", acting.session, session)
    refused("token", acting.session, images[0])


def test_each_trial_of_the_plan_is_written_down_with_its_pictures(acting):
    begun = acting.begin()
    planned = [(t.kind, t.picture, list(t.shown)) for t in acting.plan.trials(0)]
    assert acting.kinds(begun.token) == planned
    counts = acting.rows("SELECT count(*) FROM image GROUP BY trial")
    assert counts == [(4,)] * len(planned)


def test_everybody_gets_the_lowest_free_place(acting):
    people = [acting.begin() for _ in range(4)]
    assert [acting.slot(each.token) for each in people] == [0, 1, 2, 3]
    refused("full", acting.begin)
    acting.do(lambda c: withdraw(c, token_hash(people[1].withdraw), 0.0))
    assert acting.slot(acting.begin().token) == 1
    refused("full", acting.begin)


def test_many_who_come_at_once_get_different_places(make):
    acting = make(people=16, trials=3, count=48)
    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(lambda _: _or_refused(acting), range(24)))
    tokens = [begun.token for begun in found if begun is not None]
    assert sorted(acting.slot(token) for token in tokens) == list(range(16))


def _or_refused(acting):
    try:
        return acting.begin()
    except Refused as refused:
        assert refused.error == "full"  # noqa: PT017
        return None


def test_two_servers_on_one_file_give_no_place_twice(make):
    first = make(people=12, trials=3, count=36)
    with closing(open_store(first.study, first.store.clock)) as other:
        second = Acting(first.study, other)
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(_take_part, (first, second)[k % 2]) for k in range(12)]
            tokens = [job.result() for job in jobs]
        assert sorted(first.slot(token) for token in tokens) == list(range(12))
        assert first.rows("SELECT count(*) FROM answer") == [(12 * first.at(tokens[0]).total,)]
        # Both see what either has written.
        assert all(second.session(token).state == "completed" for token in tokens)


def _take_part(acting):
    begun = acting.begin()
    acting.answer_all(begun.token)
    return begun.token


def test_the_database_itself_refuses_two_holders_of_a_place(acting):
    acting.begin()
    second = acting.begin()
    with pytest.raises(sqlite3.IntegrityError):
        acting.do(lambda c: c.execute("UPDATE session SET slot = 0 WHERE number = 2"))
    assert acting.slot(second.token) == 1


def test_a_place_is_given_again_when_no_answer_comes_for_a_lease(acting, clock):
    first = acting.begin()
    clock.wait(LEASE - 1)
    assert acting.slot(acting.begin().token) == 1
    clock.wait(2)
    assert acting.slot(acting.begin().token) == 0
    refused("gone", acting.hold, first.token)
    refused("gone", acting.answer, first.token, 0)


def test_a_clock_that_was_set_back_blocks_no_place_for_years(acting, clock):
    first = acting.begin()
    clock.wait(-1e8)
    assert acting.slot(acting.begin().token) == 1
    assert acting.session(first.token).state == "active"  # has a whole lease from now on
    clock.wait(LEASE - 1)
    assert acting.slot(acting.begin().token) == 2
    clock.wait(2)
    assert acting.slot(acting.begin().token) == 0
    refused("gone", acting.answer, first.token, 0)


def test_an_answer_prolongs_the_lease(acting, clock):
    first = acting.begin()
    clock.wait(LEASE - 1)
    acting.answer(first.token, 0)
    clock.wait(LEASE - 1)
    assert acting.slot(acting.begin().token) == 1


def test_who_comes_back_late_goes_on_if_the_place_is_still_free(acting, clock):
    first = acting.begin()
    acting.answer(first.token, 0)
    clock.wait(10 * LEASE)
    acting.begin()  # takes the freed place 0
    people = [acting.begin() for _ in range(3)]
    assert acting.session(first.token).state == "expired"
    clock.wait(10 * LEASE)
    latest = acting.begin()  # frees all places, takes 0 again
    assert acting.slot(latest.token) == 0
    assert acting.hold(people[0].token).state == "active"
    assert acting.at(people[0].token).answered == 0
    refused("gone", acting.hold, first.token)


def test_what_was_answered_before_the_lease_ended_stays(acting, clock):
    first = acting.begin()
    acting.answer(first.token, 0)
    clock.wait(2 * LEASE)
    acting.begin()
    # Free the place again: the first goes on where it was.
    acting.do(lambda c: c.execute("UPDATE session SET state = 'expired' WHERE number = 2"))
    acting.answer(first.token, 1)
    assert acting.at(first.token).answered == 2


def test_a_lease_that_ended_is_no_matter_where_nobody_waits(acting, clock):
    first = acting.begin()
    clock.wait(100 * LEASE)
    acting.answer(first.token, 0)
    assert acting.session(first.token).state == "active"


def test_a_completed_session_keeps_its_place_for_ever(acting, clock):
    first = acting.begin()
    acting.answer_all(first.token)
    clock.wait(1000 * LEASE)
    assert acting.slot(acting.begin().token) == 1


def test_places_left_counts_neither_expired_nor_withdrawn(acting, clock):
    def left():
        return acting.store.read(lambda c: places_left(c, 4, clock()))

    done = acting.begin()
    acting.answer_all(done.token)
    gone, _ = acting.begin(), acting.begin()
    assert left() == 1
    acting.do(lambda c: withdraw(c, token_hash(gone.withdraw), clock()))
    assert left() == 2
    clock.wait(LEASE + 1)
    assert left() == 3  # nobody has asked for a place since


def test_a_place_that_was_left_is_given_again_until_all_are_completed(acting, clock):
    """Balance counts completed sessions: whoever leaves is replaced, in the same place."""
    for round_number in range(3):
        for _ in range(4):
            begun = acting.begin()
            acting.answer(begun.token, 0)
        clock.wait(LEASE * (round_number + 2))
    tokens = [acting.begin().token for _ in range(4)]
    for token in tokens:
        acting.answer_all(token)
    refused("full", acting.begin)
    completed = acting.rows("SELECT slot FROM session WHERE state = 'completed' ORDER BY slot")
    assert completed == [(0,), (1,), (2,), (3,)]


# Coming back ------------------------------------------------------------------------------------


def known(worker="5f1", assignment="a1"):
    return {
        "worker_hash": token_hash(worker),
        "identity": Identity("prolific", worker, assignment, "t1"),
    }


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


# Withdrawal -------------------------------------------------------------------------------------


def test_withdrawal_deletes_all_that_was_told(acting):
    begun = acting.begin(**known("worker-7"), screen={"width": 4711}, request_hash=b"r" * 32)
    acting.answer_all(begun.token)
    acting.begin()
    acting.do(lambda c: withdraw(c, token_hash(begun.withdraw), 5.0))
    for table in ("answer", "image", "trial", "identity", "moved"):
        count = acting.rows(
            f"SELECT count(*) FROM {table} WHERE session ="
            " (SELECT id FROM session WHERE number = 1)"
        )
        assert count == [(0,)]
    assert acting.rows(
        "SELECT state, screen, code, completed_at, request_hash FROM session WHERE number = 1"
    ) == [("withdrawn", "{}", None, None, None)]
    assert ("withdrawn", "P0001") in acting.rows("SELECT what, detail FROM event")
    refused("withdrawn", acting.session, begun.token)
    refused("withdrawn", acting.answer, begun.token, 0)
    acting.store.close()
    data = acting.study.database.read_bytes()
    assert b"worker-7" not in data
    assert b"4711" not in data


def test_withdrawing_twice_is_once(acting):
    begun = acting.begin()
    for _ in range(2):
        acting.do(lambda c: withdraw(c, token_hash(begun.withdraw), 5.0))
    assert len(acting.rows("SELECT 1 FROM event WHERE what = 'withdrawn'")) == 1


def test_the_token_of_a_session_does_not_withdraw_it(acting):
    begun = acting.begin()
    refused("unknown", lambda: acting.do(lambda c: withdraw(c, token_hash(begun.token), 5.0)))


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
