"""Participants who act on a store directly, and a clock that is turned by hand."""

import json
from functools import partial

import pytest

from snellen.study.design import make_plan
from snellen.study.store.answers import Answer, body_hash, give_answer, position
from snellen.study.store.beginning import Begin, Identity, begin
from snellen.study.store.places import hold
from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import find
from snellen.study.store.tokens import token_hash

LEASE = 3600.0


def refused(error, *what):
    """That `what[0](*what[1:])` is refused with this word."""
    with pytest.raises(Refused) as caught:
        what[0](*what[1:])
    assert caught.value.error == error
    assert caught.value.message.endswith(".")


def known(worker="5f1", assignment="a1"):
    """Somebody who would be found again."""
    return {
        "worker_hash": token_hash(worker),
        "identity": Identity("prolific", worker, assignment, "t1"),
    }


class Clock:
    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


class Acting:
    """`study` with an open store; every method waits for the disk."""

    def __init__(self, study, store, lease=LEASE):
        self.study, self.store, self.lease = study, store, lease
        self.plan = make_plan(study.config, study.indices)

    def do(self, operation):
        return self.store.write(operation).result(20)

    def asked(self, **more):
        base = {
            "digest": self.study.digest,
            "people": self.plan.people,
            "trials": self.plan.trials,
            "lease": self.lease,
            "salt": self.study.secrets().salt,
        }
        return Begin(**(base | more))

    def begin(self, **more):
        asked = self.asked(**more)
        return self.do(lambda connection: begin(connection, asked, self.store.clock()))

    def answer(self, token, number, ranks=(1, 2, 3), **more):
        values = {"shown_ms": 0.0, "first_ms": None, "submit_ms": 3000.0, "environment": {}} | more
        given = Answer(number, tuple(ranks), body_hash([ranks, values]), **values)
        return self.do(
            partial(
                give_answer,
                hashed=token_hash(token),
                answer=given,
                lease=self.lease,
                now=self.store.clock(),
                code=lambda: "CODE",
            )
        )

    def answer_all(self, token, ranks=(1, 2, 3)):
        at = self.at(token)
        for number in range(at.answered, at.total):
            self.answer(token, number, ranks)

    def session(self, token):
        return self.store.read(lambda connection: find(connection, token_hash(token)))

    def at(self, token):
        session = self.session(token)
        return self.store.read(lambda connection: position(connection, session))

    def hold(self, token):
        session = self.session(token)
        return self.do(lambda c: hold(c, session, self.lease, self.store.clock()))

    def rows(self, query, *values):
        return self.store.read(lambda connection: connection.execute(query, values).fetchall())

    def slot(self, token):
        return self.session(token).slot

    def kinds(self, token):
        session = self.session(token)
        return [
            (kind, picture, json.loads(shown))
            for kind, picture, shown in self.rows(
                "SELECT kind, picture, shown FROM trial WHERE session = ? ORDER BY number",
                session.id,
            )
        ]
