"""The whole way of a participant through real HTTP."""

import base64
import sqlite3
from contextlib import closing

import pytest

from snellen.study.conduct import how_it_went
from snellen.study.maintenance import purge_identities
from snellen.study.platforms import CODE_FIELD

from .conftest import running
from .making import Person, bearer, owner, study

PROLIFIC = {
    "platform": {
        "kind": "prolific",
        "completed": "C1DONE",
        "no_consent": "C2NONE",
        "screened_out": "C3OUT",
    }
}
MTURK = {"platform": {"kind": "mturk", "sandbox": True}}
WORKER = {
    "workerId": "A1WORKER",
    "assignmentId": "3ASSIGNMENT",
    "hitId": "3HIT",
    "turkSubmitTo": "https://workersandbox.mturk.com",
}


def prolific(worker="5f1", session="77b"):
    return {"PROLIFIC_PID": worker, "STUDY_ID": "60a", "SESSION_ID": session}


def rows(made, query):
    with closing(sqlite3.connect(made.database)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)


@pytest.fixture
def client(made, serve):
    return serve(made)


def error(reply, status, word):
    assert reply.status_code == status, reply.text
    found = reply.json()
    assert found["error"] == word
    assert found["message"][0].isupper()
    assert found["message"].endswith(".")
    return found


def test_the_page_learns_what_it_must_and_no_more(client, made):
    found = client.get("/api/study").json()
    assert found["title"] == made.config.title
    assert found["models"] == 3
    assert (found["trials"], found["training"]) == (
        len(client.app.state.room.plan.trials(0)),
        made.config.training_trials,
    )
    assert (found["state"], found["platform"], found["widest"]) == ("open", "open", [16, 12])
    assert found["codes"] is None
    assert found["simulated"] is False
    text = client.get("/api/study").text
    assert not any(f'"{model}' in text for model in made.config.models)


def test_from_consent_to_code(client, made):
    person = Person(client)
    total = client.get("/api/study").json()["trials"]
    for number in range(total):
        at = person.trial().json()
        assert (at["state"], at["number"], at["answered"], at["total"]) == (
            "trial",
            number,
            number,
            total,
        )
        assert error(person.complete(), 409, "unanswered")
        reply = person.answer(number, shown_ms=1.5, first_ms=2, submit_ms=3.5, environment={"a": 1})
        assert reply.status_code == 201
        assert reply.json()["next"] == person.trial().json()
    assert person.trial().json() == {"state": "done", "total": total, "answered": total}
    code = person.complete().json()
    assert code["leave"] is None
    assert person.complete().json() == code
    assert rows(made, "SELECT count(*) FROM answer") == [(total,)]


def test_neither_catch_trials_nor_repeats_look_different(client, made):
    person = Person(client)
    planned = client.app.state.room.plan.trials(0)
    for number, trial in enumerate(planned):
        at = person.trial().json()
        assert at["kind"] == ("training" if trial.kind == "training" else "judging")
        assert set(at) == {
            "state",
            "number",
            "kind",
            "total",
            "answered",
            "original",
            "options",
            "width",
            "height",
            "next",
        }
        person.answer(number)


def test_the_same_answer_again_is_the_same_and_another_is_refused(client):
    person = Person(client)
    first = person.answer(0, (1, 2, 3), shown_ms=5)
    again = person.answer(0, (1, 2, 3), shown_ms=5)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    found = error(person.answer(0, (3, 2, 1), shown_ms=5), 409, "answered")
    assert found["next"] == person.trial().json()
    assert found["next"]["number"] == 1


def test_the_order_of_the_keys_is_no_difference(client):
    person = Person(client)
    headers = person.headers | {"Content-Type": "application/json"}
    texts = ('{"ranks": [1,2,3], "shown_ms": 5}', ' { "shown_ms":5,"ranks":[1, 2, 3]}')
    replies = [client.post("/api/answers/0", headers=headers, content=text) for text in texts]
    assert [reply.status_code for reply in replies] == [201, 200]


def test_a_later_trial_cannot_be_answered_first(client):
    person = Person(client)
    found = error(person.answer(1), 409, "order")
    assert found["next"]["number"] == 0
    error(person.answer(99), 404, "number")


@pytest.mark.parametrize(
    "ranks", [(1, 1, 2), (1, 2), (1, 2, 3, 4), (2, 3, 4), (0, 1, 2), ("1", 2, 3), (1.5, 2, 3), ()]
)
def test_what_is_no_ranking_is_refused(shared, ranks):
    person = Person(shared)
    reply = person.answer(0, ranks)
    assert reply.status_code == 422
    assert reply.json()["error"] in ("ranks", "invalid")
    assert person.trial().json()["answered"] == 0


def test_ties_are_taken_where_the_study_says_so(tmp_path, serve):
    client = serve(study(tmp_path, ties=True))
    assert client.get("/api/study").json()["ties"] is True
    assert Person(client).answer(0, (1, 1, 2)).status_code == 201


@pytest.mark.parametrize("consent", [False, None, "yes", 1])
def test_without_consent_nothing_begins(shared, consent):
    before = rows(shared.study, "SELECT count(*) FROM session")
    reply = shared.post("/api/sessions", json={"consent": consent})
    error(reply, 422, "invalid")
    assert rows(shared.study, "SELECT count(*) FROM session") == before


def test_places_run_out_and_come_back(client):
    people = [Person(client) for _ in range(4)]
    assert client.get("/api/study").json()["state"] == "full"
    error(client.post("/api/sessions", json={"consent": True}), 409, "full")
    assert people[0].withdraw().json() == {"withdrawn": True}
    assert client.get("/api/study").json()["state"] == "open"
    Person(client)


def test_the_first_consent_freezes_the_study(client, made):
    assert client.get("/api/admin/status", headers=owner(made)).json()["frozen"] is None
    Person(client)
    assert rows(made, "SELECT value FROM setting WHERE name = 'frozen_hash'") == [(made.digest,)]


def test_a_place_is_given_away_and_its_holder_told(tmp_path, serve):
    now = [1e6]
    made = study(tmp_path, changes={"lease_minutes": 10})
    client = serve(made, clock=lambda: now[0])
    person = Person(client)
    person.answer(0)
    now[0] += 601
    assert person.trial().status_code == 200  # nobody has come
    Person(client)
    error(person.trial(), 410, "gone")
    error(person.answer(1), 410, "gone")


def test_withdrawal_ends_everything(client):
    person = Person(client)
    person.answer(0)
    assert person.withdraw().status_code == 200
    assert person.withdraw().status_code == 200
    error(person.trial(), 410, "withdrawn")
    error(person.answer(1), 410, "withdrawn")
    error(client.post("/api/withdraw", json={"token": "0" * 32}), 404, "unknown")


def test_what_the_screen_check_said_is_kept(client, made):
    screen = {"width": 1920, "height": 1080, "pixel_ratio": 1.25, "touch": False, "zooms": [1, 1.1]}
    Person(client, screen=screen)
    ((text,),) = rows(made, "SELECT screen FROM session")
    assert text.startswith('{"width": 1920')


def test_a_consent_that_is_repeated_goes_on_with_the_same_session(client, made):
    body = {"consent": True, "request": "0123456789abcdef" * 2}
    replies = [client.post("/api/sessions", json=body) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [201, 200, 200]
    first, last = (bearer(replies[k].json()["token"]) for k in (0, 2))
    assert client.get("/api/trial", headers=last).json()["number"] == 0
    error(client.get("/api/trial", headers=first), 401, "moved")
    assert len({reply.json()["withdraw"] for reply in replies}) == 1
    with closing(sqlite3.connect(made.database)) as connection:
        assert body["request"] not in "\n".join(connection.iterdump())
    for wrong in ("", "0" * 31, "0" * 33, "G" * 32, 7):
        reply = client.post("/api/sessions", json={"consent": True, "request": wrong})
        error(reply, 422, "invalid")
    assert rows(made, "SELECT count(*) FROM session") == [(1,)]


def test_a_request_stands_for_nobody_whom_a_platform_knows(tmp_path, serve):
    made = study(tmp_path, changes=PROLIFIC)
    client = serve(made)
    body = {"consent": True, "request": "0" * 32}
    for worker in ("anna", "berta"):
        reply = client.post("/api/sessions", json=body | {"platform": prolific(worker)})
        assert reply.status_code == 201
    assert rows(made, "SELECT count(*), count(request_hash) FROM session") == [(2, 0)]


def test_withdrawal_leaves_nothing_in_the_files_of_a_server_that_runs(tmp_path, serve):
    made = study(tmp_path, changes=PROLIFIC)
    client = serve(made)
    person, other = (Person(client, platform=prolific(name)) for name in ("wilhelmine", "karl"))
    for each in (person, other):
        each.answer(0, environment={"said": f"{each is person} words"})

    def traces():
        data = b"".join(path.read_bytes() for path in made.path.glob("study.db*"))
        return {word for word in (b"wilhelmine", b"True words", b"False words") if word in data}

    assert traces() == {b"wilhelmine", b"True words", b"False words"}
    person.withdraw()
    assert traces() == {b"False words"}
    assert other.answer(1).status_code == 201


def test_who_does_not_take_part_is_counted_and_no_more(client, made):
    before = rows(made, "SELECT count(*) FROM event")
    for why in ("consent", "consent", "screen"):
        assert client.post("/api/refused", json={"why": why}).json() == {"counted": True}
    for wrong in ({}, {"why": "rain"}, {"why": "consent", "who": "anna"}):
        error(client.post("/api/refused", json=wrong), 422, "invalid")
    status = client.get("/api/admin/status", headers=owner(made)).json()
    assert status["refused"] == {"consent": 2, "screen": 1}
    with closing(sqlite3.connect(made.database)) as connection:
        assert how_it_went(connection)["refused"] == {"consent": 2, "screen": 1}
    assert rows(made, "SELECT count(*) FROM event") == before
    assert rows(made, "SELECT value FROM setting WHERE name LIKE 'refused%'") == [("2",), ("1",)]
    client.post("/api/admin/state", headers=owner(made), json={"state": "closed"})
    assert client.post("/api/refused", json={"why": "consent"}).json() == {"counted": False}
    assert client.post("/api/refused", json={"why": "consent"}).status_code == 200
    status = client.get("/api/admin/status", headers=owner(made)).json()
    assert status["refused"] == {"consent": 2, "screen": 1}


# Platforms --------------------------------------------------------------------------------------


def test_prolific_from_link_to_code(tmp_path, serve):
    made = study(tmp_path, changes=PROLIFIC)
    client = serve(made)
    described = client.get("/api/study").json()
    assert described["platform"] == "prolific"
    assert described["codes"] == {"no_consent": "C2NONE", "screened_out": "C3OUT"}
    assert "C1DONE" not in client.get("/api/study").text
    error(client.post("/api/sessions", json={"consent": True}), 422, "platform")
    person = Person(client, platform=prolific())
    assert person.answer_all()["state"] == "done"
    end = person.complete().json()
    assert end["code"] == "C1DONE"
    assert end["leave"] == {"url": "https://app.prolific.com/submissions/complete?cc=C1DONE"}


def test_a_person_of_a_platform_goes_on_in_another_tab(tmp_path, serve):
    made = study(tmp_path, changes=PROLIFIC)
    client = serve(made)
    first = Person(client, platform=prolific())
    first.answer(0)
    reply = client.post(
        "/api/sessions", json={"consent": True, "platform": prolific(session="88c")}
    )
    assert reply.status_code == 200
    second = bearer(reply.json()["token"])
    assert client.get("/api/trial", headers=second).json()["answered"] == 1
    error(first.trial(), 401, "moved")
    error(first.answer(1), 401, "moved")
    error(first.image("0" * 32), 401, "moved")
    assert rows(made, "SELECT count(*) FROM session") == [(1,)]
    assert rows(made, "SELECT worker, assignment FROM identity") == [("5f1", "88c")]


def test_ids_are_kept_hashed_but_for_one_table(tmp_path, serve):
    made = study(tmp_path, changes=PROLIFIC)
    client = serve(made)
    Person(client, platform=prolific("secretworker"))
    with closing(sqlite3.connect(made.database)) as connection:
        dump = "\n".join(connection.iterdump())
    lines = [line for line in dump.splitlines() if "secretworker" in line]
    assert len(lines) == 1
    assert "identity" in lines[0]


def test_mturk_from_frame_to_form(tmp_path, serve):
    made = study(tmp_path, changes=MTURK)
    client = serve(made)
    person = Person(client, platform=WORKER)
    person.answer_all()
    end = person.complete().json()
    form = end["leave"]["form"]
    assert form["action"] == "https://workersandbox.mturk.com/mturk/externalSubmit"
    assert form["fields"] == {"assignmentId": "3ASSIGNMENT", CODE_FIELD: end["code"]}


def test_a_worker_who_was_forgotten_gets_no_form_that_nobody_takes(tmp_path, serve):
    made = study(tmp_path, changes=MTURK)
    client = serve(made)
    person = Person(client, platform=WORKER)
    person.answer_all()
    code = person.complete().json()["code"]
    client.post("/api/admin/state", headers=owner(made), json={"state": "closed"})
    assert purge_identities(made) == 1
    assert person.complete().json() == {"code": code, "leave": None}


def test_only_mturk_has_a_preview(client):
    error(client.get("/api/preview"), 404, "unknown")


def test_a_preview_of_mturk_begins_nothing(tmp_path, serve):
    made = study(tmp_path, changes=MTURK)
    client = serve(made)
    preview = client.get("/api/preview").json()
    pictures = [base64.b64decode(text) for text in (preview["original"], *preview["options"])]
    assert len({len(png) for png in pictures}) == 1
    assert all(png.startswith(b"\x89PNG") for png in pictures)
    assert len(pictures) == 4
    shown = WORKER | {"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE"}
    error(client.post("/api/sessions", json={"consent": True, "platform": shown}), 422, "platform")
    assert rows(made, "SELECT count(*) FROM session") == [(0,)]
    assert rows(made, "SELECT 1 FROM setting WHERE name = 'frozen_hash'") == []


@pytest.mark.parametrize(
    "foreign",
    [
        "https://www.mturk.com.example.org",
        "https://example.org",
        "http://workersandbox.mturk.com",
        "https://workersandbox.mturk.com@example.org",
        "https://workersandbox.mturk.com/../x",
        "javascript:alert(1)",
        "https://www.mturk.com",  # this study is in the sandbox
    ],
)
def test_nothing_is_posted_to_a_foreign_address(sandbox, foreign):
    platform = WORKER | {"turkSubmitTo": foreign}
    reply = sandbox.post("/api/sessions", json={"consent": True, "platform": platform})
    error(reply, 422, "platform")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(study(tmp_path_factory.mktemp("sandbox"), changes=MTURK)) as client:
        yield client


def test_simulated_participants_need_the_owners_secret(client, made):
    body = {"consent": True, "simulated": True}
    error(client.post("/api/sessions", json=body), 401, "secret")
    wrong = {"X-Snellen-Admin": "0" * 32}
    error(client.post("/api/sessions", json=body, headers=wrong), 401, "secret")
    right = {"X-Snellen-Admin": owner(made)["Authorization"].removeprefix("Bearer ")}
    assert client.post("/api/sessions", json=body, headers=right).status_code == 201
    assert client.get("/api/study").json()["simulated"] is True
    # Nor do people mix with simulated ones.
    error(client.post("/api/sessions", json={"consent": True}), 403, "simulated")
