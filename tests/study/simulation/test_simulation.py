import json
import socket
import sqlite3
import threading
from contextlib import closing
from urllib.parse import urlsplit

import numpy as np
import pytest

from snellen.cli.main import main
from snellen.errors import UserError
from snellen.study.folder import open_study
from snellen.study.simulation import (
    SimulationOptions,
    over_http,
    simulate_into_copy,
    simulate_over_http,
)
from snellen.study.store import read_answers

from ..studies import make_study
from .serving import served, start

GIVEN = {"mse": 0.0, "mae": -0.9, "ms-ssim": 0.9}


def rows(study, query):
    with closing(sqlite3.connect(study.database)) as database:
        return database.execute(query).fetchall()


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study")


# Into a copy


def test_a_copy_is_answered_whole_and_the_study_is_not_touched(study, tmp_path):
    before = {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file()}
    done = simulate_into_copy(study, tmp_path / "copy", SimulationOptions())
    copy = open_study(tmp_path / "copy")
    answers = read_answers(copy)
    assert (done.people, done.answers) == (4, 4 * 5)  # training, two main, catch, repeat
    assert len(answers.ratings.only("main")) == 8
    assert len(answers.ratings.only("repeat")) == 4
    assert answers.completed.all()
    assert {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "study"]


def test_a_copy_is_marked_as_simulated_everywhere(study, tmp_path):
    simulate_into_copy(study, tmp_path / "copy", SimulationOptions())
    copy = open_study(tmp_path / "copy")
    assert read_answers(copy).ratings.simulated
    assert rows(copy, "SELECT DISTINCT simulated FROM session") == [(1,)]
    assert rows(copy, "SELECT value FROM setting WHERE name = 'simulated'") == [("1",)]
    assert json.loads((copy.path / "simulation.json").read_text())["simulated"] is True


def test_a_copy_is_closed_frozen_and_has_secrets_of_its_own(study, tmp_path):
    simulate_into_copy(study, tmp_path / "copy", SimulationOptions())
    copy = open_study(tmp_path / "copy")
    settings = dict(rows(copy, "SELECT name, value FROM setting"))
    assert settings["state"] == "closed"
    assert settings["frozen_hash"] == study.digest
    assert copy.secrets() != study.secrets()
    assert (copy.path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_answers_of_the_study_do_not_come_into_the_copy(study, tmp_path):
    simulate_into_copy(study, tmp_path / "first", SimulationOptions(people=3))
    first = open_study(tmp_path / "first")
    (first.path / "mturk.json").write_text("{}")
    simulate_into_copy(first, tmp_path / "second", SimulationOptions(people=2))
    second = open_study(tmp_path / "second")
    assert rows(second, "SELECT count(*) FROM session") == [(2,)]
    assert not (second.path / "mturk.json").exists()


def test_the_copy_is_what_its_seed_makes(study, tmp_path):
    def answers(name, seed):
        simulate_into_copy(study, tmp_path / name, SimulationOptions(seed=seed))
        return read_answers(open_study(tmp_path / name)).ratings

    first, again, other = answers("a", 1), answers("b", 1), answers("c", 2)
    assert (first.ranks == again.ranks).all()
    np.testing.assert_array_equal(first.seconds, again.seconds)
    assert not (first.ranks == other.ranks).all()


def test_who_did_not_look_is_told_and_failed_the_catch_trials(tmp_path):
    study = make_study(tmp_path / "s", people=10, pictures=20, catch_trials=2)
    done = simulate_into_copy(study, tmp_path / "copy", SimulationOptions(inattentive=0.3))
    answers = read_answers(open_study(tmp_path / "copy"))
    told = json.loads((tmp_path / "copy/simulation.json").read_text())["inattentive"]
    failed = [
        name
        for person, name in enumerate(answers.ratings.people)
        if not answers.catch_passed[answers.catch_person == person].any()
    ]
    assert done.inattentive == 3
    assert told == failed


@pytest.mark.parametrize("design", ["nested", "crossed", "balanced-incomplete"])
def test_a_known_utility_is_found_again_in_order(tmp_path, design):
    study = make_study(
        tmp_path / "s", design=design, people=12, trials_per_person=20, pictures=240, repeats=0
    )
    if design != "nested":
        with (study.path / "study.yaml").open("a") as file:
            file.write("pictures: 60\n")
        study = open_study(study.path)
    simulate_into_copy(study, tmp_path / "copy", SimulationOptions(utilities=GIVEN))
    means = read_answers(open_study(tmp_path / "copy")).ratings.ranks.mean(axis=0)
    assert means[2] + 0.2 < means[0] < means[1] - 0.2  # ms-ssim, then mse, then mae


def test_a_place_that_is_taken_is_refused(study, tmp_path):
    for target in (study.path, study.path / "inside"):
        with pytest.raises(UserError, match="--out"):
            simulate_into_copy(study, target, SimulationOptions())


def test_a_failure_leaves_nothing_behind(study, tmp_path):
    (study.path / "pictures" / "mae" / "0003.png").write_bytes(b"something else")
    with pytest.raises(UserError, match="not the picture"):
        simulate_into_copy(study, tmp_path / "copy", SimulationOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


# Over HTTP


def test_people_take_part_through_the_server_all_at_once(study):
    told = []
    with served(study) as url:
        done = simulate_over_http(
            study, url, SimulationOptions(), tell=lambda *now: told.append(now)
        )
    answers = read_answers(study)
    assert (done.people, done.answers) == (4, 20)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert answers.completed.all()
    assert answers.ratings.simulated
    assert len(answers.ratings) == 12
    assert sorted(answers.ratings.only("main").picture.tolist()) == list(range(8))
    assert rows(study, "SELECT DISTINCT simulated, state FROM session") == [(1, "completed")]
    assert not np.isnan(answers.ratings.seconds).any()


def test_a_known_utility_goes_through_the_server(tmp_path):
    study = make_study(tmp_path / "s", people=8, trials_per_person=6, pictures=48)
    sure = {"mse": 0.0, "mae": -4.0, "ms-ssim": 4.0}
    with served(study) as url:
        simulate_over_http(
            study, url, SimulationOptions(utilities=sure, inattentive=0.0, picture_sd=0.0)
        )
    answers = read_answers(study)
    means = answers.ratings.ranks.mean(axis=0)
    assert means[2] < 1.3 < 1.7 < means[0] < 2.3 < 2.7 < means[1]
    assert answers.catch_passed.mean() > 0.9


def test_models_that_made_the_same_of_a_picture_are_told_apart_by_nobody(tmp_path):
    study = make_study(tmp_path / "s", noise={"mse": 0.0, "mae": 0.0, "ms-ssim": 9.0})
    with served(study) as url:
        simulate_over_http(study, url, SimulationOptions(metric="mse"))
    assert read_answers(study).completed.all()


def test_a_server_that_is_killed_and_comes_back_loses_nothing(tmp_path):
    study = make_study(tmp_path / "s", people=4, trials_per_person=20, pictures=80)
    process, port = start(study.path)
    reached, ended = threading.Event(), threading.Event()
    result = []

    def simulate():
        result.append(simulate_over_http(study, f"http://127.0.0.1:{port}", SimulationOptions()))

    def watch():
        while not ended.is_set():
            ((answers,),) = rows(study, "SELECT count(*) FROM answer")
            if answers >= 5:  # others may be beginning just now
                reached.set()
                return
            ended.wait(0.02)

    threads = [threading.Thread(target=work) for work in (simulate, watch)]
    try:
        for thread in threads:
            thread.start()
        assert reached.wait(30)
        process.kill()
        process.wait(10)
        process.stdout.close()
        process, _ = start(study.path, port)
        threads[0].join(60)
    finally:
        ended.set()
        process.kill()
        process.wait(10)
        process.stdout.close()
    assert result[0].answers == 4 * 23
    assert rows(study, "SELECT count(*) FROM answer") == [(92,)]
    assert rows(study, "SELECT count(*) FROM session") == [(4,)]
    assert read_answers(study).completed.all()


def test_a_reply_that_breaks_off_is_asked_for_again():
    """A killed server closes the connection in the middle, and that is no end of a picture."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            for reply in (whole[:-4], whole):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(reply)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = urlsplit(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with over_http._Browser(url, threading.Event()) as browser:
            assert browser.get_bytes("/") == b"12345678"
        thread.join(10)


def test_where_people_have_taken_part_no_simulation_comes_in(study):
    with closing(sqlite3.connect(study.database)) as database:
        database.execute(
            "INSERT INTO session (id, number, token_hash, withdraw_hash, slot, state, created_at,"
            " lease_until) VALUES ('a', 1, x'00', x'01', 0, 'completed', 0, 0)"
        )
        database.commit()
    with served(study) as url, pytest.raises(UserError, match="People have taken part"):
        simulate_over_http(study, url, SimulationOptions(people=3))
    assert rows(study, "SELECT count(*) FROM session") == [(1,)]
    assert rows(study, "SELECT * FROM setting WHERE name = 'simulated'") == []


def test_when_no_place_is_left_that_is_said(study):
    with served(study) as url:
        simulate_over_http(study, url, SimulationOptions())
        with pytest.raises(UserError, match="All places"):
            simulate_over_http(study, url, SimulationOptions(people=1))


def test_another_study_than_the_served_one_is_refused(study, tmp_path):
    titled = make_study(tmp_path / "titled", title="Another")
    secret = make_study(tmp_path / "secret")
    with served(study) as url:
        with pytest.raises(UserError, match="serves 'Which is closest"):
            simulate_over_http(titled, url, SimulationOptions())
        with pytest.raises(UserError, match=r"same secrets\.json"):
            simulate_over_http(secret, url, SimulationOptions())
    assert rows(study, "SELECT count(*) FROM session") == [(0,)]


def test_other_pictures_than_the_studys_are_noticed(study, tmp_path):
    other = make_study(tmp_path / "other", seed=1)
    (other.path / "secrets.json").write_bytes((study.path / "secrets.json").read_bytes())
    with served(study) as url, pytest.raises(UserError, match="picture that is not in"):
        simulate_over_http(other, url, SimulationOptions())


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9", "no answer from"),
        ("127.0.0.1:8000", "is no address"),
        ("ftp://127.0.0.1", "is no address"),
        ("http://[::1", "is no address"),
        ("http://study.example.org", "in the clear"),
        ("http://127.0.0.1:8000/admin", "without a path"),
    ],
)
def test_an_address_that_cannot_be_used_is_said(study, url, sentence):
    with pytest.raises(UserError, match=sentence):
        simulate_over_http(study, url, SimulationOptions())


# The commands


def test_from_a_folder_of_pictures_to_rankings(tmp_path, capsys):
    pictures = make_study(tmp_path / "made", pictures=8).path / "pictures"
    words = ["--people", "4", "--trials", "2", "--design", "nested", "--seed", "5"]
    assert main(["study", "create", str(pictures), str(tmp_path / "study"), *words]) == 0
    process, port = start(tmp_path / "study")
    try:
        status, out, _ = run(capsys, tmp_path / "study", "--url", f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
    study = open_study(tmp_path / "study")
    answers = read_answers(study)
    assert status == 0
    assert "4 simulated people" in out
    assert answers.completed.tolist() == [True] * 4
    assert answers.ratings.simulated
    main_trials = answers.ratings.only("main")
    assert len(main_trials) == 8
    assert (np.sort(main_trials.ranks, axis=1) == [1, 2, 3]).all()
    assert sorted(main_trials.picture.tolist()) == list(range(8))


def run(capsys, *words):
    status = main(["study", "simulate", *map(str, words)])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_command_makes_a_copy_beside_the_study(study, capsys):
    status, out, _ = run(
        capsys, study.path, "--people", 3, "--utilities", "mse=0,mae=-.2,ms-ssim=.4"
    )
    assert status == 0
    assert "3 simulated people, 0 of them inattentive, gave 15 answers" in out
    assert "known utilities: ms-ssim +0.4, mse +0, mae -0.2" in out
    assert read_answers(open_study(f"{study.path}-simulated")).completed.sum() == 3


def test_the_command_goes_to_a_server(study, capsys):
    with served(study) as url:
        status, out, _ = run(capsys, study.path, "--url", url, "--metric", "mae")
    assert status == 0
    assert f"gave 20 answers: {url}" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--utilities", "mse"], "is not a model and its number"),
        (["--utilities", "mse=0,mse=1"], "each model once"),
        (["--utilities", "mse=x"], "is not a model and its number"),
        (["--utilities", "mse=0"], "lacks 'mae'"),
        (["--utilities", "mse=0", "--metric", "mse"], "name one of them"),
        (["--url", "http://127.0.0.1:9", "--out", "x"], "name the server or the copy"),
        (["--metric", "lpips"], "there is no metric 'lpips'"),
        (["--people", "5"], "4 places"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_status_2(study, capsys, words, sentence):
    status, out, err = run(capsys, study.path, *words)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
