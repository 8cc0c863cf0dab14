"""snellen study analyse: from a study's folder to results.json, CSV and a report."""

import csv
import dataclasses
import io
import json
import math
import sqlite3

import numpy as np
import pytest
import torch
import yaml

from snellen import metrics
from snellen.errors import UserError
from snellen.study import analysis
from snellen.study.analysis import analyse
from snellen.study.analysis_pictures import planes
from snellen.study.analysis_results import results_of
from snellen.study.analysis_tables import csv_files
from snellen.study.folder import open_study
from snellen.study.simulation import simulate_into_copy
from snellen.study.simulation.tastes import SimulationOptions
from snellen.study.statistics.resampling import Bootstrap
from snellen.study.store.administration import set_state
from snellen.study.store.store import open_store

from .answering import close, take_part
from .fake_answers import make_answers
from .fake_study import make_study

CONDUCT = {"state": "closed", "simulated": False}


def on_study(study, answers):
    """Answers about the pictures of a study."""
    pictures = study.pictures.pictures
    ratings = dataclasses.replace(
        answers.ratings,
        pictures=tuple(picture.name for picture in pictures),
        sources=tuple(picture.source for picture in pictures),
    )
    return dataclasses.replace(answers, ratings=ratings)


def results_for(study, answers, **options):
    bootstrap = Bootstrap(study.config.design, 240)
    return results_of(study, on_study(study, answers), CONDUCT, bootstrap=bootstrap, **options)


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("nested"), people=6, trials=5)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("crossed"), people=6, trials=8, design="crossed")


@pytest.fixture(scope="module")
def slack(crossed):
    """One slacker and one who did not finish, among six."""
    answers = make_answers(trials=8, design="crossed", slackers=(2,), unfinished=(4,))
    return results_for(crossed, answers)


def test_results_are_plain_json(slack):
    text = json.dumps(slack, allow_nan=False)
    assert json.loads(text) == slack
    assert slack["format"] == 1


def test_only_who_finished_and_broke_no_rule_counts(slack):
    counting = [each["name"] for each in slack["participants"] if each["counts"]]
    assert counting == ["P0001", "P0002", "P0004", "P0006"]
    assert slack["findings"]["people"] == 4
    assert slack["findings"]["rankings"] == 32
    (out,) = [each for each in slack["participants"] if each["reasons"]]
    assert out["name"] == "P0003"


def test_the_headline_is_told_for_everyone_too(slack):
    titles = [other["title"] for other in slack["sensitivity"]]
    assert titles == ["everyone who finished", "everyone, unfinished sessions too"]
    assert [other["people"] for other in slack["sensitivity"]] == [5, 6]
    assert slack["sensitivity"][1]["rankings"] == 5 * 8 + 4


def test_with_nobody_left_out_there_is_one_analysis(nested):
    assert results_for(nested, make_answers(trials=5))["sensitivity"] == []


def test_mean_ranks_are_those_of_who_counts(crossed, slack):
    answers = make_answers(trials=8, design="crossed", slackers=(2,), unfinished=(4,))
    main = answers.ratings.only("main")
    rows = np.isin(main.person, [0, 1, 3, 5])
    for column, model in enumerate(main.models):
        found = slack["findings"]["ranks"]["models"][model]["mean_rank"]["value"]
        assert found == pytest.approx(main.ranks[rows, column].mean())
    for each in slack["pictures"]:
        place = [picture.name for picture in crossed.pictures.pictures].index(each["name"])
        expected = main.ranks[rows & (main.picture == place)].mean(0)
        np.testing.assert_allclose(list(each["mean_ranks"].values()), expected)


def test_p_is_corrected_for_all_pairs(slack):
    found = slack["findings"]["differences"]
    raw = sorted(each["p"] for each in found)
    corrected = sorted(each["p_holm"] for each in found)
    expected = np.maximum.accumulate(np.minimum(1, np.array(raw) * [3, 2, 1]))
    np.testing.assert_allclose(corrected, expected)


def test_where_nobody_finished_the_unfinished_are_used_and_it_is_said(nested):
    results = results_for(nested, make_answers(trials=5, unfinished=range(6)))
    assert results["findings"]["unfinished"] is True
    assert results["findings"]["people"] == 6


def test_where_all_who_finished_are_left_out_nobody_counts(nested):
    results = results_for(nested, make_answers(trials=5, slackers=range(6)))
    assert results["findings"]["rankings"] == 0
    assert results["sensitivity"][0]["people"] == 6
    assert not any(each["counts"] for each in results["participants"])


def test_where_all_are_left_out_all_is_told_without_the_rule(nested):
    results = results_for(nested, make_answers(trials=5, slackers=range(6), unfinished=(2,)))
    without = results["without_exclusion"]
    assert without["title"] == "everyone who finished"
    assert without["people"] == ["P0001", "P0002", "P0004", "P0005", "P0006"]
    assert without["findings"]["people"] == 5
    assert without["findings"]["ranks"] == results["sensitivity"][0]["ranks"]
    assert without["galleries"]["first_count"] <= 25
    assert len(without["pictures"]) == 25
    unfinished = make_answers(trials=5, slackers=range(6), unfinished=range(6))
    without = results_for(nested, unfinished)["without_exclusion"]
    assert without["title"] == "everyone, unfinished sessions too"
    assert without["findings"]["unfinished"] is True


def test_where_somebody_counts_or_nobody_came_nothing_is_told_without_the_rule(nested, slack):
    assert slack["without_exclusion"] is None
    assert results_for(nested, make_answers(people=0))["without_exclusion"] is None


def test_metrics_are_those_of_the_pictures_that_were_shown(crossed, slack):
    picture = slack["pictures"][0]
    place = [each.name for each in crossed.pictures.pictures].index(picture["name"])
    original, made = (planes(crossed, place, model).astype(float) for model in ("original", "mae"))
    pair = (torch.from_numpy(each)[None] for each in (made, original))
    expected = float(metrics.mse(*pair))
    assert picture["metrics"]["mse"]["mae"] == pytest.approx(expected)
    assert {each["name"] for each in slack["metric_agreement"]["metrics"]} == {
        "mse", "mae", "psnr", "ssim", "ms-ssim",
    }  # fmt: skip


def test_without_metrics_there_is_no_agreement(nested):
    results = results_for(nested, make_answers(trials=5), metrics=())
    assert results["metric_agreement"] is None
    assert csv_files(results)["metric_agreement.csv"].count("\n") == 1


def test_the_configuration_holds_no_codes_of_a_platform(nested, tmp_path):
    codes = {"kind": "prolific", "completed": "C0MPLETED", "no_consent": "N0CONSENT",
             "screened_out": "SCREENED"}  # fmt: skip
    config = nested.config.model_validate(
        {**nested.config.model_dump(), "platform": codes}, strict=False
    )
    results = results_for(dataclasses.replace(nested, config=config), make_answers(trials=5))
    assert results["study"]["platform"] == "prolific"
    assert "C0MPLETED" not in json.dumps(results)


# CSV


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_tables_hold_what_results_say(slack):
    files = csv_files(slack)
    ranks = read(files["rank_distribution.csv"])
    assert len(ranks) == 9
    for model in slack["study"]["models"]:
        assert sum(float(r["count"]) for r in ranks if r["model"] == model) == 32
    people = read(files["participants.csv"])
    assert [row["participant"] for row in people] == [f"P000{k}" for k in range(1, 7)]
    assert people[2]["left_out_because"].startswith("failed 2 of 2")
    assert [row["counts"] for row in people].count("yes") == 4
    pictures = read(files["pictures.csv"])
    assert len(pictures) == 8 * 3
    assert float(pictures[0]["mse"]) > 0
    pairs = read(files["differences.csv"])
    assert [(row["a"], row["b"]) for row in pairs] == [
        ("mse", "mae"), ("mse", "ms-ssim"), ("mae", "ms-ssim"),
    ]  # fmt: skip
    assert all(row["simulated"] == "no" for row in (*ranks, *people, *pictures, *pairs))


def test_no_cell_is_a_formula(slack):
    text = json.dumps(slack).replace('"mae"', '"=cmd()"').replace("0001-", "+0001-")
    files = csv_files(json.loads(text))
    cells = [
        cell for text in files.values() for row in csv.reader(io.StringIO(text)) for cell in row
    ]
    assert "'=cmd()" in cells
    for cell in cells:
        assert not cell.startswith(("=", "+", "@")), cell
        if cell.startswith("-"):
            float(cell)


def test_an_empty_study_has_tables_with_heads_alone(nested):
    files = csv_files(results_for(nested, make_answers(people=0)))
    for name in ("differences.csv", "participants.csv", "pictures.csv", "metric_agreement.csv"):
        assert len(files[name].splitlines()) == 1


# The folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    study = make_study(folder, people=4, trials=6, design="crossed")
    simulate_into_copy(study, folder / "copy", SimulationOptions(people=4))
    return open_study(folder / "copy")


def test_a_simulated_study_is_analysed_and_marked(simulated):
    results = analyse(simulated, resamples=240)
    folder = simulated.path / "analysis"
    assert results["simulated"] is True
    assert json.loads((folder / "results.json").read_text()) == results
    assert "SIMULATED" in (folder / "report.html").read_text()
    names = sorted(path.name for path in (folder / "csv").iterdir())
    assert names == sorted(csv_files(results))
    for name in names:
        for row in read((folder / "csv" / name).read_text()):
            assert row["simulated"] == "yes"
    assert results["simulation"]["people"] == 4
    assert results["study"]["digest"] == simulated.digest
    assert sorted(path.name for path in simulated.path.iterdir() if "tmp" in path.name) == []


def test_the_same_study_gives_the_same_files(simulated, tmp_path):
    for name in ("one", "two"):
        analyse(simulated, resamples=240, out=tmp_path / name, clock=lambda: 1.8e9)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) == 8
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_older_analysis_is_replaced_and_nothing_else(simulated, tmp_path):
    folder = tmp_path / "there"
    analyse(simulated, resamples=240, out=folder)
    (folder / "stale.txt").write_text("")
    analyse(simulated, resamples=240, out=folder)
    assert not (folder / "stale.txt").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("my thesis")
    with pytest.raises(UserError, match="is no analysis of a study"):
        analyse(simulated, resamples=240, out=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "my thesis"


def test_a_failure_leaves_the_old_analysis(simulated, tmp_path, monkeypatch):
    analyse(simulated, resamples=240, out=tmp_path / "a")
    before = (tmp_path / "a" / "results.json").read_bytes()

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(analysis, "write_study_report", fails)
    with pytest.raises(UserError, match="disk is full"):
        analyse(simulated, resamples=240, out=tmp_path / "a")
    assert (tmp_path / "a" / "results.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.fixture
def open_one(tmp_path):
    """A study that still runs: two people have answered."""
    study = make_study(tmp_path, people=3, trials=4)
    take_part(study, 2)
    return study


def close_at(study, now):
    store = open_store(study)
    store.write(lambda connection: set_state(connection, "closed", now)).result()
    store.close()


def events(study):
    connection = sqlite3.connect(study.database)
    try:
        return [what for (what,) in connection.execute("SELECT what FROM event ORDER BY id")]
    finally:
        connection.close()


def test_nobody_peeks_unless_it_is_unlocked_which_is_noted(open_one):
    with pytest.raises(UserError, match="--unlock"):
        analyse(open_one, resamples=240)
    assert not (open_one.path / "analysis").exists()
    assert "unlocked" not in events(open_one)
    results = analyse(open_one, resamples=240, unlock_result=True)
    assert results["conduct"]["peeked"] is True
    assert results["conduct"]["unlocked_at"] is not None
    assert events(open_one)[-2:] == ["unlocked", "result seen"]
    assert "still running" in (open_one.path / "analysis" / "report.html").read_text()
    analyse(open_one, resamples=240)  # unlocked once and for all


def test_a_look_before_the_closing_is_told_after_it(open_one):
    analyse(open_one, resamples=240, unlock_result=True, clock=lambda: 4e9)
    close_at(open_one, 4.1e9)
    results = analyse(open_one, resamples=240, clock=lambda: 4.2e9)
    assert results["conduct"]["peeked"] is False
    (look,) = results["conduct"]["looks_before_closing"]
    assert (look["how"], look["completed"], look["begun"]) == ("analysis", 2, 2)
    text = (open_one.path / "analysis" / "report.html").read_text()
    assert "was looked at before the study was closed: first on 2 October 2096 at 07:06" in text
    assert json.loads((open_one.path / "analysis" / "results.json").read_text()) == results


def test_a_closed_study_needs_no_unlocking(open_one):
    close(open_one)
    results = analyse(open_one, resamples=240, unlock_result=True)
    assert results["conduct"]["peeked"] is False
    assert results["conduct"]["unlocked_at"] is None
    assert "unlocked" not in events(open_one)


def test_no_identity_is_in_any_file(open_one):
    analyse(open_one, resamples=240, unlock_result=True)
    secrets = open_one.secrets()
    for path in (open_one.path / "analysis").rglob("*.*"):
        text = path.read_bytes()
        for word in ("worker-secret", "assignment-secret", "task-secret", secrets.admin):
            assert word.encode() not in text, path.name


def test_how_the_study_went_is_told(open_one):
    results = analyse(open_one, resamples=240, unlock_result=True)
    conduct = results["conduct"]
    assert conduct["sessions"]["completed"] == 2
    assert conduct["magnify"] == {"2": conduct["answers"]}
    assert conduct["pixel_ratio"] == {"1.25": conduct["answers"]}
    assert conduct["blurred"] == conduct["answers"]
    assert conduct["screens"] == [{"width": 1920, "height": 1080, "pixel_ratio": 1.25, "count": 2}]
    assert "1920×1080 at 1.25 (2)" in (open_one.path / "analysis" / "report.html").read_text()


def test_an_empty_study_is_reported(nested, tmp_path):
    results = analyse(nested, resamples=240, out=tmp_path / "a")
    assert results["findings"]["rankings"] == 0
    assert "Nobody has ranked a picture yet" in (tmp_path / "a" / "report.html").read_text()
    assert "unlocked" not in events(nested)


def test_people_who_all_agree_are_reported(open_one):
    results = analyse(open_one, resamples=240, unlock_result=True)  # both ranked in one order
    assert all(each["p"] is None for each in results["findings"]["differences"])
    text = (open_one.path / "analysis" / "report.html").read_text()
    assert "2 people agree exactly" in text
    assert "all agree exactly" in text


def test_one_participant_is_reported(tmp_path):
    study = make_study(tmp_path, people=3, trials=4)
    take_part(study, 1)
    results = analyse(study, resamples=240, unlock_result=True)
    assert results["findings"]["people"] == 1
    assert all(each["p"] is None for each in results["findings"]["differences"])
    assert "this one says nothing" in (study.path / "analysis" / "report.html").read_text()


def test_somebody_who_stopped_at_once_is_reported(tmp_path):
    study = make_study(tmp_path, people=3, trials=4)
    take_part(study, 1, stop_at=1)  # a training trial alone
    results = analyse(study, resamples=240, unlock_result=True)
    assert results["findings"]["rankings"] == 0


def test_a_study_changed_after_the_first_consent_is_refused(open_one):
    path = open_one.path / "study.yaml"
    values = yaml.safe_load(path.read_text())
    values["exclusion"] = {**(values.get("exclusion") or {}), "min_median_seconds": 9.0}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match="is not what the first participant"):
        analyse(open_study(open_one.path), unlock_result=True)


def test_a_changed_picture_is_refused(open_one):
    picture = open_one.picture(0)
    other = open_one.path / picture.files["mae"]
    (open_one.path / picture.files["mse"]).write_bytes(other.read_bytes())
    with pytest.raises(UserError, match="is not the picture that the study was made with"):
        analyse(open_one, resamples=240, unlock_result=True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"gallery_model": "ms-sim"}, "Did you mean 'ms-ssim'"),
        ({"metrics": ("msee",)}, "Did you mean 'mse'"),
        ({"resamples": 239}, "give 240 or more"),
        ({"level": 95}, "level of the intervals is 95"),
    ],
)
def test_bad_options_are_refused_before_anything_is_seen(open_one, options, says):
    with pytest.raises(UserError, match=says):
        analyse(open_one, unlock_result=True, **options)
    assert "unlocked" not in events(open_one)


def test_ties_are_kept(tmp_path):
    study = make_study(tmp_path, people=6, trials=5, ties=True)
    results = results_for(study, make_answers(trials=5, ties=1.5))
    assert results["findings"]["ranks"]["tied"] > 0
    for found in results["findings"]["ranks"]["models"].values():
        assert sum(found["counts"]) == pytest.approx(30)
    assert not any(
        math.isnan(value)
        for found in results["findings"]["ranks"]["models"].values()
        for value in found["counts"]
    )
