"""The pages and what they load: a fixed table of files of the package, by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Header, Path, Request, Response

from snellen.study.server.replies import ErrorReply, error_reply

__all__ = ["Page", "read_pages", "router"]

router = APIRouter()

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Page(NamedTuple):
    """A file as it is sent."""

    data: bytes
    media_type: str
    etag: str


def read_pages() -> Mapping[str, Page]:
    """All files of `snellen.study.pages` that browsers may ask for, by their path there."""
    found: dict[str, Page] = {}
    _read(files("snellen.study.pages"), "", found)
    return found


def _read(folder: Traversable, prefix: str, found: dict[str, Page]) -> None:
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            _read(entry, f"{name}/", found)
            continue
        for suffix, media_type in _TYPES.items():
            if name.endswith(suffix):
                data = entry.read_bytes()
                found[name] = Page(data, media_type, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


_HTML = {"content": {"text/html": {"schema": {"type": "string"}}}}


@router.get("/", response_class=Response, responses={200: _HTML})
async def participant_page(
    request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The participant's page."""
    return _page(request, "index.html", if_none_match)


@router.get("/withdraw", response_class=Response, responses={200: _HTML})
async def withdraw_page(
    request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The page on which a participant withdraws."""
    return _page(request, "withdraw.html", if_none_match)


@router.get("/admin", response_class=Response, responses={200: _HTML})
async def admin_page(
    request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The page of the study's owner; it holds nothing without the secret."""
    return _page(request, "admin.html", if_none_match)


@router.get(
    "/static/{name:path}",
    response_class=Response,
    responses={
        200: {"content": {"*/*": {"schema": {"type": "string"}}}},
        404: {"model": ErrorReply},
    },
)
async def static(
    request: Request,
    name: Annotated[str, Path()],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A file that a page loads."""
    return _page(request, name, if_none_match)


def _page(request: Request, name: str, known: str | None) -> Response:
    table: Mapping[str, Page] = request.app.state.pages
    page = table.get(name)
    if page is None:
        return error_reply("unknown", "There is no such page.")
    headers = {"Cache-Control": "no-cache", "ETag": page.etag}
    if known is not None and page.etag in known:
        return Response(status_code=304, headers=headers)
    return Response(page.data, media_type=page.media_type, headers=headers)
