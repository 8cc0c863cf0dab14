from __future__ import annotations

import io

import pytest
from rich.console import Console

from snellen.training import progress
from snellen.training.progress import ProgressDisplay


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=120)


def test_a_terminal_gets_a_bar_with_loss_and_speed(monkeypatch):
    monkeypatch.setattr(progress, "REFRESH", 0.0)
    shown = console(True)
    with ProgressDisplay("ms-ssim [x], seed 0", 10, 0, shown) as display:
        display.update(5, 0.1234567)
    text = shown.file.getvalue()
    assert "ms-ssim [x], seed 0" in text
    assert "5/10" in text
    assert "0.1235" in text
    assert "steps/s" in text


def test_elsewhere_there_is_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(progress, "LINES", 0.0)
    shown = console(False)
    with ProgressDisplay("mse, seed 0", 10, 0, shown) as display:
        display.update(5, 0.25)
    assert shown.file.getvalue().startswith("mse, seed 0: step 5 of 10, loss 0.25, ")


def test_a_short_training_says_nothing_where_there_is_no_terminal():
    shown = console(False)
    with ProgressDisplay("mse, seed 0", 10, 0, shown) as display:
        for step in range(1, 11):
            display.update(step, 0.25)
    assert shown.file.getvalue() == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_note_is_shown(terminal):
    shown = console(terminal)
    with ProgressDisplay("mse, seed 0", 10, 0, shown) as display:
        display.note("the checkpoint [3] is damaged")
    assert "the checkpoint [3] is damaged" in shown.file.getvalue()


def test_a_note_reaches_the_log_without_a_console(caplog):
    with ProgressDisplay("mse, seed 0", 10, 0, None) as display:
        display.note("damaged")
        display.update(3, None)
    assert "damaged" in caplog.text
