"""What the study's owner asks, with the study's secret."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from snellen.study.export import export_zip
from snellen.study.server.replies import (
    ResultReply,
    StateReply,
    StateRequest,
    StatusReply,
)
from snellen.study.server.room import InRoom, Room
from snellen.study.store.administration import (
    may_see_result,
    note_result_seen,
    set_state,
    time_in_words,
    unlock,
)
from snellen.study.store.reading import answers_in
from snellen.study.store.settings import setting

if TYPE_CHECKING:
    from snellen.study.ratings import Answers

__all__ = ["router"]

router = APIRouter(prefix="/api/admin")

_NO_STORE = {"Cache-Control": "no-store"}
_owner = HTTPBearer(auto_error=False, scheme_name="owner", description="the study's secret")


async def _admin(
    room: InRoom, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_owner)]
) -> Room:
    room.check_admin(None if credentials is None else credentials.credentials)
    return room


Owned = Annotated[Room, Depends(_admin)]


@router.get("/status", response_model=StatusReply)
async def status(room: Owned) -> Response:
    """How far the study is, and how carefully each participant judges."""
    found = await room.status.get()
    return JSONResponse({**found, "people": room.plan.people}, headers=_NO_STORE)


@router.post("/state", response_model=StateReply)
async def state(room: Owned, body: StateRequest) -> Response:
    """Open, pause or close the study."""
    now = room.store.clock()
    await room.write(lambda connection: set_state(connection, body.state, now))
    return _state(room)


@router.post("/unlock", response_model=StateReply)
async def unlock_result(room: Owned) -> Response:
    """Let the result be seen before the study is closed; that is noted."""
    now = room.store.clock()
    await room.write(lambda connection: unlock(connection, now))
    return _state(room)


def _state(room: Room) -> Response:
    found = room.store.read(lambda c: (setting(c, "state"), setting(c, "unlocked_at")))
    room.status.forget()
    content = {"state": found[0], "unlocked": time_in_words(found[1])}
    return JSONResponse(content, headers=_NO_STORE)


@router.get("/result", response_model=ResultReply)
async def result(room: Owned) -> Response:
    """A first look at the result, when the study is closed or unlocked."""
    await _look(room, "admin page")

    def read() -> Answers:
        with room.store.snapshot() as connection:
            return answers_in(connection, room.study)

    ratings = (await asyncio.to_thread(read)).ratings.only("main")
    firsts = ratings.ranks == ratings.ranks.min(axis=1, keepdims=True)
    shares = firsts / np.maximum(1, firsts.sum(axis=1, keepdims=True))
    return JSONResponse(
        {
            "models": list(ratings.models),
            "mean_ranks": _means(ratings.ranks),
            "first_share": _means(shares),
            "rankings": len(ratings),
        },
        headers=_NO_STORE,
    )


def _means(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    if not len(values):
        return [None] * values.shape[1]
    return [round(float(mean), 6) for mean in values.mean(axis=0)]


@router.get(
    "/export",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def export(room: Owned) -> Response:
    """Everything that `snellen study export` writes, as one archive."""
    await _look(room, "export")
    room.store.check_place()
    data = await asyncio.to_thread(export_zip, room.study)
    headers = _NO_STORE | {"Content-Disposition": 'attachment; filename="study-export.zip"'}
    return Response(data, media_type="application/zip", headers=headers)


async def _look(room: Room, how: str) -> None:
    now = room.store.clock()

    def look(connection: sqlite3.Connection) -> None:
        may_see_result(connection)
        note_result_seen(connection, now, how)

    await room.write(look)
