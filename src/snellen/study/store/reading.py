"""What the analysis and the export read: all answers, as arrays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from snellen.study.ratings import Answers, Kind, Ratings, midranks
from snellen.study.store.administration import passed_catch
from snellen.study.store.opening import reading
from snellen.study.store.settings import setting

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["answers_in", "read_answers"]


def read_answers(study: Study) -> Answers:
    """Read all that a study has been told so far, from its database as it is now.

    People are those who have answered at least one trial that is not training, and have not
    withdrawn, in the order of their consent; pictures are all of ``pictures.json``, so that a
    rating's `picture` is the place there. Training trials are left out.

    Args:
        study: whose database it is; it may be served at the same time.

    Raises:
        UserError: the database is missing, another program's, or of another version.
    """
    with reading(study.database) as connection:
        return answers_in(connection, study)


def answers_in(
    connection: sqlite3.Connection, study: Study, only: Sequence[str] | None = None
) -> Answers:
    """See `read_answers`; with a connection that is open already.

    Args:
        connection: any.
        study: whose database it is.
        only: names of participants; None: all.
    """
    numbers_wanted = None if only is None else json.dumps([int(name[1:]) for name in only])
    rows = connection.execute(
        "SELECT session.number, session.state, trial.number, kind, picture, shown, ranks,"
        " shown_ms, submit_ms FROM answer"
        " JOIN session ON session.id = answer.session"
        " JOIN trial ON trial.session = answer.session AND trial.number = answer.trial"
        " WHERE session.state != 'withdrawn' AND kind != 'training'"
        " AND (?1 IS NULL OR session.number IN (SELECT value FROM json_each(?1)))"
        " ORDER BY session.number, trial.number",
        (numbers_wanted,),
    ).fetchall()
    completed = {row[0]: row[1] == "completed" for row in rows}
    index = {number: place for place, number in enumerate(completed)}
    models = len(study.config.models)
    ranks: list[list[int]] = []
    places: list[list[int]] = []
    person: list[int] = []
    picture: list[int] = []
    kinds: list[Kind] = []
    seconds: list[float] = []
    numbers: list[int] = []
    catch_person: list[int] = []
    catch_passed: list[bool] = []
    for number, _, trial, kind, which, shown_json, ranks_json, onset, submit in rows:
        shown, given = json.loads(shown_json), json.loads(ranks_json)
        if kind == "catch":
            catch_person.append(index[number])
            catch_passed.append(passed_catch(shown, given))
            continue
        where = [shown.index(model) for model in range(models)]
        places.append(where)
        ranks.append([given[place] for place in where])
        person.append(index[number])
        picture.append(which)
        kinds.append(kind)
        known = onset is not None and submit is not None
        seconds.append((submit - onset) / 1000 if known else np.nan)
        numbers.append(trial)
    shape = (len(ranks), models)
    given_ranks = np.array(ranks, np.int64).reshape(shape)
    ratings = Ratings(
        models=study.config.models,
        people=tuple(f"P{number:04d}" for number in completed),
        pictures=tuple(each.name for each in study.pictures.pictures),
        sources=tuple(each.source for each in study.pictures.pictures),
        ranks=midranks(given_ranks) if len(ranks) else given_ranks.astype(np.float64),
        person=np.array(person, np.intp),
        picture=np.array(picture, np.intp),
        places=np.array(places, np.intp).reshape(shape),
        kinds=tuple(kinds),
        seconds=np.array(seconds, np.float64),
        numbers=np.array(numbers, np.intp),
        simulated=setting(connection, "simulated") == "1",
    )
    return Answers(
        ratings,
        np.array(catch_person, np.intp),
        np.array(catch_passed, np.bool_),
        np.array(list(completed.values()), np.bool_),
    )
