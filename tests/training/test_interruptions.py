from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from snellen.training.interruptions import Interrupted, listen_for_stop


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_noted_and_tells_the_exit_code(number, code):
    with listen_for_stop() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop.number == number
    assert Interrupted(stop.number, Path("a"), step=3, steps=10).exit_code == code


def test_the_message_says_how_to_go_on():
    stopped = Interrupted(signal.SIGTERM, Path("runs/my faces"), step=3, steps=10)
    assert str(stopped) == (
        "stopped by SIGTERM after step 3 of 10; everything is saved in runs/my faces: go on with "
        "--out 'runs/my faces' --resume."
    )
    assert stopped.root == Path("runs/my faces")


def test_between_trainings_only_what_was_finished_is_said_to_be_saved():
    stopped = Interrupted(signal.SIGINT, Path("runs/a"))
    assert str(stopped) == (
        "stopped by SIGINT outside a training; what was finished is saved in runs/a: go on with "
        "--out runs/a --resume."
    )
    assert stopped.step is None


def test_the_second_ctrl_c_is_obeyed_at_once():
    with listen_for_stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.number == signal.SIGTERM


def test_handlers_come_back_even_after_an_error():
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(RuntimeError), listen_for_stop():
        raise RuntimeError
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with listen_for_stop() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_nothing_is_installed():
    before = signal.getsignal(signal.SIGTERM)
    found = []

    def work():
        with listen_for_stop() as stop:
            found.append((bool(stop), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, before)]
