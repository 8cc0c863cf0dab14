"""The command line as a whole: help, exit statuses, one sentence instead of a traceback."""

import subprocess
import sys

import pytest
import typer

from snellen import __version__
from snellen.cli import main as module
from snellen.cli.main import main
from snellen.errors import UserError

HEAVY = ("torch", "numpy", "matplotlib", "PIL", "scipy", "skimage", "jinja2")


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def failing(monkeypatch):
    """Return a function that makes `snellen fail` raise an error, and runs it."""

    def run(error: BaseException) -> int:
        app = typer.Typer(pretty_exceptions_enable=False)

        def fail() -> None:
            raise error

        app.command("fail")(fail)
        app.callback()(lambda: None)
        monkeypatch.setattr(module, "app", app)
        return main(["fail"])

    return run


def test_help_imports_nothing_heavy():
    commands = ["reconstruct", "score", "superres", "doctor"]
    code = f"""
import sys
from snellen.cli.main import main
assert main(["--help"]) == 0
for command in {commands!r}:
    assert main([command, "--help"]) == 0
    print("HEAVY", command, [name for name in {HEAVY} if name in sys.modules])
"""
    told = [line for line in python(code).splitlines() if line.startswith("HEAVY")]
    assert told == [f"HEAVY {command} []" for command in commands]


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("reconstruct", "score", "doctor"))


def test_no_words_show_the_help(capsys):
    assert main([]) == 0
    assert "Usage" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"snellen {__version__}\n"


def test_python_m_snellen_is_the_same_command():
    command = [sys.executable, "-m", "snellen", "--version"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"snellen {__version__}\n"


def test_unknown_command_suggests_the_nearest(capsys):
    assert main(["scroe"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("snellen: ")
    assert "'score'" in told
    assert told.count("\n") == 1


def test_missing_argument_says_where_help_is(capsys):
    assert main(["score"]) == 2
    assert "`snellen score --help`" in capsys.readouterr().err


def test_user_error_is_its_sentence_and_status_2(failing, capsys):
    assert failing(UserError("no pictures in /nowhere: name a folder with pictures.")) == 2
    told = capsys.readouterr()
    assert told.err == "snellen: no pictures in /nowhere: name a folder with pictures.\n"
    assert told.out == ""


def test_ctrl_c_is_status_130(failing):
    assert failing(KeyboardInterrupt()) == 130


def test_a_stopped_run_leaves_with_the_status_of_its_signal(failing, capsys):
    class Stopped(Exception):
        exit_code = 143

    assert failing(Stopped("saved after step 7.")) == 143
    assert capsys.readouterr().err == "snellen: saved after step 7.\n"


def test_a_mistake_of_ours_shows_no_traceback(failing, capsys):
    assert failing(ZeroDivisionError("division by zero")) == 70
    told = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in told
    assert "SNELLEN_DEBUG=1" in told
    assert "Traceback" not in told


def test_snellen_debug_shows_the_traceback(failing, monkeypatch):
    monkeypatch.setenv("SNELLEN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError("division by zero"))


def test_an_error_of_the_system_names_the_file(failing, capsys):
    assert failing(PermissionError(13, "Permission denied", "/locked/x")) == 2
    assert capsys.readouterr().err == "snellen: /locked/x: Permission denied.\n"


def test_memory_that_is_used_up_is_one_sentence(failing, capsys):
    assert failing(MemoryError()) == 1
    assert "memory" in capsys.readouterr().err


def test_a_reader_that_leaves_early_sees_no_complaint():
    command = f"{sys.executable} -m snellen doctor --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "{"
    assert done.stderr == ""


def test_a_terminal_without_arrows_gets_question_marks(tmp_path):
    import numpy as np

    from snellen.images.files import write_png

    write_png(tmp_path / "a.png", np.zeros((16, 16), np.uint8))
    words = ["score", str(tmp_path / "a.png"), str(tmp_path / "a.png"), "--metrics", "ssim"]
    done = subprocess.run(
        [sys.executable, "-m", "snellen", *words],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
    )
    assert "ssim ?" in done.stdout


def test_a_group_without_a_command_shows_its_help_and_no_more(capsys):
    assert main(["superres"]) == 2
    told = capsys.readouterr()
    assert "compare" in told.out + told.err
    assert "snellen:" not in told.err
