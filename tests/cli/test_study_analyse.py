"""``snellen study analyse`` as it is typed."""

import json
import time

import pytest
from typer.testing import CliRunner

from snellen.cli.study import study as command
from snellen.errors import UserError
from snellen.study.simulation import simulate_into_copy
from snellen.study.simulation.tastes import SimulationOptions
from snellen.study.store.administration import set_state
from snellen.study.store.store import open_store

from ..study.answering import take_part
from ..study.fake_study import make_study


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    study = make_study(folder, people=4, trials=6, design="crossed")
    simulate_into_copy(study, folder / "copy", SimulationOptions(people=4))
    return folder / "copy"


def typed(*words):
    done = CliRunner().invoke(command, ["analyse", *map(str, words)], env={"COLUMNS": "100"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_it_prints_the_sentence_a_table_and_where_the_report_is(simulated, tmp_path):
    done = typed(simulated, "--out", tmp_path / "a", "--resamples", 240, "--metrics", "mse,ssim")
    assert done.exit_code == 0
    assert done.stdout.startswith("SIMULATED: no person gave these answers.")
    assert "simulated observers" in done.stdout
    assert "mean rank" in done.stdout
    assert f"report: {tmp_path / 'a' / 'report.html'}" in done.stdout.replace("\n", "")
    assert "note: Simulated" in done.stderr
    results = json.loads((tmp_path / "a" / "results.json").read_text())
    assert [each["name"] for each in results["metric_agreement"]["metrics"]] == ["mse", "ssim"]
    assert results["resamples"] == 240


def test_no_metrics_are_compared_where_none_are_wanted(simulated, tmp_path):
    typed(simulated, "--out", tmp_path / "a", "--resamples", 240, "--metrics", "none")
    assert json.loads((tmp_path / "a" / "results.json").read_text())["metric_agreement"] is None


def test_the_gallery_is_about_the_named_model(simulated, tmp_path):
    typed(simulated, "--out", tmp_path / "a", "--resamples", 240, "--metrics", "none",
          "--gallery", "mse")  # fmt: skip
    found = json.loads((tmp_path / "a" / "results.json").read_text())["galleries"]
    assert found["model"] == "mse"
    assert found["rule"].startswith("Both galleries are about mse.")


def test_an_empty_study_prints_a_sentence(tmp_path):
    make_study(tmp_path, people=2, trials=2)
    done = typed(tmp_path / "study")
    assert done.stdout.startswith("Nobody has ranked a picture yet")
    assert (tmp_path / "study" / "analysis" / "report.html").is_file()


def test_a_study_that_runs_is_not_analysed(tmp_path):
    take_part(make_study(tmp_path, people=2, trials=2), 1)
    with pytest.raises(UserError, match="still runs"):
        typed(tmp_path / "study")
    done = typed(tmp_path / "study", "--unlock", "--resamples", 240)
    assert done.exit_code == 0
    said = " ".join(done.stdout.split())
    assert "Looked at early: The study was still running when this was computed" in said
    assert "still running" not in done.stderr


def test_an_early_look_is_printed_when_the_study_is_closed_too(tmp_path):
    study = make_study(tmp_path, people=2, trials=2)
    take_part(study, 1)
    typed(study.path, "--unlock", "--resamples", 240)
    store = open_store(study)
    store.write(lambda connection: set_state(connection, "closed", time.time())).result()
    store.close()
    said = " ".join(typed(study.path, "--resamples", 240).stdout.split())
    assert "Looked at early: The result was looked at before the study was closed: first" in said
    assert "after 1 completed session of 1 begun" in said
