"""What every request passes before the application sees it, and every reply before it leaves.

In this order: the Host is one of ours; the body is short and comes in time; not too many requests
are in work. Headers that browsers heed are added to every reply. HEAD is answered as GET is,
without the body.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from snellen.study.platforms import form_action, frame_ancestors
from snellen.study.server.limits import Pressure
from snellen.study.server.options import ServeOptions
from snellen.study.server.replies import STATUS

if TYPE_CHECKING:
    from snellen.study.config import Platform

__all__ = ["Guard", "refuse", "security_headers"]

_RETRY_SECONDS = 2
_HOST = "This server does not answer for that host name: its owner can allow it by --allow-host."
_HEARD_OUT = 64


def security_headers(platform: Platform) -> dict[str, str]:
    """Headers of every reply.

    >>> from snellen.study.config import OpenLink
    >>> security_headers(OpenLink())["X-Content-Type-Options"]
    'nosniff'
    """
    ancestors = frame_ancestors(platform)
    policy = {
        "default-src": ("'self'",),
        "img-src": ("'self'", "blob:"),
        "object-src": ("'none'",),
        "base-uri": ("'none'",),
        "form-action": form_action(platform),
        "frame-ancestors": ancestors,
    }
    headers = {
        "Content-Security-Policy": "; ".join(
            " ".join((name, *sources)) for name, sources in policy.items()
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "X-Robots-Tag": "noindex",
    }
    if ancestors == ("'none'",):
        headers["X-Frame-Options"] = "DENY"
    return headers


class Guard:
    """Wraps an application; see the module.

    Args:
        app: what is guarded.
        options: the limits.
        headers: of every reply.
        pressure: is asked whether there is too much to do.
    """

    def __init__(
        self,
        app: ASGIApp,
        options: ServeOptions,
        headers: Mapping[str, str],
        pressure: Pressure,
    ) -> None:
        self._app = app
        self._options = options
        self._pressure = pressure
        self._headers = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
        ]
        self._hosts = options.hosts
        self._in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websockets: uvicorn answers 403 or closes

        head = scope["method"] == "HEAD"
        if head:
            scope = {**scope, "method": "GET"}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
            elif head:
                message = {**message, "body": b""}
            await send(message)

        if not self._is_ours(scope):
            await refuse(send_guarded, "host", _HOST)
            return
        try:
            async with asyncio.timeout(self._options.slow_seconds):
                body = await self._body(scope, receive)
        except TimeoutError:
            await refuse(send_guarded, "slow", "The request came too slowly.", close=True)
            return
        if body is None:
            most = self._options.body_bytes
            message = f"At most {most} bytes are taken."
            await refuse(send_guarded, "large", message, close=True)
            return
        if self._in_work >= self._options.most_requests or self._pressure.too_high:
            message = "The server is busy. Please try again in a moment."
            await refuse(send_guarded, "busy", message)
            return
        await self._work(scope, receive, send_guarded, body)

    def _is_ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        host = hosts[0].decode("latin-1").lower()
        name, _, port = host.rpartition(":")
        return host in self._hosts or (name in self._hosts and (not port or port.isdecimal()))

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """All of the body; None: it is too long, or nobody waits for a reply any more.

        One that is a little too long is heard out, so that its sender can read the refusal.
        """
        most = self._options.body_bytes
        heard = most * _HEARD_OUT
        for name, value in scope["headers"]:
            if name == b"content-length" and not (value.isdigit() and int(value) <= heard):
                return None
        parts = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return None
            size += len(message.get("body", b""))
            if size > heard:
                return None
            if size <= most:
                parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        return b"".join(parts) if size <= most else None

    async def _work(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        """Count the request until its reply begins: who reads slowly keeps nobody out."""
        working = True
        self._in_work += 1

        def done() -> None:
            nonlocal working
            self._in_work -= working
            working = False

        given = False

        async def receive_body() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send_counted(message: Message) -> None:
            done()
            await send(message)

        try:
            await self._app(scope, receive_body, send_counted)
        finally:
            done()


async def refuse(send: Send, error: str, message: str, *, close: bool = False) -> None:
    """Say no without the application."""
    body = json.dumps({"error": error, "message": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if error == "busy":
        headers.append((b"retry-after", str(_RETRY_SECONDS).encode()))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": STATUS[error], "headers": headers})
    await send({"type": "http.response.body", "body": body})
