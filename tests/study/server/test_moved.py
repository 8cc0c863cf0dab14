"""A study's folder that is moved while it is served, and a database that is damaged meanwhile."""

import shutil
from dataclasses import replace

import pytest

from snellen.study.store import read_answers

from ..maintenance.helpers import damage
from .making import Person, owner, study


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)


@pytest.fixture(params=["moved", "replaced"])
def moved(request, made, serve):
    """A client whose study lies elsewhere now, one who takes part in it, and the new place."""
    client = serve(made)
    person = Person(client)
    person.answer_all(count=1)
    new = made.path.with_name("elsewhere")
    made.path.rename(new)
    if request.param == "replaced":
        shutil.copytree(new, made.path)
    return client, person, replace(made, path=new)


def test_the_owner_is_told_that_it_was_moved(moved, made, caplog):
    client, _, there = moved
    client.post("/api/admin/unlock", headers=owner(there))
    for page in ("status", "result", "export"):
        reply = client.get(f"/api/admin/{page}", headers=owner(there))
        assert reply.status_code == 503
        assert reply.json() == {
            "error": "database",
            "message": f"{made.path} was moved or renamed while it is served: stop the server, and "
            "start it with the new place of the folder.",
        }
    assert len(caplog.records) == 1
    assert "stop the server, and start it with the new place" in caplog.text
    assert "missing" not in caplog.text


def test_what_is_answered_is_kept_at_the_new_place(moved):
    client, person, there = moved
    person.answer_all()
    client.server.should_exit = True
    assert len(read_answers(there).ratings) == 3


def test_pictures_that_are_gone_with_it_are_no_fault_of_theirs(moved, made, caplog):
    _, person, _ = moved
    at = person.trial().json()
    reply = person.image(at["original"])
    if not made.path.exists():
        assert reply.status_code == 503
        assert reply.json()["error"] == "database"
        assert "was moved or renamed" in caplog.text


def test_who_withdraws_is_told_that_it_was_done(moved, caplog):
    client, person, there = moved
    reply = person.withdraw()
    assert (reply.status_code, reply.json()) == (200, {"withdrawn": True})
    assert "what a participant has withdrawn is deleted" in caplog.text
    client.server.should_exit = True
    assert read_answers(there).ratings.people == ()


def test_damage_is_no_fault_of_a_picture(made, serve, caplog):
    client = serve(made)
    person = Person(client)
    person.answer_all()
    client.app.state.room.store._reader.execute("PRAGMA cache_size = 0")
    damage(made.database, "answer")
    client.post("/api/admin/unlock", headers=owner(made))
    reply = client.get("/api/admin/export", headers=owner(made))
    assert (reply.status_code, reply.json()["error"]) == (503, "database")
    assert "is damaged: restore it from a backup" in reply.json()["message"]
    reply = person.trial()
    assert (reply.status_code, reply.json()["error"]) == (503, "database")
    assert str(made.path) not in reply.text
    assert "is damaged: restore it from a backup" in caplog.text
