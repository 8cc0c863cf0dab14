"""`snellen study doctor`."""

import os

import pytest
from PIL import Image

from snellen.cli.main import main
from snellen.errors import UserError
from snellen.study.invitations import invite

from ..server.making import Person, change, study
from .helpers import PROLIFIC, execute, findings, ids

DAY = 86_400


def wrong(made, what, **options):
    found = findings(made, **options)[what]
    assert found.level == "wrong"
    return found.sentence


def test_a_new_study_is_well(made, capsys):
    assert main(["study", "doctor", str(made.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert len(lines) >= 8


def test_a_study_is_looked_at_while_it_is_served(made, serve, capsys):
    client = serve(made)
    Person(client).answer_all()
    url = f"http://127.0.0.1:{client.port}"
    assert main(["study", "doctor", str(made.path), "--url", url]) == 0
    told = capsys.readouterr().out
    assert "1 of 4 completed" in told
    assert "and unchanged" in told
    assert f"{url} serves it, open" in told


def test_what_is_not_served_is_said(made, tmp_path, serve):
    assert "nothing answers" in wrong(made, "server", url="http://127.0.0.1:9")
    other = serve(study(tmp_path / "other", changes={"title": "Another"}))
    url = f"http://127.0.0.1:{other.port}"
    assert "another study, 'Another'" in wrong(made, "server", url=url)
    with pytest.raises(UserError, match="--url is an address"):
        findings(made, url="file:///etc/passwd")


def test_what_is_no_study_is_one_line(tmp_path, capsys):
    assert main(["study", "doctor", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("wrong  study")


def test_texts_to_be_filled_in_are_named(made):
    change(made.path, {"contact": "[FILL IN: your address]"})
    assert "contact" in wrong(made, "texts")


def test_a_changed_picture_is_found(made):
    file = made.path / made.picture(0).files["mae"]
    with Image.open(file) as image:
        pixels = image.copy()
    pixels.putpixel((0, 0), (1, 2, 3))
    pixels.save(file)
    assert file.name in wrong(made, "pictures")


def test_a_changed_study_is_found(made, serve):
    Person(serve(made))
    change(made.path, {"title": "Another"})
    assert "consented to" in wrong(made, "frozen")


def test_a_damaged_database_is_found(made, serve):
    client = serve(made)
    for _ in range(4):
        Person(client).answer_all()
    client.app.state.room.store.close()
    data = bytearray(made.database.read_bytes())
    data[4096 * 5 : 4096 * 8] = os.urandom(4096 * 3)
    made.database.write_bytes(data)
    assert "damaged" in wrong(made, "database")


def test_a_missing_database_is_found(made):
    made.database.unlink()
    assert "is missing" in wrong(made, "database")


def test_secrets_for_everybodys_eyes_are_found(made):
    (made.path / "secrets.json").chmod(0o644)
    assert "chmod 600" in wrong(made, "secrets")


def test_missing_answers_are_found(made, serve):
    Person(serve(made)).answer_all()
    execute(made, "DELETE FROM answer WHERE trial = 2")
    assert wrong(made, "answers") == "1 completed sessions lack answers, 1 have gaps"


def test_a_clock_that_is_behind_is_found(made, serve):
    Person(serve(made))
    assert "before the latest entry" in wrong(made, "clock", clock=lambda: 1e9)


def test_ids_are_kept_until_their_date_and_then_asked_for(tmp_path, serve):
    made = study(tmp_path, changes={"platform": PROLIFIC, "retention_days": 30})
    Person(serve(made), platform=ids("anna"))
    execute(made, "UPDATE session SET created_at = 1e9")
    kept = findings(made, clock=lambda: 1e9 + 29 * DAY)["identities"]
    assert kept.level == "note"
    assert "1 plain ids" in kept.sentence
    asked = wrong(made, "identities", clock=lambda: 1e9 + 31 * DAY)
    assert "snellen study purge" in asked


def test_who_was_invited_and_never_came_is_forgotten_in_time_too(tmp_path):
    made = study(
        tmp_path, changes={"platform": {"kind": "open", "invitations": True}, "retention_days": 30}
    )
    invite(made, "https://study.example.org", labels=["Anna"])
    execute(made, "UPDATE event SET at = 1e9")
    assert findings(made, clock=lambda: 1e9 + 29 * DAY)["identities"].level == "note"
    assert "1 invitations" in wrong(made, "identities", clock=lambda: 1e9 + 31 * DAY)
