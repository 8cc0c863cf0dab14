"""What the admin page shows of each participant: progress and care, but nothing of the result."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

from snellen.study.quality import ParticipantQuality, participant_quality
from snellen.study.store.administration import progress
from snellen.study.store.reading import answers_in
from snellen.study.store.store import Store

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["Status"]

_SECONDS = 1.0  # for which a status is good enough
_SHARE = 0.1  # of the time, at most, may go into it
_AT_ONCE = 25  # participants judged together; `participant_quality` looks at all rows for each


class Status:
    """How far a study is and how carefully each participant judges; kept for a moment.

    Only those who have answered since the last look are judged again, so that an open admin page
    costs the participants nothing.

    Args:
        study: whose rule of exclusion is applied.
        store: its answers.
    """

    def __init__(self, study: Study, store: Store) -> None:
        self._study, self._store = study, store
        self._judged: dict[str, tuple[int, ParticipantQuality | None]] = {}
        self._found: dict[str, Any] = {}
        self._until = -math.inf
        self._lock = asyncio.Lock()

    async def get(self) -> dict[str, Any]:
        """See `progress`; and the title and, of each session, what its answers say.

        That is `median_seconds`, `catch_failed`, `catch_seen`, `retest` and why the rule of
        ``study.yaml`` leaves it out as of now (`excluded`, sentences).
        """
        async with self._lock:
            begun = time.monotonic()
            if begun >= self._until:
                self._found = await asyncio.to_thread(self._read)
                took = time.monotonic() - begun
                self._until = time.monotonic() + max(_SECONDS, took / _SHARE)
            return self._found

    def forget(self) -> None:
        """The next who looks sees it as it is now."""
        self._until = -math.inf

    def _read(self) -> dict[str, Any]:
        with self._store.snapshot() as connection:
            found = progress(connection, self._store.clock())
            counts = {each["name"]: each["answered"] for each in found["sessions"]}
            stale = [
                name
                for name, count in counts.items()
                if count and self._judged.get(name, (0, None))[0] != count
            ]
            for first in range(0, len(stale), _AT_ONCE):
                some = stale[first : first + _AT_ONCE]
                answers = answers_in(connection, self._study, some)
                judged = participant_quality(answers, self._study.config.exclusion)
                self._judged |= {name: (counts[name], None) for name in some}
                self._judged |= {each.name: (counts[each.name], each) for each in judged}
        for session in found["sessions"]:
            withdrawn = session["state"] == "withdrawn"
            judged_as = None if withdrawn else self._judged.get(session["name"], (0, None))[1]
            session.update(_care(judged_as))
        return {"title": self._study.config.title, **found}


def _care(judged: ParticipantQuality | None) -> dict[str, Any]:
    if judged is None:
        nothing = {"median_seconds": None, "catch_failed": 0, "catch_seen": 0}
        return {**nothing, "retest": None, "excluded": []}
    return {
        "median_seconds": _number(judged.median_seconds),
        "catch_failed": judged.catch_failed,
        "catch_seen": judged.catch_seen,
        "retest": _number(judged.retest),
        "excluded": list(judged.reasons),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
