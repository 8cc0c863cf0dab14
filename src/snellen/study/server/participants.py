"""What a participant's page asks."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sqlite3
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response
from fastapi.responses import JSONResponse

from snellen.errors import UserError
from snellen.study.config import Mturk, OpenLink, Prolific
from snellen.study.fitting import session_minutes
from snellen.study.platforms import Arrival, completion_code, leave, read_platform, worker_hash
from snellen.study.server.replies import (
    AnswerReply,
    AnswerRequest,
    BeginReply,
    BeginRequest,
    CompleteReply,
    DoneReply,
    HealthReply,
    PreviewReply,
    RefusedReply,
    RefusedRequest,
    StudyReply,
    TrialReply,
    WithdrawReply,
    WithdrawRequest,
    refusal_reply,
)
from snellen.study.server.room import Credentials, InRoom, Limited, Room
from snellen.study.store.administration import count_refusal
from snellen.study.store.answers import (
    Answer,
    Position,
    TrialView,
    body_hash,
    check_open,
    check_ranks,
    completion,
    give_answer,
    image_place,
    position,
)
from snellen.study.store.beginning import Begin, Identity, begin
from snellen.study.store.places import hold, places_left
from snellen.study.store.refusals import Refused
from snellen.study.store.settings import setting
from snellen.study.store.tokens import token_hash
from snellen.study.store.withdrawing import withdraw

__all__ = ["router"]

router = APIRouter()

_NO_STORE = {"Cache-Control": "no-store"}


def _json(content: Any, status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, _NO_STORE)


@router.get("/health")
async def health() -> HealthReply:
    """Whether the server works."""
    return HealthReply(ok=True)


@router.get("/api/study", response_model=StudyReply)
async def describe(room: InRoom) -> Response:
    """What the page must know before anybody consents."""
    study, config = room.study, room.study.config
    now = room.store.clock()
    state, simulated, left = room.store.read(
        lambda c: (
            setting(c, "state"),
            setting(c, "simulated") == "1",
            places_left(c, room.plan.people, now),
        )
    )
    used = [study.pictures.pictures[index] for index in study.indices]
    trials = room.plan.trials(0)
    platform = config.platform
    codes = None
    if isinstance(platform, Prolific):
        codes = {"no_consent": platform.no_consent, "screened_out": platform.screened_out}
    return _json(
        {
            "title": config.title,
            "instructions": config.instructions,
            "consent": config.consent,
            "contact": config.contact,
            "language": config.language,
            "models": len(config.models),
            "ties": config.ties,
            "trials": len(trials),
            "training": sum(trial.kind == "training" for trial in trials),
            "magnify": config.magnify,
            "small_screens": config.small_screens,
            "smallest_window": config.smallest_window,
            "platform": platform.kind,
            "invitations": isinstance(platform, OpenLink) and platform.invitations,
            "state": "full" if state == "open" and not left else state,
            "retention_days": config.retention_days,
            "widest": [max(each.width for each in used), max(each.height for each in used)],
            "minutes": session_minutes(len(trials)),
            "simulated": simulated,
            "codes": codes,
        }
    )


@router.post(
    "/api/sessions",
    status_code=201,
    response_model=BeginReply,
    responses={200: {"model": BeginReply, "description": "goes on with the session there was"}},
)
async def consent(
    room: InRoom,
    body: BeginRequest,
    x_snellen_admin: Annotated[str | None, Header()] = None,
) -> Response:
    """Begin, or go on where one was."""
    if body.simulated:
        room.check_admin(x_snellen_admin)
    asked = _asked(room, body)
    room.check_begin(asked)
    begun = await room.write(partial(begin, asked=asked, now=room.store.clock()))
    return _json({"token": begun.token, "withdraw": begun.withdraw}, 200 if begun.resumed else 201)


def _asked(room: Room, body: BeginRequest) -> Begin:
    """What the store must know of somebody who consents."""
    config = room.study.config
    platform = config.platform
    if body.simulated and not body.platform and body.invitation is None:
        arrival = Arrival()
    else:
        try:
            arrival = read_platform(platform, body.platform, body.invitation)
        except UserError as error:
            sentence = str(error)
            raise Refused("platform", sentence[:1].upper() + sentence[1:]) from None
    invited = isinstance(platform, OpenLink) and arrival.key is not None
    identity = None
    if arrival.worker:
        identity = Identity(platform.kind, arrival.worker, arrival.assignment, arrival.task)
    return Begin(
        digest=room.study.digest,
        people=room.plan.people,
        trials=room.plan.trials,
        lease=room.lease,
        salt=room.salt,
        worker_hash=(
            None
            if arrival.key is None or invited
            else worker_hash(room.salt, platform.kind, arrival.key)
        ),
        # Whoever is found by a platform's id or an invitation needs no other.
        request_hash=(
            None
            if body.request is None or arrival.key is not None
            else worker_hash(room.salt, "request", body.request)
        ),
        invitation=token_hash(arrival.key) if invited and arrival.key is not None else None,
        identity=identity,
        screen=body.screen,
        simulated=body.simulated,
    )


@router.get("/api/trial", response_model=TrialReply | DoneReply)
async def trial(room: InRoom, credentials: Credentials) -> Response:
    """Where the participant stands."""
    session, _ = await _taking_part(room, credentials)

    def stand(connection: sqlite3.Connection) -> Position:
        at = position(connection, session)
        if at.trial is not None:
            check_open(connection)
        return at

    return _json(_trial(room, room.store.read(stand)))


async def _taking_part(room: Room, credentials: Credentials) -> tuple[Any, bytes]:
    """The session of the token; one that has lost its place takes it again, if it is free."""
    session, hashed = room.session(None if credentials is None else credentials.credentials)
    if session.state == "expired":
        session = await room.write(
            lambda connection: hold(connection, session, room.lease, room.store.clock())
        )
    return session, hashed


def _trial(room: Room, at: Position) -> dict[str, Any]:
    """What GET /api/trial says."""
    if at.trial is None:
        return {"state": "done", "total": at.total, "answered": at.answered}
    return {
        "state": "trial",
        "number": at.trial.number,
        # Catch trials and repeats look like any other.
        "kind": "training" if at.trial.kind == "training" else "judging",
        "total": at.total,
        "answered": at.answered,
        **_pictures(room, at.trial),
        "next": None if at.next is None else _pictures(room, at.next),
    }


def _pictures(room: Room, view: TrialView) -> dict[str, Any]:
    picture = room.study.pictures.pictures[view.picture]
    return {
        "original": view.images[0],
        "options": list(view.images[1:]),
        "width": picture.width,
        "height": picture.height,
    }


@router.get(
    "/api/images/{image}",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def image(
    room: InRoom, credentials: Credentials, image: Annotated[str, Path(max_length=64)]
) -> Response:
    """A picture of the current, the next or an earlier trial, as PNG."""
    session, _ = room.session(None if credentials is None else credentials.credentials)
    place = room.store.read(lambda connection: image_place(connection, session, image))
    data = await room.versions.get(place.picture, place.model)
    headers = {"Cache-Control": "no-store, no-transform"}
    return Response(data, media_type="image/png", headers=headers)


@router.post(
    "/api/answers/{number}",
    status_code=201,
    response_model=AnswerReply,
    responses={200: {"model": AnswerReply, "description": "the same answer came before"}},
)
async def answer(
    room: InRoom,
    credentials: Credentials,
    number: Annotated[int, Path(ge=0, le=100_000)],
    body: AnswerRequest,
) -> Response:
    """Take an answer, once: it is on the disk when the reply comes."""
    session, hashed = room.session(None if credentials is None else credentials.credentials)
    config = room.study.config
    check_ranks(body.ranks, len(config.models), config.ties)
    given = Answer(
        number,
        tuple(body.ranks),
        body_hash(body.model_dump(exclude_unset=True)),
        body.shown_ms,
        body.first_ms,
        body.submit_ms,
        body.environment,
    )
    try:
        new, at = await room.write(
            partial(
                give_answer,
                hashed=hashed,
                answer=given,
                lease=room.lease,
                now=room.store.clock(),
                code=completion_code,
            )
        )
    except Refused as refused:
        if refused.error not in ("answered", "order"):
            raise
        at = room.store.read(lambda connection: position(connection, session))
        return refusal_reply(refused, next=_trial(room, at))
    return _json({"next": _trial(room, at)}, 201 if new else 200)


@router.post("/api/complete", response_model=CompleteReply)
async def complete(room: InRoom, credentials: Credentials) -> Response:
    """The completion code, when every answer is on the disk."""
    session, _ = room.session(None if credentials is None else credentials.credentials)
    code, assignment = room.store.read(lambda connection: completion(connection, session))
    return _json(leave(room.study.config.platform, code, Arrival(assignment=assignment)))


@router.post("/api/withdraw", response_model=WithdrawReply)
async def take_back(room: InRoom, body: WithdrawRequest) -> Response:
    """Delete what a participant has told."""
    hashed = token_hash(body.token)
    room.check_withdrawal(hashed)
    now = room.store.clock()
    if await room.write(lambda connection: withdraw(connection, hashed, now)):
        try:
            await asyncio.to_thread(room.store.scrub)
        except (UserError, sqlite3.Error) as error:  # it is deleted, whatever comes now
            logging.getLogger("snellen.study").error(
                "what a participant has withdrawn is deleted, but may be left in study.db-wal until"
                " the server is stopped: %s",
                error,
            )
    return _json({"withdrawn": True})


@router.post("/api/refused", response_model=RefusedReply)
async def refused(room: InRoom, body: RefusedRequest) -> Response:
    """Count somebody who does not take part. It is a number, and nothing else is kept."""
    if seconds := room.refusals.take():
        raise Limited(seconds)

    def count(connection: sqlite3.Connection) -> bool:
        running = setting(connection, "state") != "closed"
        if running:
            count_refusal(connection, body.why)
        return running

    return _json({"counted": await room.write(count)})


@router.get("/api/preview", response_model=PreviewReply)
async def preview(room: InRoom) -> Response:
    """An example for those who have not accepted the task yet; nothing is noted.

    Only Mechanical Turk has such.
    """
    if not isinstance(room.study.config.platform, Mturk):
        raise Refused("unknown", "This study has no preview.")
    if room.preview is None:
        room.preview = await _preview(room)
    return Response(room.preview, media_type="application/json", headers=_NO_STORE)


async def _preview(room: Room) -> bytes:
    shown = next(trial for trial in room.plan.trials(0) if trial.kind != "catch")
    versions = [await room.versions.get(shown.picture, model) for model in (-1, *shown.shown)]
    texts = [base64.b64encode(png).decode() for png in versions]
    picture = room.study.pictures.pictures[shown.picture]
    content = {
        "original": texts[0],
        "options": texts[1:],
        "width": picture.width,
        "height": picture.height,
    }
    return json.dumps(content).encode()
