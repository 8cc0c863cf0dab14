"""The application: handlers, what guards them, and how what they refuse is said."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from snellen.errors import UserError
from snellen.study.server import admin, pages, participants
from snellen.study.server.guard import Guard, security_headers
from snellen.study.server.options import ServeOptions
from snellen.study.server.replies import ERRORS, error_reply, refusal_reply
from snellen.study.server.room import Limited, Plan, Room
from snellen.study.store.opening import DatabaseError, in_sentences
from snellen.study.store.refusals import Refused
from snellen.study.store.store import Clock, open_store

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["make_app"]

_HTTP = {
    404: ("unknown", "There is no such page."),
    405: ("method", "That cannot be done there."),
}


def make_app(
    study: Study,
    options: ServeOptions | None = None,
    *,
    plan: Plan | None = None,
    clock: Clock = time.time,
) -> FastAPI:
    """Make the application that serves a study.

    Its database is opened here, and closed when the application shuts down (ASGI's lifespan).

    Args:
        study: of `snellen.study.folder.open_study`.
        options: how it is served.
        plan: who sees what; by default the study's own.
        clock: tells the time.

    Raises:
        UserError: the database is not the study's, the study was changed after the first consent,
            or its design is impossible.
    """
    options = options or ServeOptions()
    if plan is None:
        plan = study.plan
    store = open_store(study, clock)
    room = Room(study, store, plan, options)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = _App(
        title="snellen study",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        responses=ERRORS,
    )
    app.state.room = room
    app.state.pages = pages.read_pages()
    app.state.told = set()
    app.include_router(participants.router)
    app.include_router(admin.router)
    app.include_router(pages.router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Limited, _limited)
    app.add_exception_handler(UserError, _unusable)
    app.add_exception_handler(sqlite3.DatabaseError, _sqlite)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)
    return app


class _App(FastAPI):
    """An application whose guard stands before everything else, also before what says 500."""

    def build_middleware_stack(self) -> ASGIApp:
        room: Room = self.state.room
        headers = security_headers(room.study.config.platform)
        return Guard(super().build_middleware_stack(), room.options, headers, room.pressure)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - for mypy
    return refusal_reply(error)


async def _limited(_: Request, error: Exception) -> Response:
    assert isinstance(error, Limited)  # noqa: S101 - for mypy
    return error_reply("rate", "Too many requests. Please wait a moment.", after=error.seconds)


async def _unusable(request: Request, error: Exception) -> Response:
    """A file of the study cannot be used: the owner must know, the participant the gist."""
    room: Room = request.app.state.room
    word, what = "picture", "a picture cannot be shown, and whoever comes to it has to wait"
    gist = "A picture cannot be shown. Please come back later."
    try:
        room.store.check_place()  # else no picture is found, either
    except DatabaseError as moved:
        error = moved
    if isinstance(error, DatabaseError):
        word, what = "database", "the study cannot be shown, and whoever comes has to wait"
        gist = (
            "The study cannot be shown just now. What you answered before is safe; please come back"
            " later."
        )
    told: set[str] = request.app.state.told
    if (sentence := str(error)) not in told:  # pages ask again and again
        told.add(sentence)
        logging.getLogger("snellen.study").error("%s: %s", what, sentence)
    asks_owner = request.url.path.startswith(f"{admin.router.prefix}/")
    return error_reply(word, sentence if asks_owner else gist, after=10)


async def _sqlite(request: Request, error: Exception) -> Response:
    try:
        with in_sentences(request.app.state.room.store.path):
            raise error
    except DatabaseError as said:
        return await _unusable(request, said)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for mypy
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    sentence = f"That was not understood: {where}: {first['msg']}."
    return error_reply("invalid", sentence.encode("ascii", "replace").decode())


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for mypy
    word, sentence = _HTTP.get(error.status_code, ("invalid", "The request cannot be read."))
    reply = error_reply(word, sentence)
    reply.status_code = error.status_code
    for name, value in (error.headers or {}).items():
        reply.headers[name] = value
    return reply


async def _broken(_: Request, __: Exception) -> Response:
    return error_reply("broken", "Something broke here. What you answered before is safe.")
