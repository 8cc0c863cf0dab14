"""Look after a task on Mechanical Turk, and approve what was done."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from snellen.errors import UserError
from snellen.files import shown
from snellen.study.folder import Study
from snellen.study.mturk.calls import Refused, call, pages
from snellen.study.mturk.offering import Hit, mturk_of, recorded
from snellen.study.mturk.texts import code_of
from snellen.study.platforms import worker_hash
from snellen.study.store.opening import reading
from snellen.study.store.settings import setting

__all__ = ["Approval", "Assignment", "Status", "approve", "status"]

_REJECTION = "No finished session of the study belongs to this assignment and code."

Verdict = Literal[
    "matched", "no session", "unfinished", "other code", "withdrawn", "paid already", "forgotten"
]


@dataclass(frozen=True)
class Assignment:
    """What one worker has submitted.

    Attributes:
        id: Amazon's.
        state: ``"Submitted"``, ``"Approved"`` or ``"Rejected"``.
        code: that came with it; maybe "".
        session: as exports name it, ``"P0001"``; "" where none belongs to it.
        verdict: ``"matched"``, or what speaks against it.
    """

    id: str
    state: str
    code: str
    session: str
    verdict: Verdict


@dataclass(frozen=True)
class Status:
    """How far the task is.

    Attributes:
        hit: the task.
        state: Amazon's word: ``"Assignable"``, ``"Unassignable"``, ``"Reviewable"``, …
        wanted, pending, available: assignments in all, accepted just now, and free.
        assignments: that were submitted, in Amazon's order.
    """

    hit: Hit
    state: str
    wanted: int
    pending: int
    available: int
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True)
class Approval:
    """What `approve` did.

    Attributes:
        approved: now.
        before: that were approved already.
        rejected: now, only if asked for.
        others: submitted, and left to be looked at by hand.
    """

    approved: tuple[Assignment, ...]
    before: tuple[Assignment, ...]
    rejected: tuple[Assignment, ...]
    others: tuple[Assignment, ...]


def status(study: Study, *, client: Any) -> Status:
    """Ask how far the task is, and which session each submitted assignment belongs to.

    Args:
        study: that was offered.
        client: of `snellen.study.mturk.connect`.

    Raises:
        UserError: it was not offered, or whatever Amazon refuses.
    """
    platform = mturk_of(study)
    hit = recorded(study, platform.sandbox)
    if hit is None:
        where = "in the sandbox" if platform.sandbox else "for real"
        raise UserError(
            f"the study is not offered {where} yet: type "
            f"`snellen study mturk create {shown(study.path)} --url https://…`."
        )
    told = call(client, "get_hit", HITId=hit.id)["HIT"]
    submitted = pages(
        client,
        "list_assignments_for_hit",
        "Assignments",
        HITId=hit.id,
        AssignmentStatuses=["Submitted", "Approved", "Rejected"],
    )
    return Status(
        hit=hit,
        state=told.get("HITStatus", "unknown"),
        wanted=told.get("MaxAssignments", 0),
        pending=told.get("NumberOfAssignmentsPending", 0),
        available=told.get("NumberOfAssignmentsAvailable", 0),
        assignments=_joined(study, submitted),
    )


def approve(study: Study, *, client: Any, reject: bool = False) -> Approval:
    """Approve what was done: assignments whose session is completed and whose code is its own.

    A second call approves nothing twice. All others are left to be looked at by hand.

    Args:
        study: that was offered.
        client: of `snellen.study.mturk.connect`.
        reject: reject assignments that certainly belong to no finished session. A rejection harms
            a worker's standing; look at them first.

    Raises:
        UserError: it was not offered, or whatever Amazon refuses.
    """
    found = status(study, client=client)
    approved, rejected, others = [], [], []
    for one in found.assignments:
        if one.state != "Submitted":
            continue
        if one.verdict == "matched":
            _settle(client, "approve_assignment", "Approved", AssignmentId=one.id)
            approved.append(replace(one, state="Approved"))
        elif reject and one.verdict in ("other code", "unfinished", "no session"):
            _settle(
                client,
                "reject_assignment",
                "Rejected",
                AssignmentId=one.id,
                RequesterFeedback=_REJECTION,
            )
            rejected.append(replace(one, state="Rejected"))
        else:
            others.append(one)
    before = tuple(one for one in found.assignments if one.state == "Approved")
    return Approval(tuple(approved), before, tuple(rejected), tuple(others))


def _settle(client: Any, operation: str, state: str, **arguments: Any) -> None:
    """Approve or reject; where it is refused because it was done already, it was done."""
    try:
        call(client, operation, **arguments)
    except Refused:
        there = call(client, "get_assignment", AssignmentId=arguments["AssignmentId"])
        if there.get("Assignment", {}).get("AssignmentStatus") != state:
            raise


@dataclass(frozen=True)
class _Session:
    name: str
    state: str
    code: str | None


def _joined(study: Study, submitted: Iterable[Mapping[str, Any]]) -> tuple[Assignment, ...]:
    """Give each assignment its session: by its id, or by its worker where that has changed.

    After a purge by its code alone, which nobody can guess; who then has none is not rejected.
    """
    by_assignment, by_worker, by_code, unknown = _sessions(study)
    salt = study.secrets().salt
    listed = list(submitted)
    paid = set()
    verdicts: dict[str, tuple[str, Verdict]] = {}
    # Approved ones first: they have used their session up.
    for one in sorted(listed, key=lambda one: one["AssignmentStatus"] != "Approved"):
        code = code_of(one.get("Answer", ""))
        session = (
            by_assignment.get(one["AssignmentId"])
            or by_worker.get(worker_hash(salt, "mturk", one["WorkerId"]))
            or by_code.get(code)
        )
        verdict = _verdict(session, code, unknown)
        if verdict == "matched" and session is not None:
            if session.name in paid:
                verdict = "paid already"
            paid.add(session.name)
        verdicts[one["AssignmentId"]] = (session.name if session else "", verdict)
    return tuple(
        Assignment(
            one["AssignmentId"],
            one["AssignmentStatus"],
            code_of(one.get("Answer", "")),
            *verdicts[one["AssignmentId"]],
        )
        for one in listed
    )


def _verdict(session: _Session | None, code: str, unknown: Verdict) -> Verdict:
    if session is None:
        return unknown
    if session.state == "withdrawn":
        return "withdrawn"
    if session.state != "completed" or session.code is None:
        return "unfinished"
    return "matched" if hmac.compare_digest(session.code, code) else "other code"


def _sessions(
    study: Study,
) -> tuple[dict[str, _Session], dict[bytes, _Session], dict[str, _Session], Verdict]:
    """The sessions by assignment, by hashed worker, and after a purge by code.

    The last is what must be thought of somebody who is not among them.
    """
    by_assignment: dict[str, _Session] = {}
    by_worker: dict[bytes, _Session] = {}
    by_code: dict[str, _Session] = {}
    unknown: Verdict = "no session"
    query = (
        "SELECT number, state, code, worker_hash, assignment FROM session"
        " LEFT JOIN identity ON identity.session = session.id"
    )
    with reading(study.database) as connection:
        rows = connection.execute(query).fetchall()
        purged = setting(connection, "purged_at") is not None
    for number, state, code, hashed, assignment in rows:
        session = _Session(f"P{number:04d}", state, code)
        if assignment:
            by_assignment[assignment] = session
        if hashed is not None:
            by_worker[hashed] = session
        elif state == "withdrawn":
            unknown = "withdrawn"  # without a trace by which to be known
        if purged and code:
            by_code[code] = session
    return by_assignment, by_worker, by_code, "forgotten" if purged else unknown
