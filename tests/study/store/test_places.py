import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from snellen.study.store import Refused, open_store
from snellen.study.store.places import places_left
from snellen.study.store.tokens import token_hash
from snellen.study.store.withdrawing import withdraw

from .acting import LEASE, Acting, refused


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
