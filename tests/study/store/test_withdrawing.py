from snellen.study.store.tokens import token_hash
from snellen.study.store.withdrawing import withdraw

from .acting import known, refused


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
