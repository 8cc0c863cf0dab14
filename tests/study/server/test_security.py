"""Attacks, and what every reply must carry."""

import json
import socket
import sqlite3
from contextlib import closing

import pytest

from snellen.study.platforms import form_action
from snellen.study.server.guard import security_headers
from snellen.study.server.options import ServeOptions

from .making import Person, bearer, owner, study

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
ADMIN = (
    ("GET", "status"),
    ("POST", "state"),
    ("POST", "unlock"),
    ("GET", "result"),
    ("GET", "export"),
)


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)


@pytest.fixture
def client(made, serve):
    return serve(made)


def raw(client, request: bytes) -> bytes:
    """Send bytes as they are; all that comes back until the server is silent or hangs up."""
    with socket.create_connection(("127.0.0.1", client.port), 5) as connection:
        connection.settimeout(5)
        connection.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except (TimeoutError, ConnectionError):
            pass
        return found


# Headers ----------------------------------------------------------------------------------------


def test_every_reply_carries_the_headers(client, made):
    person = Person(client)
    image = person.trial().json()["original"]
    replies = [
        client.get("/"),
        client.get("/withdraw"),
        client.get("/admin"),
        client.get("/api/study"),
        client.get("/nothing"),
        client.post("/api/study"),
        client.get("/api/trial"),
        client.get("/health", headers={"Host": "evil.example"}),
        client.post("/api/sessions", content=b"x" * 20_000),
        person.image(image),
        client.get("/api/admin/status", headers=owner(made)),
    ]
    assert {200, 400, 401, 404, 405, 413} <= {reply.status_code for reply in replies}
    for reply in replies:
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'; img-src 'self' blob:;" in policy
        assert "form-action 'self'; frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "data:" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-frame-options"] == "DENY"
        assert "server" not in reply.headers
        assert "set-cookie" not in reply.headers


def test_a_reply_to_a_mistake_of_ours_carries_them_too(client, monkeypatch):
    monkeypatch.setattr("snellen.study.server.participants.places_left", lambda *_: 1 / 0)
    reply = client.get("/api/study")
    assert reply.status_code == 500
    assert reply.json()["error"] == "broken"
    assert "ZeroDivisionError" not in reply.text
    assert "content-security-policy" in reply.headers


def test_mturk_may_frame_the_page_and_get_the_form_and_nobody_else(tmp_path, serve):
    made = study(tmp_path, changes={"platform": {"kind": "mturk", "sandbox": True}})
    policy = serve(made).get("/").headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert set(parts["frame-ancestors"].split()) == {
        "https://www.mturk.com",
        "https://workersandbox.mturk.com",
        "https://worker.mturk.com",
    }
    assert parts["form-action"].split() == list(form_action(made.config.platform))
    assert "x-frame-options" not in security_headers(made.config.platform)
    assert "*" not in policy


def test_what_anybody_answers_is_not_cached(client, made):
    person = Person(client)
    for reply in (
        person.trial(),
        person.answer(0),
        client.get("/api/study"),
        client.get("/api/admin/status", headers=owner(made)),
    ):
        assert "no-store" in reply.headers["cache-control"]


# Hosts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8000", True),
        ("LOCALHOST:1", True),
        ("[::1]:8000", True),
        ("study.example.org", True),
        ("study.example.org:443", True),
        ("lab.example.org", True),
        ("evil.example", False),
        ("study.example.org.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("study.example.org:443@evil.example", False),
        ("study.example.org:x", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_requests_for_other_hosts_are_refused(shared, host, ours):
    reply = raw(shared, f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert reply.startswith(b"HTTP/1.1 200" if ours else b"HTTP/1.1 400")


def test_two_hosts_or_none_are_refused(shared):
    two = b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    none = b"GET /health HTTP/1.0\r\n\r\n"
    for request in (two, none):
        assert b" 400 " in raw(shared, request).split(b"\r\n")[0]


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secrets.json",
        "/static/..%2fsecrets.json",
        "/static/%2e%2e/%2e%2e/secrets.json",
        "/static/....//secrets.json",
        "/static//etc/passwd",
        "/static/%00",
        "/static/..\\secrets.json",
        "/static/__init__.py",
        "/static/",
        "/static/index.html/",
        "/study.db",
        "/secrets.json",
        "/pictures/original/0001.png",
        "/pictures.json",
        "/.git/config",
    ],
)
def test_there_is_no_way_to_a_file(shared, path):
    reply = raw(shared, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert b" 404 " in reply.split(b"\r\n")[0]
    assert b"admin" not in reply


@pytest.mark.parametrize(
    "image", ["../../secrets.json", "..%2f..%2fsecrets.json", "original/0001.png", "%00", "0" * 32]
)
def test_there_is_no_way_to_a_picture_but_its_id(shared, image):
    person = Person(shared)
    reply = shared.get(f"/api/images/{image}", headers=person.headers)
    assert reply.status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/debug", "/metrics", "/api"])
def test_there_are_no_routes_for_looking_inside(shared, path):
    assert shared.get(path).status_code == 404


# Tokens -----------------------------------------------------------------------------------------


def test_another_sessions_pictures_are_not_shown(client):
    one, other = Person(client), Person(client)
    at = one.trial().json()
    for image in (at["original"], *at["options"]):
        assert one.image(image).status_code == 200
        assert other.image(image).status_code == 404
        assert client.get(f"/api/images/{image}").status_code == 401


def test_pictures_of_trials_to_come_are_not_shown(client, made):
    person = Person(client)
    with closing(sqlite3.connect(made.database)) as connection:
        rows = connection.execute("SELECT trial, id FROM image").fetchall()
    for trial, image in rows:
        assert person.image(image).status_code == (200 if trial <= 1 else 404)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer " + "0" * 32,
        "Bearer null",
        "Bearer ' OR 1=1 --",
        "Basic YTpi",
        "bearer",
        "Bearer " + "é" * 16,
    ],
)
def test_forged_tokens_open_nothing(shared, authorization):
    Person(shared)
    headers = [(b"Authorization", authorization.encode())]
    for method, path in (
        ("GET", "/api/trial"),
        ("POST", "/api/complete"),
        ("GET", "/api/images/" + "0" * 32),
        ("POST", "/api/answers/0"),
    ):
        body = {"ranks": [1, 2, 3]} if "answers" in path else None
        reply = shared.request(method, path, headers=headers, json=body)
        assert reply.status_code == 401, reply.text
        assert reply.json()["error"] == "token"


def test_no_token_stands_for_another(client, made):
    person = Person(client)
    token, withdraw = person.begun["token"], person.begun["withdraw"]
    with closing(sqlite3.connect(made.database)) as connection:
        ((session, hashed),) = connection.execute("SELECT id, token_hash FROM session").fetchall()
    secret = owner(made)["Authorization"].removeprefix("Bearer ")
    for forged in (withdraw, session, hashed.hex(), secret, token.upper(), token[:-1], token + "0"):
        if forged != token:
            assert client.get("/api/trial", headers=bearer(forged)).status_code == 401
    for forged in (token, session, secret):
        assert client.post("/api/withdraw", json={"token": forged}).status_code == 404
    for forged in (token, withdraw, session):
        assert client.get("/api/admin/status", headers=bearer(forged)).status_code == 401


def test_a_replayed_token_of_an_earlier_tab_does_nothing(tmp_path, serve):
    platform = {"kind": "prolific", "completed": "C1XX", "no_consent": "C2XX", "screened_out": "C3"}
    made = study(tmp_path, changes={"platform": platform | {"screened_out": "C3XX"}})
    client = serve(made)
    ids = {"PROLIFIC_PID": "p", "STUDY_ID": "s", "SESSION_ID": "t"}
    first, second = Person(client, platform=ids), Person(client, platform=ids)
    assert first.answer(0).json()["error"] == "moved"
    assert first.complete().json()["error"] == "moved"
    assert second.trial().json()["answered"] == 0


def test_an_answer_replayed_by_another_counts_for_nobody_else(client):
    one, other = Person(client), Person(client)
    one.answer(0)
    one.answer(1)
    assert other.trial().json()["answered"] == 0
    assert other.answer(1).status_code == 409


# The owner's door -------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ADMIN)
@pytest.mark.parametrize("secret", [None, "", "0" * 32, "admin"])
def test_without_the_secret_there_is_nothing(shared, method, path, secret):
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}".strip()}
    body = {"state": "closed"} if path == "state" else None
    reply = shared.request(method, f"/api/admin/{path}", headers=headers, json=body)
    assert reply.status_code == 401
    assert reply.json()["error"] == "secret"
    with closing(sqlite3.connect(shared.study.database)) as connection:
        events = connection.execute("SELECT what FROM event").fetchall()
    assert set(events) <= {("created",), ("frozen",)}


def test_the_secret_in_the_address_opens_nothing(client, made):
    secret = owner(made)["Authorization"].removeprefix("Bearer ")
    reply = client.get(f"/api/admin/status?token={secret}&authorization=Bearer%20{secret}")
    assert reply.status_code == 401


def test_guesses_are_few_but_the_owner_is_never_locked_out(client, made):
    replies = [client.get("/api/admin/status", headers=bearer(f"{k:032}")) for k in range(40)]
    statuses = [reply.status_code for reply in replies]
    assert statuses[:10] == [401] * 10
    assert statuses.count(429) > 20
    limited = next(reply for reply in replies if reply.status_code == 429)
    assert int(limited.headers["retry-after"]) >= 1
    assert client.get("/api/admin/status", headers=owner(made)).status_code == 200


# Too much ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16 * 1024 + 1, 100_000, 900_000])
def test_large_bodies_are_refused(shared, size):
    reply = shared.post("/api/sessions", content=b" " * size)
    assert (reply.status_code, reply.json()["error"]) == (413, "large")


def test_a_body_of_unsaid_length_is_cut_off(shared):
    def forever():
        for _ in range(10_000):
            yield b" " * 1000

    try:
        reply = shared.post("/api/sessions", content=forever())
    except Exception as error:  # hung up on: httpx has many names for that
        assert "Error" in type(error).__name__  # noqa: PT017
    else:
        assert reply.status_code == 413
    assert shared.get("/health").status_code == 200


def test_a_body_of_gigabytes_is_refused_unread(shared):
    head = b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n"
    assert b" 413 " in raw(shared, head).split(b"\r\n")[0]


@pytest.mark.parametrize("value", ["-1", "1e3", "٣", "5, 5000", ""])
def test_odd_lengths_are_refused(shared, value):
    head = "POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n"
    reply = raw(shared, head.format(value).encode())
    assert reply.split(b" ")[1][:1] == b"4"


def test_large_headers_are_refused(shared):
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"
    reply = raw(shared, request)
    assert reply == b"" or b" 4" in reply.split(b"\r\n")[0]
    assert shared.get("/health").status_code == 200


@pytest.mark.parametrize("text", ["[" * 8000, '{"a":' * 2000, '"' + "\\u0000" * 2000 + '"'])
def test_deep_and_odd_json_is_refused(shared, text):
    headers = {"Content-Type": "application/json"}
    reply = shared.post("/api/sessions", content=text, headers=headers)
    assert reply.status_code in (400, 422)
    assert reply.json()["error"] == "invalid"


@pytest.mark.parametrize(
    "environment",
    [
        {"a": {"b": {"c": 1}}},
        {"a": [[1]]},
        {"a": "x" * 401},
        {"a": [0] * 17},
        {f"k{k}": 0 for k in range(41)},
        {"k" * 65: 0},
        {"a": 1e300},
        [],
        "text",
    ],
)
def test_only_small_objects_are_kept(shared, environment):
    assert Person(shared).answer(0, environment=environment).status_code == 422


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(shared, number):
    person = Person(shared)
    for text in (
        f'{{"ranks": [1,2,3], "shown_ms": {number}}}',
        f'{{"ranks": [1,2,3], "environment": {{"a": {number}}}}}',
    ):
        headers = person.headers | {"Content-Type": "application/json"}
        reply = shared.post("/api/answers/0", content=text, headers=headers)
        assert reply.status_code in (400, 422)


@pytest.mark.parametrize("number", ["-1", "1.5", "x", "99999999999999999999999", "0x0"])
def test_odd_numbers_of_trials_are_refused(shared, number):
    person = Person(shared)
    reply = shared.post(f"/api/answers/{number}", headers=person.headers, json={"ranks": [1, 2, 3]})
    assert reply.status_code == 422


def test_a_participant_cannot_flood(made, serve):
    client = serve(made, token_rate=1.0, token_burst=20)
    person, other = Person(client), Person(client)
    statuses = [person.trial().status_code for _ in range(40)]
    assert statuses[:20] == [200] * 20
    assert statuses[25:] == [429] * 15
    assert int(person.trial().headers["retry-after"]) >= 1
    assert other.trial().status_code == 200


def test_sessions_cannot_be_begun_by_thousands(tmp_path, serve):
    client = serve(study(tmp_path, people=40, count=120), begin_rate=0.01, begin_burst=5)
    statuses = [client.post("/api/sessions", json={"consent": True}).status_code for _ in range(10)]
    assert statuses == [201] * 5 + [429] * 5


def test_a_flood_of_consents_keeps_nobody_from_going_on_or_withdrawing(tmp_path, serve):
    prolific = {"kind": "prolific", "completed": "AAAA", "no_consent": "BBBB"}
    prolific |= {"screened_out": "CCCC"}
    made = study(tmp_path, people=40, count=120, changes={"platform": prolific})
    client = serve(made, begin_rate=0.01, begin_burst=3, guess_rate=0.01, guess_burst=1)

    def begin(worker, **more):
        platform = {"PROLIFIC_PID": worker, "STUDY_ID": "s", "SESSION_ID": "x"} | more
        return client.post("/api/sessions", json={"consent": True, "platform": platform})

    # What no platform sends costs nobody a place in the line.
    assert {begin("a", odd="x").status_code for _ in range(30)} == {422}
    first = begin("anna")
    assert first.status_code == 201
    assert [begin(f"bot{k}").status_code for k in range(9)] == [201] * 2 + [429] * 7
    for _ in range(30):
        client.post("/api/withdraw", json={"token": "0" * 32})
    assert begin("anna").status_code == 200
    reply = client.post("/api/withdraw", json={"token": first.json()["withdraw"]})
    assert reply.json() == {"withdrawn": True}


def test_refusals_cannot_be_counted_up_by_thousands(tmp_path, serve):
    client = serve(study(tmp_path), begin_rate=0.01, begin_burst=5)
    statuses = [client.post("/api/refused", json={"why": "consent"}).status_code for _ in range(9)]
    assert statuses == [200] * 5 + [429] * 4
    Person(client)


def test_guessed_tokens_are_limited_and_harm_nobody(client):
    person = Person(client)
    statuses = [
        client.get("/api/trial", headers=bearer(f"{k:032}")).status_code for k in range(300)
    ]
    assert 429 in statuses
    assert person.trial().status_code == 200


# Texts ------------------------------------------------------------------------------------------


def test_scripts_in_every_field_stay_text(tmp_path, serve):
    texts = dict.fromkeys(("title", "instructions", "consent", "contact"), EVIL)
    made = study(tmp_path, changes=texts)
    client = serve(made)
    described = client.get("/api/study")
    assert described.headers["content-type"] == "application/json"
    assert described.json()["title"] == EVIL
    person = Person(client, screen={"agent": EVIL, EVIL[:60]: EVIL})
    assert person.answer(0, environment={EVIL[:60]: [EVIL]}).status_code == 201
    for reply in (
        client.get("/api/admin/status", headers=owner(made)),
        client.post("/api/sessions", json={"consent": True, "platform": {EVIL: EVIL}}),
        client.post("/api/sessions", json={"consent": True, "invitation": EVIL}),
        client.post("/api/withdraw", json={"token": EVIL}),
        client.get("/" + EVIL),
        client.get("/static/" + EVIL),
    ):
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("text", ["'; DROP TABLE answer; --", "\ud800", "\x00", "=1+1", "\u202e"])
def test_odd_texts_harm_nothing(client, made, text):
    headers = {"Content-Type": "application/json"}
    body = {"consent": True, "screen": {"a": text, "b": [text]}}
    reply = client.post("/api/sessions", content=json.dumps(body), headers=headers)
    assert reply.status_code == 201
    token = bearer(reply.json()["token"])
    body = {"ranks": [1, 2, 3], "environment": {"a": text}}
    reply = client.post("/api/answers/0", content=json.dumps(body), headers=token | headers)
    assert reply.status_code == 201
    for field in ("platform", "invitation"):
        value = {"PROLIFIC_PID": text} if field == "platform" else text
        content = json.dumps({"consent": True, field: value})
        reply = client.post("/api/sessions", content=content, headers=headers)
        assert reply.status_code == 422
    reply = client.post("/api/withdraw", content=json.dumps({"token": text}), headers=headers)
    assert reply.status_code in (404, 422)
    with closing(sqlite3.connect(made.database)) as connection:
        ((kept,),) = connection.execute("SELECT environment FROM answer").fetchall()
    assert json.loads(kept) == {"a": text}


# Privacy ----------------------------------------------------------------------------------------


def test_no_address_and_no_browser_is_kept(client, made, capfd):
    agent = "Mozilla/5.0 (spy)"
    client.headers["User-Agent"] = agent
    client.headers["X-Forwarded-For"] = "203.0.113.7"
    person = Person(client)
    person.answer_all()
    client.get("/nothing")
    with closing(sqlite3.connect(made.database)) as connection:
        dump = "\n".join(connection.iterdump())
    told = capfd.readouterr()
    for trace in (agent, "203.0.113.7", "127.0.0.1"):
        assert trace not in dump + told.out + told.err


def test_options_that_cannot_be_are_refused():
    from snellen.errors import UserError

    for wrong in (
        {"public_url": "study.example.org"},
        {"public_url": "ftp://study.example.org"},
        {"public_url": "https://study.example.org/path"},
        {"port": 70000},
    ):
        with pytest.raises(UserError, match=r"^--(public-url|port) "):
            ServeOptions(**wrong)
