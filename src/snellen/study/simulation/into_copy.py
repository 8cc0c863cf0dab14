"""Simulated answers straight into a copy of a study: no server, no waiting."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from snellen.errors import UserError
from snellen.files import SAME_COMMAND, atomic_folder, shown
from snellen.study.design import Plan, make_plan
from snellen.study.folder import (
    CONFIG_FILE,
    DATABASE_FILE,
    SECRETS_FILE,
    Study,
    new_secrets,
    write_secrets,
)
from snellen.study.pictures import ORIGINAL, PICTURES_FILE
from snellen.study.platforms import completion_code
from snellen.study.simulation.records import SIMULATION_FILE, Outcome, truth, truth_as_json
from snellen.study.simulation.tastes import Crowd, Observer, SimulationOptions, gather
from snellen.study.store import create_database, open_store
from snellen.study.store.administration import set_state
from snellen.study.store.answers import Answer, body_hash, give_answer
from snellen.study.store.beginning import Begin, begin
from snellen.study.store.refusals import Refused
from snellen.study.store.tokens import token_hash

__all__ = ["simulate_into_copy"]

_BETWEEN = 90.0  # seconds from one observer's consent to the next one's


def simulate_into_copy(
    study: Study,
    target: str | os.PathLike[str],
    options: SimulationOptions,
    *,
    tell: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Copy a study without its answers, and let simulated observers answer the copy.

    The original is not touched. The copy is marked as simulated, closed, and has secrets of its
    own; ``simulation.json`` in it says what the observers liked. It is there whole or not at all.

    Args:
        study: to be copied.
        target: the copy's folder, which must not exist.
        options: the observers.
        tell: told how much of the work is done, and how much there is.

    Raises:
        UserError: `target` exists or cannot be written, or `gather` refuses the options.
    """
    place = Path(target)
    if os.path.lexists(place):
        raise UserError(f"{shown(place)} exists: name another place for the copy with --out.")
    if study.path.resolve() in place.resolve().parents:
        raise UserError(f"{shown(place)} lies inside the study: name a place elsewhere with --out.")
    plan = make_plan(study.config, study.indices)
    crowd = gather(study, options)
    try:
        with atomic_folder(place, again=SAME_COMMAND) as temporary:
            _copy(study, temporary)
            create_database(temporary / DATABASE_FILE)
            (temporary / SIMULATION_FILE).write_text(truth_as_json(study, crowd), encoding="utf-8")
            answers = _fill(replace(study, path=temporary), plan, crowd, tell)
    except Refused as refused:
        if refused.error != "storage":
            raise
        raise UserError(
            f"cannot write {shown(place / DATABASE_FILE)}: the disk is full, or fails: free some "
            f"space ({SAME_COMMAND}) or name another place with --out."
        ) from refused
    return Outcome(len(crowd), answers, int(crowd.inattentive.sum()), truth(study, crowd))


def _copy(study: Study, target: Path) -> None:
    """Copy what is asked and shown; answers, analyses and HITs stay behind."""
    for name in (CONFIG_FILE, PICTURES_FILE):
        shutil.copyfile(study.path / name, target / name)
    for picture in study.pictures.pictures:
        for model in (ORIGINAL, *study.pictures.models):
            copy = target / picture.files[model]
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(study.path / picture.files[model], copy)
    write_secrets(target / SECRETS_FILE, new_secrets())


def _fill(copy: Study, plan: Plan, crowd: Crowd, tell: Callable[[int, int], None] | None) -> int:
    answers = 0
    start = time.time() - _BETWEEN * len(crowd)
    store = open_store(copy)
    try:
        for index in range(len(crowd)):
            visit = _Visit(copy, plan, crowd.observer(index), start + _BETWEEN * index)
            answers += store.write(visit).result()
            if tell is not None:
                tell(index + 1, len(crowd))
        store.write(lambda connection: set_state(connection, "closed", time.time())).result()
    finally:
        store.close()
    return answers


@dataclass(frozen=True)
class _Visit:
    """One observer's whole session, in one transaction."""

    copy: Study
    plan: Plan
    observer: Observer
    at: float

    def __call__(self, connection: sqlite3.Connection) -> int:
        config = self.copy.config
        lease = config.lease_minutes * 60.0
        asked = Begin(
            digest=self.copy.digest,
            people=config.people,
            trials=self.plan.trials,
            lease=lease,
            salt=self.copy.secrets().salt,
            screen={"simulated": True},
            simulated=True,
        )
        begun = begin(connection, asked, self.at)
        trials = self.plan.trials(self.observer.index)  # places are taken in order
        for number, trial in enumerate(trials):
            ranks = tuple(self.observer.rank(trial.picture, trial.shown))
            onset, first, submit = self.observer.take_time()
            body = {"ranks": ranks, "shown_ms": onset, "first_ms": first, "submit_ms": submit}
            answer = Answer(
                number, ranks, body_hash(body), onset, first, submit, {"simulated": True}
            )
            give_answer(
                connection,
                token_hash(begun.token),
                answer,
                lease=lease,
                now=self.at + submit / 1000,
                code=completion_code,
            )
        return len(trials)
