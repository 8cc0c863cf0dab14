"""Kill the study's server again and again while people answer, and count what is kept.

    python -m benchmarks.study_kill [--people 20] [--trials 50] [--kills 20]

Each answer is posted three times, in random order with others: twice as it is, once with another
ranking, some at once, some when later trials are answered already. The server is killed with
SIGKILL at random moments and started again. At the end the database must hold one ranking for each
trial of each person, no more, each the first that was accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import time
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
from snellen.study.store import read_answers
from snellen.study.store.tokens import token_hash


@dataclass
class Tally:
    """What the participants were told.

    Attributes:
        tokens: of the sessions, by person.
        accepted: by person and trial: the rankings that got 201.
        same: those that got 200.
        other: those that got 409 "answered".
        posts: requests that were answered.
        lost: requests whose reply never came (the server was killed), sent again.
        busy: requests that were told to come back.
        strange: replies that should not be.
    """

    tokens: dict[int, str] = field(default_factory=dict)
    accepted: dict[tuple[int, int], list[tuple[int, ...]]] = field(default_factory=dict)
    same: dict[tuple[int, int], list[tuple[int, ...]]] = field(default_factory=dict)
    other: dict[tuple[int, int], list[tuple[int, ...]]] = field(default_factory=dict)
    posts: int = 0
    lost: int = 0
    busy: int = 0
    strange: list[str] = field(default_factory=list)


class Person:
    """Somebody who answers all trials, each three times."""

    def __init__(self, number: int, port: int, tally: Tally, seed: int) -> None:
        self.number, self.port, self.tally = number, port, tally
        self.rng = random.Random(f"{seed} {number}")
        self.token = ""

    async def take_part(self) -> None:
        """Consent, answer everything, fetch the code."""
        # Named, as the page does it: where the reply is lost, the session is found again.
        consent = {"consent": True, "request": f"{self.rng.getrandbits(128):032x}"}
        begun = await self._until_answered("POST", "/api/sessions", consent)
        self.token = self.tally.tokens[self.number] = begun["token"]
        late: list[asyncio.Task[None]] = []
        at = await self._until_answered("GET", "/api/trial")
        while at["state"] == "trial":
            trial = at["number"]
            own, rival = self.rng.sample(ORDERS, 2)
            posts = [own, own, rival]
            self.rng.shuffle(posts)
            now = self.rng.randint(1, 3)  # so many at once, the others later
            await asyncio.gather(*(self._post(trial, ranks) for ranks in posts[:now]))
            late += [asyncio.create_task(self._later(trial, ranks)) for ranks in posts[now:]]
            await asyncio.sleep(self.rng.expovariate(20))
            at = await self._until_answered("GET", "/api/trial")
        await asyncio.gather(*late)
        code = (await self._until_answered("POST", "/api/complete"))["code"]
        if code != (await self._until_answered("POST", "/api/complete"))["code"]:
            self.tally.strange.append("two codes")

    async def _later(self, trial: int, ranks: tuple[int, ...]) -> None:
        await asyncio.sleep(self.rng.expovariate(1))
        await self._post(trial, ranks)

    async def _post(self, trial: int, ranks: tuple[int, ...]) -> None:
        status, reply = await self._ask("POST", f"/api/answers/{trial}", {"ranks": ranks})
        key = (self.number, trial)
        if status == 201:
            self.tally.accepted.setdefault(key, []).append(ranks)
        elif status == 200:
            self.tally.same.setdefault(key, []).append(ranks)
        elif status == 409 and reply["error"] == "answered":
            self.tally.other.setdefault(key, []).append(ranks)
        else:
            self.tally.strange.append(f"{status} {reply}")

    async def _until_answered(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        status, reply = await self._ask(method, path, body)
        if status not in (200, 201):
            self.tally.strange.append(f"{method} {path}: {status} {reply}")
            raise RuntimeError(self.tally.strange[-1])
        return reply

    async def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask until there is a reply, as the page does."""
        while True:
            try:
                async with Connection(self.port) as connection:
                    token = self.token or None
                    status, content, _ = await connection.ask(method, path, body, token)
            except (OSError, EOFError):
                self.tally.lost += 1
                await asyncio.sleep(self.rng.uniform(0.02, 0.2))
                continue
            self.tally.posts += 1
            if status in (429, 503):
                self.tally.busy += 1
                await asyncio.sleep(self.rng.uniform(0.5, 1.5))
                continue
            return status, json.loads(content)


async def take_part(service: Service, people: int, trials: int, kills: int, seed: int) -> Tally:
    """Let all take part while the server is killed."""
    tally = Tally()
    rng = random.Random(seed)
    tasks = [
        asyncio.create_task(Person(number, service.port, tally, seed).take_part())
        for number in range(people)
    ]
    done = asyncio.gather(*tasks)
    # Spread over the study: each kill waits until so many answers are in.
    for threshold in sorted(rng.sample(range(people * trials * 95 // 100), kills)):
        while len(tally.accepted) + len(tally.same) < threshold and not done.done():
            await asyncio.sleep(0.005)
        await asyncio.sleep(rng.uniform(0, 0.05))
        await asyncio.to_thread(service.kill)
        await asyncio.to_thread(service.start)
    await done
    return tally


def compare(study: Any, tally: Tally, people: int, trials: int) -> dict[str, Any]:
    """What the database holds, beside what the participants were told."""
    found, sound = kept_rankings(study)
    with sqlite3.connect(study.database) as connection:
        (codes,) = connection.execute("SELECT count(DISTINCT code) FROM session").fetchone()
    person = {token_hash(token): number for number, token in tally.tokens.items()}
    kept = {(person[hashed], trial): ranks for (hashed, trial), ranks in found.items()}
    return {
        "rankings": len(kept),
        "expected": people * trials,
        "read_by_the_analysis": len(read_answers(study).ratings.only("main")),
        "accepted_twice": sum(len(found) > 1 for found in tally.accepted.values()),
        "first_accepted_not_kept": sum(
            kept.get(key) != found[0] for key, found in tally.accepted.items()
        ),
        "called_the_same_but_is_not": sum(
            ranks != kept.get(key) for key, found in tally.same.items() for ranks in found
        ),
        "called_other_but_is_the_same": sum(
            ranks == kept.get(key) for key, found in tally.other.items() for ranks in found
        ),
        "accepted_unheard": len(set(kept) - set(tally.accepted)),
        "completed_codes": codes,
        "integrity": sound,
    }


def run(folder: Path, people: int, trials: int, kills: int, seed: int = 0) -> dict[str, Any]:
    """Make a study, let people take part, and compare.

    Returns:
        The numbers; `wrong`, how many of them are not as they must be.
    """
    study = make_study(
        folder,
        people=people,
        trials=trials,
        pictures=people * trials,
        design="nested",
        side=8,
    )
    with serving(study) as service:
        begun = time.monotonic()
        tally = asyncio.run(take_part(service, people, trials, kills, seed))
        seconds = time.monotonic() - begun
        status = service.stop()
    numbers = compare(study, tally, people, trials)
    wrong = [
        numbers["rankings"] != people * trials,
        numbers["read_by_the_analysis"] != people * trials,
        numbers["completed_codes"] != people,
        numbers["integrity"] != "ok",
        bool(tally.strange),
        status != 0,
        *(
            numbers[key] != 0
            for key in (
                "accepted_twice",
                "first_accepted_not_kept",
                "called_the_same_but_is_not",
                "called_other_but_is_the_same",
            )
        ),
    ]
    return {
        "people": people,
        "trials": trials,
        "kills": kills,
        "seconds": round(seconds, 1),
        "requests_answered": tally.posts,
        "requests_lost_and_sent_again": tally.lost,
        "told_to_come_back": tally.busy,
        "strange_replies": tally.strange[:10],
        **numbers,
        "wrong": sum(wrong),
    }


def main() -> None:
    """Run it, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    numbers = measure_and_tell(
        "study_kill",
        parser,
        lambda folder, options: run(folder, options.people, options.trials, options.kills),
    )
    if numbers["wrong"]:
        raise SystemExit("something was lost or taken twice.")


if __name__ == "__main__":
    main()
