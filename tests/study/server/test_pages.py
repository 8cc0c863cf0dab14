"""The pages, and personal links, over HTTP."""

import re

import pytest

from snellen.study.invitations import invite
from snellen.study.server.pages import read_pages

from .making import Person, owner, study


@pytest.mark.parametrize("path", ["/", "/withdraw", "/admin"])
def test_a_page_loads_only_what_is_served(shared, path):
    page = shared.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="(?!#)([^"]+)"', page.text)
    assert loaded
    for place in loaded:
        assert shared.get(place).status_code == 200, place


def test_modules_import_only_what_is_served(shared):
    for name, page in read_pages().items():
        if name.endswith(".js"):
            for place in re.findall(rb'from "(\./[^"]+)"', page.data):
                assert shared.get(f"/static/{place.decode()}").status_code == 200


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [(".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg")],
)
def test_browsers_are_told_what_a_file_is(shared, suffix, media_type):
    name = next(name for name in read_pages() if name.endswith(suffix))
    assert shared.get(f"/static/{name}").headers["content-type"].startswith(media_type)


def test_a_page_that_is_known_is_not_sent_again(shared):
    first = shared.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = shared.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "content-security-policy" in again.headers
    assert shared.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/admin", "/withdraw", "/static/style.css", "/health", "/api/study", "/nothing"]
)
def test_head_is_answered_as_get_is_without_a_body(shared, path):
    full, head = shared.get(path), shared.head(path)
    assert head.status_code == full.status_code
    assert head.content == b""
    assert len(full.content) > 0
    told = [{k: v for k, v in reply.headers.items() if k != "date"} for reply in (full, head)]
    assert told[0] == told[1]
    # The connection goes on: the next reply is that of the next request.
    assert shared.get("/health").json() == {"ok": True}


def test_head_opens_nothing_that_get_does_not(shared):
    assert shared.head("/api/trial").status_code == 401
    assert shared.head("/api/admin/status").status_code == 401
    assert shared.head("/api/sessions").status_code == 405
    assert shared.head("/", headers={"Host": "evil.example"}).status_code == 400


def test_only_what_browsers_need_is_in_the_table():
    names = set(read_pages())
    assert {"index.html", "withdraw.html", "admin.html"} <= names
    assert all(name.endswith((".html", ".js", ".css", ".svg")) for name in names)


def test_a_personal_link_lets_one_person_in_and_back(tmp_path, serve):
    made = study(tmp_path, changes={"platform": {"kind": "open", "invitations": True}})
    client = serve(made)
    assert client.get("/api/study").json()["invitations"] is True
    (one,) = invite(made, "https://study.example.org", count=1)  # while it is served
    token = one.link.partition("invitation=")[2]
    first = Person(client, invitation=token)
    first.answer(0)
    again = client.post("/api/sessions", json={"consent": True, "invitation": token})
    assert again.status_code == 200
    assert first.trial().json()["error"] == "moved"
    guessed = client.post("/api/sessions", json={"consent": True, "invitation": "0" * 32})
    assert (guessed.status_code, guessed.json()["error"]) == (403, "invitation")
    none = client.post("/api/sessions", json={"consent": True})
    assert (none.status_code, none.json()["error"]) == (422, "platform")
    status = client.get("/api/admin/status", headers=owner(made)).json()
    assert len(status["sessions"]) == 1
