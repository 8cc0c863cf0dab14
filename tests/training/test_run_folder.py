from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from snellen.errors import UserError
from snellen.training.run_folder import (
    RunFolder,
    checkpoint_place,
    environment,
    file_name,
    refuse_existing,
)

CONFIG = {"losses": ["mse", "mae"], "steps": 10, "widths": (8, 16), "data": "Bilder/Größe"}


def test_a_new_folder_holds_config_environment_and_log(tmp_path):
    path = tmp_path / "runs" / "a"
    with RunFolder.create(path, config=CONFIG, command="snellen reconstruct --steps 10"):
        logging.getLogger("snellen.training").warning("something happened")
    assert yaml.safe_load((path / "config.yaml").read_text()) == {**CONFIG, "widths": [8, 16]}
    surroundings = json.loads((path / "environment.json").read_text())
    assert surroundings["command"] == "snellen reconstruct --steps 10"
    assert surroundings["hardware"]["threads"] >= 1
    assert surroundings["versions"]["torch"]
    log = (path / "log.txt").read_text()
    assert "started: snellen reconstruct" in log
    assert "something happened" in log


def test_an_empty_folder_may_be_there(tmp_path):
    RunFolder.create(tmp_path, config=CONFIG).close()
    assert (tmp_path / "config.yaml").exists()


def test_the_log_is_let_go(tmp_path):
    before = list(logging.getLogger("snellen").handlers)
    RunFolder.create(tmp_path / "a", config=CONFIG).close()
    assert logging.getLogger("snellen").handlers == before


def test_an_existing_run_is_not_overwritten(tmp_path):
    RunFolder.create(tmp_path / "a", config=CONFIG).close()
    with pytest.raises(UserError, match=r"exists already .*--resume, or name another.*--out"):
        RunFolder.create(tmp_path / "a", config=CONFIG)


def test_resuming_adds_to_the_environment(tmp_path):
    RunFolder.create(tmp_path / "a", config=CONFIG, command="first").close()
    for _ in range(2):
        RunFolder.create(tmp_path / "a", config=CONFIG, resume=True, command="again").close()
    surroundings = json.loads((tmp_path / "a" / "environment.json").read_text())
    assert surroundings["command"] == "first"
    assert [later["command"] for later in surroundings["resumed"]] == ["again", "again"]


def test_resuming_what_is_not_there_starts_it(tmp_path):
    RunFolder.create(tmp_path / "a", config=CONFIG, resume=True).close()
    assert (tmp_path / "a" / "config.yaml").exists()


def test_resuming_with_other_settings_is_refused(tmp_path):
    RunFolder.create(tmp_path / "a", config=CONFIG).close()
    with pytest.raises(UserError, match=r"steps = 10, and 20 was asked for"):
        RunFolder.create(tmp_path / "a", config={**CONFIG, "steps": 20}, resume=True)


def test_a_run_of_before_there_was_a_setting_is_resumed(tmp_path):
    RunFolder.create(tmp_path / "a", config=CONFIG).close()
    RunFolder.create(tmp_path / "a", config={**CONFIG, "added_later": 3.0}, resume=True).close()


def test_a_run_with_a_setting_that_is_no_more_is_not_resumed(tmp_path):
    RunFolder.create(tmp_path / "a", config={**CONFIG, "gone": 3.0}).close()
    with pytest.raises(UserError, match=r"gone = 3.0, and None was asked for"):
        RunFolder.create(tmp_path / "a", config=CONFIG, resume=True)


def test_a_folder_of_other_things_is_not_resumed(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(UserError, match="not the folder of a run"):
        RunFolder.create(tmp_path, config=CONFIG, resume=True)


def test_a_file_in_its_place_is_told(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match="is a file"):
        RunFolder.create(tmp_path / "a", config=CONFIG)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="permission denied"):
        RunFolder.create(tmp_path / "a", config=CONFIG)


def test_a_place_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(UserError, match="read-only"):
        RunFolder.create(tmp_path / "a", config=CONFIG)


def test_two_commands_do_not_share_a_folder(tmp_path):
    with (
        RunFolder.create(tmp_path / "a", config=CONFIG),
        pytest.raises(UserError, match="another snellen command is working in"),
    ):
        RunFolder.create(tmp_path / "a", config=CONFIG, resume=True)


def test_the_lock_ends_with_the_process(tmp_path):
    RunFolder.create(tmp_path / "a", config=CONFIG).close()
    program = (
        "import fcntl, sys, time; file = open(sys.argv[1]); "
        "fcntl.flock(file, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "a" / ".lock")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(UserError, match="another snellen command"):
            RunFolder.create(tmp_path / "a", config=CONFIG, resume=True)
        other.kill()
    RunFolder.create(tmp_path / "a", config=CONFIG, resume=True).close()


def test_a_kill_before_the_configuration_stood_is_no_run(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / "log.txt").touch()
    RunFolder.create(tmp_path, config=CONFIG).close()
    assert (tmp_path / "config.yaml").exists()


def test_where_checkpoints_go():
    assert checkpoint_place("mse", 2) == Path("checkpoints/mse/seed-2")
    tagged = checkpoint_place("mse>ms-ssim@0.5", 0, code_size=64, fold=1)
    assert tagged == Path("checkpoints/mse-to-ms-ssim@0.5/seed-0/code_size-64/fold-1")


@pytest.mark.parametrize("name", ["../up", "a/b", "", "...", "a\\b"])
def test_a_file_name_stays_where_it_is(name):
    assert "/" not in file_name(name)
    assert "\\" not in file_name(name)
    assert file_name(name) not in ("", ".", "..")


def test_the_environment_can_be_written_as_json():
    assert json.loads(json.dumps(environment()))["hardware"]["cores"] >= 1


def test_the_environment_keeps_the_command_as_it_was_typed():
    typed = "snellen reconstruct --data '/home/a/my photos' --out runs/a"
    assert environment(typed)["command"] == typed


def test_what_a_run_killed_at_its_very_start_left_is_no_run(tmp_path):
    for name in ("log.txt", ".lock", "environment.json"):
        (tmp_path / name).write_text("{}")
    refuse_existing(tmp_path)
    (tmp_path / "config.yaml").write_text("steps: 1")
    with pytest.raises(UserError, match="--resume"):
        refuse_existing(tmp_path)
