"""The thread that writes: together, alone, refused, and on a full disk."""

import shutil
import sqlite3
import subprocess
import threading
import time
from contextlib import closing

import pytest

from snellen.study.store import Refused, create_database, open_store
from snellen.study.store.opening import connect
from snellen.study.store.writing import Writer

from ..server.making import study as make_study
from .acting import Acting


@pytest.fixture
def writer(tmp_path):
    create_database(tmp_path / "study.db")
    with closing(Writer(connect(tmp_path / "study.db"))) as writer:
        writer.path = tmp_path / "study.db"
        yield writer


def put(name, value="x"):
    return lambda connection: (
        connection.execute("INSERT INTO setting VALUES (?, ?)", (name, value)).rowcount
    )


def names(path):
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM setting WHERE name != 'state'").fetchall()
    return {name for (name,) in rows}


def hold_up(writer):
    """Keep the thread busy until the returned event is set, so that writes wait together."""
    begun, go = threading.Event(), threading.Event()

    def operation(_):
        begun.set()
        go.wait(20)

    writer.write(operation)
    assert begun.wait(20)
    return go


def test_results_come_when_others_can_read_them(writer):
    assert writer.write(put("a")).result(20) == 1
    assert names(writer.path) == {"a"}


def test_what_is_refused_leaves_no_trace_and_harms_no_other(writer):
    def half(connection):
        put("half")(connection)
        raise Refused("order", "Not now.")

    go = hold_up(writer)
    futures = [writer.write(operation) for operation in (put("a"), half, put("b"))]
    go.set()
    assert futures[0].result(20) == futures[2].result(20) == 1
    with pytest.raises(Refused, match="Not now"):
        futures[1].result(20)
    assert names(writer.path) == {"a", "b"}


def test_a_mistake_of_ours_harms_no_other(writer):
    go = hold_up(writer)
    futures = [writer.write(operation) for operation in (put("a"), lambda _: 1 / 0, put("b"))]
    go.set()
    with pytest.raises(ZeroDivisionError):
        futures[1].result(20)
    assert futures[2].result(20) == 1
    assert names(writer.path) == {"a", "b"}


def test_those_that_wait_are_committed_together(writer):
    go = hold_up(writer)
    seen = []
    futures = [
        writer.write(lambda connection, k=k: (put(f"n{k}")(connection), seen.append(k)))
        for k in range(20)
    ]
    for future in futures:
        future.add_done_callback(lambda _: seen.append("committed"))
    go.set()
    for future in futures:
        future.result(20)
    assert seen[:20] == list(range(20))
    assert len(names(writer.path)) == 20


def test_whoever_hangs_up_before_the_turn_comes_is_left_out(writer):
    go = hold_up(writer)
    gone, other = writer.write(put("gone")), writer.write(put("other"))
    assert gone.cancel()
    go.set()
    other.result(20)
    assert names(writer.path) == {"other"}


def test_too_many_that_wait_are_refused_at_once(tmp_path):
    create_database(tmp_path / "study.db")
    with closing(Writer(connect(tmp_path / "study.db"), most_waiting=3)) as writer:
        go = hold_up(writer)
        taken = [writer.write(put(f"n{k}")) for k in range(3)]
        with pytest.raises(Refused) as caught:
            writer.write(put("too many"))
        assert caught.value.error == "busy"
        go.set()
        for future in taken:
            future.result(20)
    assert names(tmp_path / "study.db") == {"n0", "n1", "n2"}


def test_closing_commits_what_waits(tmp_path):
    create_database(tmp_path / "study.db")
    writer = Writer(connect(tmp_path / "study.db"))
    go = hold_up(writer)
    writer.write(put("last"))
    go.set()
    writer.close()
    assert names(tmp_path / "study.db") == {"last"}
    with pytest.raises(Refused):
        writer.write(put("later"))


def test_another_process_that_holds_the_file_makes_it_busy(tmp_path):
    create_database(tmp_path / "study.db")
    with (
        closing(sqlite3.connect(tmp_path / "study.db", isolation_level=None)) as other,
        closing(Writer(connect(tmp_path / "study.db", seconds=0.1))) as writer,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Refused) as caught:
            writer.write(put("a")).result(20)
        assert caught.value.error == "busy"
        other.execute("ROLLBACK")
        assert writer.write(put("b")).result(20) == 1


def test_while_another_process_holds_the_file_nobody_waits_for_the_others(tmp_path):
    create_database(tmp_path / "study.db")
    with (
        closing(sqlite3.connect(tmp_path / "study.db", isolation_level=None)) as other,
        closing(Writer(connect(tmp_path / "study.db", seconds=0.3))) as writer,
    ):
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        futures = [writer.write(put(f"n{k}")) for k in range(30)]
        for future in futures:
            with pytest.raises(Refused, match="busy"):
                future.result(20)
        assert time.monotonic() - begun < 3
        other.execute("ROLLBACK")


# A full disk ------------------------------------------------------------------------------------


def fill(acting, token):
    """Answer until the disk is full; returns the number of the answer that was refused."""
    for number in range(acting.at(token).total):
        try:
            acting.answer(token, number, environment={"words": ["x" * 400] * 16})
        except Refused as refusal:
            assert refusal.error == "storage"  # noqa: PT017
            assert "full" in refusal.message  # noqa: PT017
            return number
    raise AssertionError("the disk did not become full")


def check_goes_on(acting, token, number, make_room):
    """What was answered is kept, reading works, and with room it goes on."""
    assert number > 2
    assert acting.at(token).answered == number
    assert acting.answer(token, number - 1, environment={"words": ["x" * 400] * 16})[0] is False
    for _ in range(3):
        with pytest.raises(Refused):
            acting.answer(token, number, environment={"words": ["x" * 400] * 16})
    make_room()
    acting.answer_all(token)
    assert acting.session(token).state == "completed"
    assert acting.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_full_database_refuses_keeps_and_goes_on(make):
    acting = make(people=1, trials=40, count=40)
    token = acting.begin().token
    (pages,) = acting.rows("PRAGMA page_count")[0]
    acting.do(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 12}").fetchone())
    number = fill(acting, token)
    check_goes_on(
        acting,
        token,
        number,
        lambda: acting.do(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchone()),
    )


def test_on_a_full_disk_writes_that_need_no_room_go_through(make):
    acting = make(people=1, trials=40, count=40)
    acting.begin()
    (pages,) = acting.rows("PRAGMA page_count")[0]
    acting.do(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    go = hold_up(acting.store)
    big = acting.store.write(put("big", "x" * 9000))
    small = acting.store.write(lambda c: c.execute("UPDATE setting SET value = 'open'").rowcount)
    go.set()
    with pytest.raises(Refused, match="full"):
        big.result(20)
    assert small.result(20) >= 1


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)],
        check=False,
        capture_output=True,
    )
    if not mounted or mounted.returncode:
        pytest.skip("a file system may not be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_refuses_keeps_and_goes_on(tmp_path, small_disk, clock):
    made = make_study(tmp_path / "elsewhere", people=1, trials=40, count=40)
    shutil.copytree(made.path, small_disk / "study")
    from snellen.study.folder import open_study

    study = open_study(small_disk / "study")
    with closing(open_store(study, clock)) as store:
        acting = Acting(study, store)
        token = acting.begin().token
        ballast = small_disk / "ballast"
        free = shutil.disk_usage(small_disk).free
        ballast.write_bytes(bytes(free - 100_000))
        number = fill(acting, token)
        check_goes_on(acting, token, number, ballast.unlink)
    # And another process reads it all.
    with closing(open_store(study, clock)) as store:
        assert Acting(study, store).session(token).state == "completed"
