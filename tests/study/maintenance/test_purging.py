"""`snellen study purge`."""

import json
import sqlite3
import stat
from contextlib import closing

import pytest

from snellen.cli.main import main
from snellen.errors import UserError
from snellen.study.folder import open_study
from snellen.study.maintenance import purge_identities
from snellen.study.server.alone import only_server
from snellen.study.store import read_answers

from ..server.making import Person, owner, study
from .helpers import PROLIFIC, findings, ids


@pytest.fixture
def closed(tmp_path, serve):
    made = study(tmp_path, changes={"platform": PROLIFIC})
    client = serve(made)
    people = [Person(client, platform=ids(name)) for name in ("anna", "berta")]
    for person in people:
        person.answer_all()
    client.post("/api/admin/state", headers=owner(made), json={"state": "closed"})
    client.server.should_exit = True
    return made, people


def traces(made, *words):
    found = set()
    for path in made.path.iterdir():
        if path.is_file():
            data = path.read_bytes()
            found |= {word for word in words if word.encode() in data}
    return found


def test_purging_leaves_no_trace_of_who_they_are(closed):
    made, _ = closed
    salt = json.loads((made.path / "secrets.json").read_text())["salt"]
    admin = owner(made)
    before = read_answers(made).ratings
    assert traces(made, "anna", "session-berta", "task-1") == {"anna", "session-berta", "task-1"}
    assert purge_identities(made) == 2
    assert traces(made, "anna", "berta", "session-", "task-1") == set()
    assert traces(made, salt) == set()
    assert stat.S_IMODE((made.path / "secrets.json").stat().st_mode) == 0o600
    assert owner(made) == admin
    after = read_answers(made).ratings
    assert after.people == before.people
    assert (after.ranks == before.ranks).all()
    assert findings(made)["identities"].level == "ok"
    with closing(sqlite3.connect(made.database)) as connection:
        assert connection.execute("SELECT count(worker_hash) FROM session").fetchone() == (0,)


def test_withdrawing_is_still_possible_after_purging(closed, serve):
    made, people = closed
    purge_identities(made)
    client = serve(open_study(made.path))
    reply = client.post("/api/withdraw", json={"token": people[0].begun["withdraw"]})
    assert reply.json() == {"withdrawn": True}
    assert read_answers(made).ratings.people == ("P0002",)


def test_a_purged_study_stays_closed(closed, serve):
    """Nobody would be known again: each could take part, and be paid, twice."""
    made, _ = closed
    purge_identities(made)
    client = serve(open_study(made.path))
    for state in ("open", "paused"):
        reply = client.post("/api/admin/state", headers=owner(made), json={"state": state})
        assert reply.status_code == 422
        assert "forgotten" in reply.json()["message"]
    assert client.get("/api/study").json()["state"] == "closed"


def test_a_study_that_runs_is_not_purged(made, serve):
    Person(serve(made))
    with pytest.raises(UserError, match="is not closed"):
        purge_identities(made)


def test_a_study_that_is_served_is_not_purged(closed, capsys):
    """Its server would go on with the old salt, and know nobody of those who come again."""
    made, _ = closed
    before = (made.path / "secrets.json").read_bytes()
    with only_server(made.path) as note:
        note("http://127.0.0.1:8000")
        assert main(["study", "purge", str(made.path), "--identities", "--yes"]) == 2
    assert "http://127.0.0.1:8000): stop that server first" in capsys.readouterr().err
    assert (made.path / "secrets.json").read_bytes() == before
    assert traces(made, "anna") == {"anna"}


def test_where_nobody_is_to_be_forgotten_the_study_can_go_on(made, serve):
    """Whoever comes back is found, with a link for withdrawal that is good."""
    client = serve(made)
    person = Person(client, request="a" * 32)
    client.post("/api/admin/state", headers=owner(made), json={"state": "closed"})
    client.server.should_exit = True
    before = (made.path / "secrets.json").read_bytes()
    assert purge_identities(made) == 0
    assert (made.path / "secrets.json").read_bytes() == before
    client = serve(open_study(made.path))
    client.post("/api/admin/state", headers=owner(made), json={"state": "open"})
    again = Person(client, request="a" * 32)
    assert again.begun["withdraw"] == person.begun["withdraw"]
    assert again.withdraw().status_code == 200


def test_purging_asks(closed, capsys):
    made, _ = closed
    assert main(["study", "purge", str(made.path)]) == 2
    assert "--identities" in capsys.readouterr().err
    assert main(["study", "purge", str(made.path), "--identities"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert traces(made, "anna") == {"anna"}
    assert main(["study", "purge", str(made.path), "--identities", "--yes"]) == 0
    assert "Forgotten: 2 people" in capsys.readouterr().out
    assert traces(made, "anna") == set()
