"""People who answer, straight into a study's database."""

import json
import time

from snellen.study.store.answers import Answer, body_hash, give_answer, position
from snellen.study.store.beginning import Begin, Identity, begin
from snellen.study.store.settings import write_setting
from snellen.study.store.store import open_store
from snellen.study.store.tokens import token_hash

# As the page tells it.
ENVIRONMENT = {
    "window": [1280, 720],
    "pixel_ratio": 1.25,
    "zoom": None,
    "pinch": 1,
    "blurs": 2,
    "hidden_ms": 30,
    "resizes": 0,
    "input": "keyboard",
    "magnify": 2,
    "exact": True,
}


def in_order(shown):
    """The original first, then the models as study.yaml has them."""
    return [sorted(shown).index(model) + 1 for model in shown]


def take_part(
    study, people=1, *, stop_at=None, choose=in_order, environment=ENVIRONMENT, simulated=False
):
    """Let people answer all trials, or `stop_at` of them; their tokens of withdrawal."""
    store = open_store(study)
    salt = study.secrets().salt
    tokens = []
    try:
        for _ in range(people):
            asked = Begin(
                study.digest,
                study.config.people,
                study.plan.trials,
                3600.0,
                salt,
                identity=Identity("prolific", "worker-secret", "assignment-secret", "task-secret"),
                screen={"screen_width": 1920, "screen_height": 1080, "pixel_ratio": 1.25},
                simulated=simulated,
            )
            begun = store.write(lambda c, a=asked: begin(c, a, time.time())).result()
            tokens.append(begun.withdraw)
            _answer(store, begun, stop_at, choose, environment)
    finally:
        store.close()
    return tokens


def _answer(store, begun, stop_at, choose, environment):
    rows = store.read(
        lambda c: c.execute(
            "SELECT number, shown FROM trial WHERE session = ? ORDER BY number", (begun.session,)
        ).fetchall()
    )
    for number, shown in rows[:stop_at]:
        ranks = tuple(choose(json.loads(shown)))
        answer = Answer(number, ranks, body_hash(ranks), 1000.0, 1500.0, 3250.0, environment)
        store.write(
            lambda c, a=answer: give_answer(
                c, token_hash(begun.token), a, lease=3600.0, now=time.time(), code=lambda: "CODE"
            )
        ).result()


def close(study):
    store = open_store(study)
    store.write(lambda c: write_setting(c, "state", "closed")).result()
    store.close()


__all__ = ["ENVIRONMENT", "close", "in_order", "position", "take_part"]
