"""Running the server: one process, one event loop, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from snellen.errors import UserError
from snellen.files import shown
from snellen.study.server.alone import only_server
from snellen.study.server.app import make_app
from snellen.study.server.guard import refuse
from snellen.study.server.limits import Pressure
from snellen.study.server.options import ServeOptions

if TYPE_CHECKING:
    from fastapi import FastAPI

    from snellen.study.folder import Study
    from snellen.study.server.room import Plan

__all__ = ["listen", "make_server", "serve"]

_BACKLOG = 2048
_LEAST_BYTES = 4096  # of a reply that must be taken in `slow_seconds`
_KEEP_ALIVE = 5
_KEEP_ALIVE_BEHIND_PROXY = 75  # longer than nginx (60 s) and others keep theirs
_GRACE = 5
_TICK = 0.1  # seconds between two ticks of uvicorn's


class _Impatient(H11Protocol):
    """Hangs up on who sends a request's headers, or takes a reply, too slowly.

    uvicorn itself would wait for ever; only the pause between two requests has an end there. How
    long a body may take is the guard's business.
    """

    seconds = 10.0
    most_connections = 4000
    most_of_one = 1000
    _head_since: float | None = None
    _left: tuple[float, int] | None = None  # when so much of the replies was not taken yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_since = self.loop.time()
        address = _address(self)
        of_one = (
            0 if address is None else sum(_address(each) == address for each in self.connections)
        )
        if len(self.connections) > self.most_connections or of_one > self.most_of_one:
            self.app = cast("Any", _too_many)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        idle = cast("Any", before) is None or before.response_complete
        if self._head_since is None and idle:
            self._head_since = self.loop.time()
        super().data_received(data)
        if self.cycle is not before:
            self._head_since = None

    @property
    def waits_since(self) -> float:
        """Since when the client has taken too little of a reply, on the loop's clock."""
        return math.inf if self._left is None else self._left[0]

    def look(self, now: float) -> None:
        """Hang up if nothing has moved for too long; called every second."""
        if self._head_since is not None and now - self._head_since > self.seconds:
            self.transport.abort()
            return
        left = self.transport.get_write_buffer_size()
        if not left:
            self._left = None
        elif self._left is None:
            self._left = now, left
        elif now - self._left[0] > self.seconds:
            if left > self._left[1] - _LEAST_BYTES:
                self.transport.abort()
            self._left = now, left


def _address(connection: Any) -> str | None:
    """Whence it comes; None: from this machine, where a proxy may stand in front."""
    address = connection.client[0] if connection.client else ""
    try:
        return None if ipaddress.ip_address(address.partition("%")[0]).is_loopback else address
    except ValueError:
        return None


async def _too_many(_: Scope, __: Receive, send: Send) -> None:
    await refuse(send, "busy", "The server is busy. Please try again in a moment.", close=True)


class _Server(uvicorn.Server):
    """Looks after its connections, and ends without raising the signal that ended it."""

    most_unsent = 512 * 2**20

    def __init__(self, config: uvicorn.Config, pressure: Pressure) -> None:
        super().__init__(config)
        self._pressure = pressure
        self._last_tick: float | None = None

    async def on_tick(self, counter: int) -> bool:
        now = asyncio.get_running_loop().time()
        if self._last_tick is not None:
            self._pressure.note(now - self._last_tick - _TICK)
        self._last_tick = now
        if counter % 10 == 0:
            connections = [
                each for each in self.server_state.connections if isinstance(each, _Impatient)
            ]
            for connection in connections:
                connection.look(now)
            hang_up_on_the_idle(connections, self.most_unsent)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def hang_up_on_the_idle(connections: Iterable[_Impatient], most: int) -> None:
    """Make sure that replies which nobody takes fill no memory: the longest untaken go first.

    Args:
        connections: all there are.
        most: bytes that may wait.
    """
    waiting = [
        (each.waits_since, each.transport.get_write_buffer_size(), each) for each in connections
    ]
    total = sum(size for _, size, _ in waiting)
    for _, size, each in sorted(waiting, key=lambda entry: entry[0]):
        if total <= most:
            return
        if size:
            each.transport.abort()
            total -= size


def listen(host: str, port: int) -> socket.socket:
    """Open the port.

    Args:
        host: a name or an address of this machine.
        port: 0 for any free one.

    Raises:
        UserError: it is in use, or may not be opened.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"--host {shown(host)} is no name or address of this machine: 127.0.0.1 is this machine"
            " alone, 0.0.0.0 all networks."
        ) from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        reasons = {
            errno.EADDRINUSE: "is in use: name another by --port, or stop what runs there",
            errno.EACCES: "may not be opened by you: name one above 1023 by --port",
            errno.EADDRNOTAVAIL: "cannot be opened: --host is no address of this machine",
        }
        reason = reasons.get(error.errno or 0, f"cannot be opened: {error.strerror}")
        raise UserError(f"port {port} of {shown(host)} {reason}.") from error
    return opened


def make_server(app: FastAPI, options: ServeOptions) -> uvicorn.Server:
    """Make the server of an application; `run(sockets=[listen(…)])` runs it.

    Args:
        app: of `make_app`.
        options: as given there.
    """
    protocol = type(
        "Impatient",
        (_Impatient,),
        {
            "seconds": options.slow_seconds,
            "most_connections": options.most_connections,
            "most_of_one": options.most_of_one,
        },
    )
    # Nobody shall fill the log by sending what is no HTTP.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    server = _Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_BEHIND_PROXY if options.proxy else _KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
            backlog=_BACKLOG,
        ),
        app.state.room.pressure,
    )
    server.most_unsent = options.most_unsent
    return server


def serve(
    study: Study,
    options: ServeOptions,
    *,
    plan: Plan | None = None,
    ready: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve a study until Ctrl-C or SIGTERM; then finish what is in work and close its database.

    Args:
        study: of `snellen.study.folder.open_study`.
        options: how.
        plan: see `make_app`.
        ready: is called with the port when requests are taken.

    Raises:
        UserError: the study is served already, the port is in use, or see `make_app`.
    """
    _allow_files(2 * options.most_connections)
    # Threads that read much (the admin page, an export) must not keep answers waiting.
    sys.setswitchinterval(0.001)
    with (
        only_server(study.path) as note,
        contextlib.closing(listen(options.host, options.port)) as opened,
    ):
        app = make_app(study, options, plan=plan)
        port = opened.getsockname()[1]
        note(replace(options, port=port, public_url=None).address)
        ready(port)
        try:
            make_server(app, options).run(sockets=[opened])
        finally:
            app.state.room.store.close()


def _allow_files(wanted: int) -> None:
    """Each connection is an open file, of which a process may often have 1024 only."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
