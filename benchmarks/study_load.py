"""How fast answers are taken while many take part, and what happens when too many do.

    python -m benchmarks.study_load [--minutes 10] [--sessions 500]

First, 500 open sessions give one answer each per 10 seconds (exponential), and fetch the pictures
of the next trial, as the page does; the admin page looks every 5 seconds. Times run from the moment
at which an answer is due, so that one that must wait for an earlier one counts as late. Then the
rate is doubled again and again until the server refuses. At the end each accepted answer must be in
the database as it was given, and nothing else; a last minute at the first rate must go as before.

Server and load are two processes on the same machine; `taskset -c 0,1` keeps both to two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.study_service import (
    ORDERS,
    Connection,
    Service,
    kept_rankings,
    make_study,
    measure_and_tell,
    serving,
)
from snellen.study.folder import Study
from snellen.study.store.tokens import token_hash

MEAN_SECONDS = 10.0  # between two answers of a session
SIDE = 96  # pixels, of each picture
REFUSALS = (429, 503)


@dataclass
class Tally:
    """What happened in one phase.

    Attributes:
        answers: milliseconds of each accepted answer, from when it was due.
        served: milliseconds of each accepted answer, from when it was sent.
        pictures: milliseconds of each picture.
        refused: by status; with Retry-After, or else they count as errors.
        refusals: milliseconds of each refusal.
        errors: everything else, in words.
    """

    answers: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    refusals: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass
class Participant:
    """An open session.

    Attributes:
        token: of the session.
        number: the next trial.
        images: of that trial.
        given: the accepted rankings.
    """

    token: str
    number: int = 0
    images: list[str] = field(default_factory=list)
    given: dict[int, tuple[int, ...]] = field(default_factory=dict)
    pending: tuple[int, ...] | None = None


def milliseconds(values: list[float]) -> dict[str, float]:
    """Percentiles of some times."""
    if len(values) < 2:
        return {"count": len(values)}
    cuts = statistics.quantiles(values, n=1000, method="inclusive")
    kept = {"p50": cuts[499], "p95": cuts[949], "p99": cuts[989], "max": max(values)}
    return {"count": len(values), **{name: round(value, 2) for name, value in kept.items()}}


async def begin(port: int, count: int) -> list[Participant]:
    """Let `count` people consent, at the rate that the server allows."""
    found = []
    async with Connection(port) as connection:
        while len(found) < count:
            status, content, headers = await connection.ask(
                "POST", "/api/sessions", {"consent": True}
            )
            if status == 429:
                await asyncio.sleep(float(headers["retry-after"]))
                continue
            assert status == 201, content
            person = Participant(json.loads(content)["token"])
            status, content, _ = await connection.ask("GET", "/api/trial", token=person.token)
            trial = json.loads(content)
            person.images = [trial["original"], *trial["options"]]
            found.append(person)
    return found


async def answering(
    person: Participant, port: int, rate: float, until: float, tally: Tally, rng: random.Random
) -> None:
    """One session: answers at random moments, `rate` a second in the mean, and fetches pictures."""
    due = time.monotonic() + rng.expovariate(rate)
    async with Connection(port) as connection:
        while due < until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            try:
                if not await _answer(person, connection, due, tally, rng):
                    return
            except (OSError, EOFError) as error:
                tally.errors[f"{type(error).__name__}"] += 1
            due += rng.expovariate(rate)


async def _answer(
    person: Participant, connection: Connection, due: float, tally: Tally, rng: random.Random
) -> bool:
    """Answer a trial, until it is taken; then fetch the next one's pictures. False: all are."""
    person.pending = ranks = person.pending or rng.choice(ORDERS)
    while True:
        sent = time.monotonic()
        status, content, headers = await connection.ask(
            "POST", f"/api/answers/{person.number}", _body(ranks), person.token
        )
        now = time.monotonic()
        if status in REFUSALS and "retry-after" in headers:
            tally.refused[status] += 1
            tally.refusals.append(1000 * (now - sent))
            await asyncio.sleep(float(headers["retry-after"]) * rng.uniform(1, 2))
            continue
        if status not in (200, 201):
            tally.errors[f"answer: {status} {content[:80]!r}"] += 1
            return True
        break
    tally.answers.append(1000 * (now - due))
    tally.served.append(1000 * (now - sent))
    person.given[person.number] = ranks
    person.pending = None
    person.number += 1
    after = json.loads(content)["next"]
    if after["state"] == "done":
        return False
    # The page has the next trial's pictures by then, and asks for those of the one after.
    ahead = after["next"] or after
    for image in (ahead["original"], *ahead["options"]):
        begun = time.monotonic()
        status, content, headers = await connection.ask(
            "GET", f"/api/images/{image}", token=person.token
        )
        if status in REFUSALS and "retry-after" in headers:
            tally.refused[status] += 1
        elif status != 200 or content[:4] != b"\x89PNG":
            tally.errors[f"picture: {status}"] += 1
        else:
            tally.pictures.append(1000 * (time.monotonic() - begun))
    return True


def _body(ranks: tuple[int, ...]) -> dict[str, Any]:
    """As long as what the page sends."""
    screen = {"window": [1280, 720], "pixel_ratio": 1.25, "magnify": 3, "zoom": 1, "blurs": 0}
    times = {"shown_ms": 10234.5, "first_ms": 12234.5, "submit_ms": 15234.5}
    return {"ranks": ranks, **times, "environment": {**screen, "hidden_ms": 0}}


async def watching(port: int, secret: str, until: float, times: list[float]) -> None:
    """The admin page, open all the while."""
    async with Connection(port) as connection:
        while time.monotonic() < until:
            begun = time.monotonic()
            status, _, _ = await connection.ask("GET", "/api/admin/status", token=secret)
            if status == 200:
                times.append(1000 * (time.monotonic() - begun))
            await asyncio.sleep(min(5.0, max(0.0, until - time.monotonic())))


async def phase(
    people: list[Participant], service: Service, seconds: float, rate: float, seed: int
) -> dict[str, Any]:
    """All answer for some time; what came of it."""
    tally = Tally()
    looks: list[float] = []
    secret = json.loads((service.study / "secrets.json").read_text())["admin"]
    begun, used, own = time.monotonic(), service.cpu_seconds(), time.process_time()
    until = begun + seconds
    watch = asyncio.create_task(watching(service.port, secret, until, looks))
    await asyncio.gather(
        *(
            answering(person, service.port, rate, until, tally, random.Random(f"{seed} {number}"))
            for number, person in enumerate(people)
        )
    )
    await watch
    took = time.monotonic() - begun
    return {
        "seconds": round(took, 1),
        "answers_asked_per_second": round(rate * len(people), 1),
        "answers_taken_per_second": round(len(tally.answers) / took, 1),
        "answer_ms": milliseconds(tally.answers),
        "answer_ms_from_sending": milliseconds(tally.served),
        "picture_ms": milliseconds(tally.pictures),
        "admin_page_ms": milliseconds(looks),
        "refused": dict(tally.refused),
        "refusal_ms": milliseconds(tally.refusals),
        "errors": dict(tally.errors),
        "server_cores_used": round((service.cpu_seconds() - used) / took, 3),
        "load_cores_used": round((time.process_time() - own) / took, 3),
        "server_megabytes": round(service.memory_bytes() / 2**20),
    }


def compare(study: Study, people: list[Participant]) -> dict[str, Any]:
    """The database beside what was accepted."""
    kept, sound = kept_rankings(study)
    given = {
        (token_hash(person.token), trial): ranks
        for person in people
        for trial, ranks in person.given.items()
    }
    return {
        "accepted": len(given),
        "kept": len(kept),
        "lost_or_changed": sum(kept.get(key) != ranks for key, ranks in given.items()),
        "never_accepted_but_kept": len(set(kept) - set(given)),
        "integrity": sound,
    }


async def measure(
    service: Service, sessions: int, minutes: float, step_seconds: float, most_steps: int
) -> dict[str, Any]:
    """All phases."""
    people = await begin(service.port, sessions)
    rate = 1 / MEAN_SECONDS
    print("steady …", flush=True)
    steady = await phase(people, service, 60 * minutes, rate, seed=0)
    print(json.dumps(steady), flush=True)
    raised = []
    while len(raised) < most_steps:
        rate *= 2
        raised.append(await phase(people, service, step_seconds, rate, seed=1 + len(raised)))
        print(json.dumps(raised[-1]), flush=True)
        if raised[-1]["refused"].get(503):
            break
    after = await phase(people, service, min(60, 60 * minutes), 1 / MEAN_SECONDS, seed=99)
    return {
        "sessions": sessions,
        "picture": f"{SIDE}x{SIDE} RGB",
        "cores": len(os.sched_getaffinity(0)),
        "synchronous": "FULL",
        "steady": steady,
        "raised": raised,
        "afterwards": after,
        "people": people,
    }


def run(
    folder: Path,
    sessions: int,
    minutes: float,
    step_seconds: float,
    *,
    trials: int = 260,
    most_steps: int = 8,
) -> dict[str, Any]:
    """Make a study, serve it, measure, and compare the database.

    Args:
        folder: a new one.
        sessions: open at once.
        minutes: of the first phase.
        step_seconds: of each raised rate.
        trials: of each session; more than anybody gets to.
        most_steps: how often the rate is doubled, if the server does not refuse before.
    """
    study = make_study(
        folder, people=sessions, trials=trials, pictures=trials, design="crossed", side=SIDE
    )
    with serving(study) as service:
        numbers = asyncio.run(measure(service, sessions, minutes, step_seconds, most_steps))
        people: list[Participant] = numbers.pop("people")
        numbers["exit_status"] = service.stop()
    return {**numbers, "database": compare(study, people)}


def main() -> None:
    """Run it, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--step-seconds", type=float, default=20.0, help="of each raised rate")
    measure_and_tell(
        "study_load",
        parser,
        lambda folder, options: run(
            folder, options.sessions, options.minutes, options.step_seconds
        ),
    )


if __name__ == "__main__":
    main()
