"""The rows of an export, read from the study's database."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import numpy as np

from snellen.study.folder import Study
from snellen.study.pictures import ORIGINAL
from snellen.study.quality import participant_quality
from snellen.study.ratings import midranks
from snellen.study.store.reading import answers_in
from snellen.study.store.settings import setting

__all__ = ["Answered", "ExportData", "read_export", "rows_of"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Answered:
    """One answered trial.

    Attributes:
        participant: "P0001".
        completed: whether the participant has answered every trial.
        number, kind, picture: as in the table `trial`.
        shown: models from left to right, by place in ``study.yaml``; -1 is the original.
        ranks: likewise, as given.
        seconds, first_seconds: from appearance to answer, and to the first action; None: not known.
        environment: what the browser told.
    """

    participant: str
    completed: bool
    number: int
    kind: str
    picture: int
    shown: tuple[int, ...]
    ranks: tuple[int, ...]
    seconds: float | None
    first_seconds: float | None
    environment: Mapping[str, Any]


@dataclass(frozen=True)
class ExportData:
    """All that an export tells, of one moment.

    Attributes:
        simulated: whether observers of ours answered.
        unlocked: when the result was unlocked before the study was closed; None: it was not.
        state: open, paused or closed.
        trials: in the order of participants and of showing.
        participants: rows of participants.csv, without what is the same everywhere.
    """

    simulated: bool
    unlocked: str | None
    state: str
    trials: tuple[Answered, ...]
    participants: tuple[Row, ...]


def read_export(connection: sqlite3.Connection, study: Study) -> ExportData:
    """Read everything in one transaction of `connection`."""
    rows = connection.execute(
        "SELECT session.number, session.state, trial.number, kind, picture, shown, ranks,"
        " shown_ms, first_ms, submit_ms, environment FROM answer"
        " JOIN session ON session.id = answer.session"
        " JOIN trial ON trial.session = answer.session AND trial.number = answer.trial"
        " WHERE session.state != 'withdrawn' ORDER BY session.number, trial.number"
    ).fetchall()
    trials = tuple(
        Answered(
            f"P{number:04d}",
            state == "completed",
            trial,
            kind,
            picture,
            tuple(json.loads(shown)),
            tuple(json.loads(ranks)),
            _seconds(onset, submit),
            _seconds(onset, first),
            json.loads(environment),
        )
        for (
            number,
            state,
            trial,
            kind,
            picture,
            shown,
            ranks,
            onset,
            first,
            submit,
            environment,
        ) in rows
    )
    unlocked = setting(connection, "unlocked_at")
    return ExportData(
        setting(connection, "simulated") == "1",
        None if unlocked is None else _time(float(unlocked)).isoformat(timespec="seconds"),
        setting(connection, "state") or "open",
        trials,
        tuple(_participants(connection, study)),
    )


def _participants(connection: sqlite3.Connection, study: Study) -> Iterator[Row]:
    answers = answers_in(connection, study)
    quality = {q.name: q for q in participant_quality(answers, study.config.exclusion)}
    for number, state, slot, created, screen, trials, answered, last in connection.execute(
        "SELECT number, state, slot, created_at, screen,"
        " (SELECT count(*) FROM trial WHERE trial.session = session.id),"
        " (SELECT count(*) FROM answer WHERE answer.session = session.id),"
        " (SELECT max(received_at) FROM answer WHERE answer.session = session.id)"
        " FROM session WHERE state != 'withdrawn' ORDER BY number"
    ):
        name = f"P{number:04d}"
        found = quality.get(name)
        told = json.loads(screen)
        yield {
            "participant": name,
            "state": state,
            "completed": state == "completed",
            "plan": slot,
            "started": _time(created).date().isoformat(),
            "minutes": None if last is None else round((last - created) / 60, 2),
            "trials": trials,
            "answered": answered,
            "catch_seen": found.catch_seen if found else 0,
            "catch_failed": found.catch_failed if found else 0,
            "median_seconds": _known(found.median_seconds, 3) if found else None,
            "retest": _known(found.retest, 4) if found else None,
            "excluded": found.excluded if found else False,
            "reasons": "; ".join(found.reasons) if found else "",
            "screen_width": _number(told.get("screen_width")),
            "screen_height": _number(told.get("screen_height")),
            "pixel_ratio": _number(told.get("pixel_ratio")),
        }


def rows_of(data: ExportData, study: Study) -> dict[str, Iterator[Row]]:
    """The rows of each table by its file's name, as `snellen.study.dictionary` describes them."""
    same = {"study": study.digest, "simulated": data.simulated}
    tables = {
        "rankings.csv": _rankings(data, study),
        "pairs.csv": _pairs(data, study),
        "participants.csv": iter(data.participants),
        "pictures.csv": _pictures(data, study),
    }
    return {file: ({**same, **row} for row in rows) for file, rows in tables.items()}


def _rankings(data: ExportData, study: Study) -> Iterator[Row]:
    for trial in data.trials:
        picture = study.picture(trial.picture)
        shared = midranks(np.array([trial.ranks]))[0].tolist()
        row = {
            "participant": trial.participant,
            "completed": trial.completed,
            "trial": trial.number,
            "kind": trial.kind,
            "picture": picture.name,
            "source": picture.source,
            "seconds": trial.seconds,
            "first_seconds": trial.first_seconds,
            **_environment(trial.environment),
        }
        for place, model in sorted(enumerate(trial.shown), key=lambda pair: pair[1]):
            name = ORIGINAL if model == -1 else study.config.models[model]
            rank, midrank = trial.ranks[place], shared[place]
            yield {**row, "model": name, "place": place + 1, "rank": rank, "midrank": midrank}


def _pairs(data: ExportData, study: Study) -> Iterator[Row]:
    models = study.config.models
    counts: dict[str, Counter[tuple[int, int, str]]] = {}
    completed: dict[str, bool] = {}
    for trial in data.trials:
        if trial.kind != "main":
            continue
        completed[trial.participant] = trial.completed
        found = counts.setdefault(trial.participant, Counter())
        ranks = dict(zip(trial.shown, trial.ranks, strict=True))
        for a, b in combinations(range(len(models)), 2):
            how = "equal" if ranks[a] == ranks[b] else "a" if ranks[a] < ranks[b] else "b"
            found[a, b, how] += 1
    for participant, found in counts.items():
        for a, b in combinations(range(len(models)), 2):
            a_better, b_better, equal = (found[a, b, how] for how in ("a", "b", "equal"))
            yield {
                "participant": participant,
                "completed": completed[participant],
                "model_a": models[a],
                "model_b": models[b],
                "rankings": a_better + b_better + equal,
                "a_better": a_better,
                "b_better": b_better,
                "equal": equal,
            }


def _pictures(data: ExportData, study: Study) -> Iterator[Row]:
    ranked = Counter(trial.picture for trial in data.trials if trial.kind == "main")
    used = set(study.indices)
    for place, picture in enumerate(study.pictures.pictures):
        yield {
            "picture": picture.name,
            "source": picture.source,
            "width": picture.width,
            "height": picture.height,
            "channels": picture.channels,
            "used": place in used,
            "rankings": ranked[place],
            "sha256": picture.sha256[ORIGINAL],
        }


def _environment(told: Mapping[str, Any]) -> Row:
    """What a participant's browser says, which may be anything."""
    window = told.get("window")
    width, height = window if isinstance(window, list) and len(window) == 2 else (None, None)
    used = told.get("input")
    numbers = ("pixel_ratio", "magnify", "exact", "zoom", "pinch", "blurs", "hidden_ms", "resizes")
    return {
        "window_width": _number(width),
        "window_height": _number(height),
        **{name: _number(told.get(name)) for name in numbers},
        "input": used[:20] if isinstance(used, str) else None,
    }


def _number(value: Any) -> float | int | None:
    if isinstance(value, int | float) and math.isfinite(value):
        return int(value) if isinstance(value, bool) else value
    return None


def _known(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def _seconds(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round((end - start) / 1000, 4)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
