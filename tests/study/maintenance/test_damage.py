"""A database that is damaged, or lies where nothing may be written: every command says so."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from snellen.cli.main import main
from snellen.errors import UserError
from snellen.study.store import read_answers

from ..server.making import Person, owner, study
from .helpers import damage, execute, findings

COMMANDS = {
    "analyse": ("STUDY", "--metrics", "none"),
    "export": ("STUDY", "--out", "OUT"),
    "backup": ("STUDY", "OUT"),
    "serve": ("STUDY", "--port", "0"),
}


@pytest.fixture
def answered(made, serve):
    client = serve(made)
    for _ in range(4):
        Person(client).answer_all()
    client.post("/api/admin/state", headers=owner(made), json={"state": "closed"})
    client.server.should_exit = True
    return made


def refused(capsys, command, made, out, *words):
    places = {"STUDY": str(made.path), "OUT": str(out)}
    words = [places.get(word, word) for word in words or COMMANDS[command]]
    assert main(["study", command, *words]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_database_is_one_sentence(command, answered, tmp_path, capsys):
    damage(answered.database, "answer")
    assert refused(capsys, command, answered, tmp_path / "out").splitlines()[-1] == (
        f"snellen: {answered.database} is damaged: restore it from a backup (`snellen study backup "
        "--help` says how)."
    )
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] == ".") == []
    assert not (tmp_path / "out").exists()
    assert "`snellen study backup --help` says how" in findings(answered)["database"].sentence


@pytest.mark.parametrize("command", ["pause", "reopen", "close", "purge"])
def test_a_damaged_setting_is_one_sentence(command, answered, tmp_path, capsys):
    damage(answered.database, "setting")
    words = ("STUDY", "--identities", "--yes") if command == "purge" else ("STUDY",)
    told = refused(capsys, command, answered, tmp_path / "out", *words)
    assert f"{answered.database} is damaged: restore it from a backup" in told


@pytest.mark.parametrize("command", [*COMMANDS, "pause"])
def test_a_missing_table_is_damage(command, answered, tmp_path, capsys):
    execute(answered, "DROP TABLE answer")
    words = COMMANDS.get(command, ("STUDY",))
    told = refused(capsys, command, answered, tmp_path / "out", *words)
    assert "study.db is damaged: restore it from a backup" in told
    assert "restore it from a backup" in findings(answered)["database"].sentence


@contextmanager
def nobody():
    """Not as root, who may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_study_that_is_read_only_says_what_to_do():
    with tempfile.TemporaryDirectory() as place:  # that of pytest is for one user alone
        Path(place).chmod(0o755)
        made = study(Path(place))
        for path in (made.database, made.path):
            path.chmod(path.stat().st_mode & ~0o222 | 0o444)
        try:
            with nobody():
                with pytest.raises(UserError) as caught:
                    read_answers(made)
                found = findings(made)["database"]
        finally:
            made.path.chmod(0o755)
    assert str(caught.value) == (
        f"{made.path} is read-only: copy the study to a place that you may write to."
    )
    assert found.sentence == str(caught.value)
