"""The export: every answer in tables that say what they hold, and nothing that names anybody."""

import csv
import io
import json
import sqlite3
import zipfile
from pathlib import Path

import pytest
import yaml

from snellen.errors import UserError
from snellen.study.config import parse_config
from snellen.study.create import CreateOptions, create_study
from snellen.study.dictionary import TABLES, dictionary_as_markdown
from snellen.study.export import export_files, export_study, export_zip
from snellen.study.folder import open_study
from snellen.study.store.store import open_store
from snellen.study.store.tokens import token_hash
from snellen.study.store.withdrawing import withdraw

from .answering import ENVIRONMENT, close, take_part
from .making import FILLED, MODELS, bundle, study

DOCUMENT = Path(__file__).parents[2] / "docs" / "study-data.md"


def table(files, name):
    return list(csv.DictReader(io.StringIO(files[name].decode(), newline="")))


@pytest.fixture
def answered(tmp_path):
    """Two have answered everything, the third five trials."""
    made = study(tmp_path / "study", count=8, people=4, trials=5, ties=True)
    take_part(made, 2)
    take_part(made, 1, stop_at=5)
    return made


def test_every_model_of_every_answered_trial_has_a_row(answered):
    rows = table(export_files(answered), "rankings.csv")
    trials = 3 + 5 + 2 + 1
    assert len(rows) == (2 * trials + 5) * len(MODELS)
    main = [row for row in rows if row["kind"] == "main" and row["participant"] == "P0001"]
    assert len(main) == 5 * len(MODELS)
    for row in main:
        assert int(row["rank"]) == MODELS.index(row["model"]) + 1
        assert float(row["midrank"]) == int(row["rank"])


def test_places_are_those_of_the_screen(answered):
    rows = table(export_files(answered), "rankings.csv")
    plan = answered.plan.trials(0)
    for row in rows:
        if row["participant"] != "P0001":
            continue
        trial = plan[int(row["trial"])]
        model = trial.shown[int(row["place"]) - 1]
        assert row["model"] == ("original" if model == -1 else MODELS[model])
        assert row["kind"] == trial.kind
        assert row["picture"] == answered.picture(trial.picture).name
        assert row["source"] == answered.picture(trial.picture).source


def test_times_and_the_window_are_told(answered):
    row = table(export_files(answered), "rankings.csv")[0]
    assert (row["seconds"], row["first_seconds"]) == ("2.25", "0.5")
    found = {key: row[key] for key in ("window_width", "window_height", "pixel_ratio", "exact")}
    assert found == {
        "window_width": "1280",
        "window_height": "720",
        "pixel_ratio": "1.25",
        "exact": "1",
    }
    assert (row["zoom"], row["blurs"], row["input"], row["magnify"]) == ("", "2", "keyboard", "2")


def test_ties_share_their_places(tmp_path):
    made = study(tmp_path / "study", count=4, trials=2, ties=True)
    take_part(made, choose=lambda shown: [1 if model == min(shown) else 2 for model in shown])
    files = export_files(made)
    rows = [row for row in table(files, "rankings.csv") if row["kind"] == "main"]
    assert {(row["rank"], row["midrank"]) for row in rows} == {("1", "1.0"), ("2", "2.5")}
    pairs = {(row["model_a"], row["model_b"]): row for row in table(files, "pairs.csv")}
    assert pairs["mse", "mae"]["a_better"] == "2"
    assert pairs["mae", "mse>ms-ssim@0.5"]["equal"] == "2"


def test_pairs_count_main_trials_for_each_participant(answered):
    rows = table(export_files(answered), "pairs.csv")
    assert len(rows) == 3 * 3
    for row in rows:
        assert int(row["rankings"]) == sum(int(row[k]) for k in ("a_better", "b_better", "equal"))
    first = next(r for r in rows if (r["participant"], r["model_b"]) == ("P0001", "mae"))
    assert (first["model_a"], first["a_better"], first["completed"]) == ("mse", "5", "1")


def test_participants_and_pictures(answered):
    files = export_files(answered)
    people = table(files, "participants.csv")
    assert [row["participant"] for row in people] == ["P0001", "P0002", "P0003"]
    assert [row["state"] for row in people] == ["completed", "completed", "active"]
    assert [row["answered"] for row in people] == ["11", "11", "5"]
    assert people[0]["catch_seen"] == "2"
    assert people[0]["catch_failed"] == "0"
    assert people[0]["median_seconds"] == "2.25"
    assert people[0]["retest"] == "1.0"
    assert people[0]["screen_width"] == "1920"
    assert len(people[0]["started"]) == len("2026-11-28")
    pictures = table(files, "pictures.csv")
    assert len(pictures) == 8
    main = [r for r in table(files, "rankings.csv") if r["kind"] == "main" and r["model"] == "mse"]
    assert sum(int(row["rankings"]) for row in pictures) == len(main)


def test_one_who_does_not_look_is_excluded_in_words(tmp_path):
    made = study(tmp_path / "study", count=8, trials=5)
    take_part(made, choose=lambda shown: [1 + (max(shown) - k) % 9 for k in ranked(shown)])
    (row,) = table(export_files(made), "participants.csv")
    assert row["excluded"] == "1"
    assert "catch" in row["reasons"]


def ranked(shown):
    """The original last."""
    order = sorted(shown, reverse=True)
    return [max(shown) - order.index(model) for model in shown]


def test_json_says_the_same(answered):
    files = export_files(answered)
    told = json.loads(files["rankings.json"])
    rows = table(files, "rankings.csv")
    assert told["study"] == rows[0]["study"] == answered.digest
    assert told["models"] == list(MODELS)
    found = [
        (t["participant"], str(t["trial"]), model, str(rank))
        for t in told["trials"]
        for model, rank in zip(t["shown"], t["ranks"], strict=True)
    ]
    assert sorted(found) == sorted(
        (row["participant"], row["trial"], row["model"], row["rank"]) for row in rows
    )
    assert told["trials"][0]["environment"] == ENVIRONMENT


def test_the_dictionary_tells_every_column(answered):
    files = export_files(answered)
    told = json.loads(files["dictionary.json"])
    for each in TABLES:
        header = files[each.file].decode().splitlines()[0].split(",")
        assert header == [column["name"] for column in told["tables"][each.file]["columns"]]
        for row in table(files, each.file):
            for column in told["tables"][each.file]["columns"]:
                check(row[column["name"]], column)
    for name in files:
        assert f"`{name}`" in files["dictionary.md"].decode() or name in told["tables"]


def check(cell, column):
    """A cell is of the type that the dictionary says."""
    if cell == "":
        return
    if column["type"] in ("whole number", "0 or 1"):
        assert int(cell) in ((0, 1) if column["type"] == "0 or 1" else (int(cell),))
    elif column["type"] == "number":
        float(cell)
    if "values" in column:
        assert cell in column["values"]


def test_the_document_holds_the_dictionary():
    assert dictionary_as_markdown().partition("\n")[2].strip() in DOCUMENT.read_text("utf-8")


def test_nothing_secret_and_no_id_is_exported(answered):
    secrets = answered.secrets()
    with sqlite3.connect(answered.database) as connection:
        ids = [
            row[0]
            for row in connection.execute("SELECT id FROM session UNION SELECT id FROM image")
        ]
    connection.close()
    files = export_files(answered)
    for data in files.values():
        text = data.decode()
        for secret in (secrets.admin, secrets.salt, "worker-secret", "assignment-secret", *ids):
            assert secret not in text
        assert "task-secret" not in text
        assert str(answered.path) not in text


def test_prolifics_codes_are_not_exported(tmp_path):
    made = study(tmp_path / "study", platform="prolific")
    text = export_files(made)["study.yaml"].decode()
    platform = made.config.platform
    for code in (platform.completed, platform.no_consent, platform.screened_out):
        assert code not in text
    assert text.count("not-exported") == 3
    assert read_text(text).title == made.config.title


def read_text(text):
    return parse_config(yaml.safe_load(text))


def test_who_has_withdrawn_is_in_no_table(tmp_path):
    made = study(tmp_path / "study", count=4, trials=3)
    first, _ = take_part(made, 2)
    store = open_store(made)
    store.write(lambda c: withdraw(c, token_hash(first), 0.0)).result()
    store.close()
    files = export_files(made)
    for name in ("rankings.csv", "pairs.csv", "participants.csv"):
        assert {row["participant"] for row in table(files, name)} == {"P0002"}


def test_simulated_answers_say_so_everywhere(tmp_path):
    made = study(tmp_path / "study", count=4, trials=3)
    take_part(made, simulated=True)
    files = export_files(made)
    for each in TABLES:
        assert {row["simulated"] for row in table(files, each.file)} == {"1"}
    assert json.loads(files["rankings.json"])["simulated"] is True
    export_study(made, tmp_path / "out")  # there is nobody to peek at


def test_formulas_quotes_and_lines_in_names_do_no_harm(tmp_path):
    names = ['=HYPERLINK("x")', 'a "quoted", name', "two\nlines", "+1", "@x", "-é\u2028"]
    place = bundle(tmp_path / "bundle", names=names)
    options = CreateOptions(people=2, trials=6, design="crossed", **FILLED)
    made = create_study(place, tmp_path / "study", options).study
    take_part(made, environment={"input": "=cmd", "window": "wide", "blurs": "=1+1", "zoom": [1]})
    files = export_files(made)
    found = {row["picture"] for row in table(files, "pictures.csv")}
    assert found == {f"'{n}" if n[0] in "=+-@" else n for n in names}
    assert {row["input"] for row in table(files, "rankings.csv")} == {"'=cmd"}
    assert {row["blurs"] for row in table(files, "rankings.csv")} == {""}
    for each in TABLES:
        for row in csv.reader(io.StringIO(files[each.file].decode(), newline="")):
            assert len(row) == len(each.columns)
            assert not any(cell.startswith(("=", "+", "@")) for cell in row)
    assert {t["picture"] for t in json.loads(files["rankings.json"])["trials"]} <= set(names)


def test_an_empty_study_has_empty_tables(tmp_path):
    files = export_files(study(tmp_path / "study"))
    assert table(files, "rankings.csv") == table(files, "participants.csv") == []
    assert len(table(files, "pictures.csv")) == 6


def test_it_is_withheld_while_the_study_runs(answered, tmp_path):
    with pytest.raises(UserError, match="--unlock"):
        export_study(answered, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert events(answered, "unlocked") == events(answered, "result seen") == []
    export_study(answered, tmp_path / "out", unlock_result=True)
    assert events(answered, "unlocked") == ["snellen study export --unlock"]
    assert events(answered, "result seen") == ["export"]
    told = json.loads((tmp_path / "out" / "rankings.json").read_text())
    assert told["unlocked_before_closing"] is not None
    export_study(answered, tmp_path / "again")


def events(made, what):
    with sqlite3.connect(made.database) as connection:
        found = connection.execute("SELECT detail FROM event WHERE what = ?", (what,)).fetchall()
    connection.close()
    return [detail for (detail,) in found]


def test_a_closed_study_is_exported(answered, tmp_path):
    close(answered)
    out = export_study(answered, tmp_path / "deep" / "out")
    assert {path.name for path in out.iterdir()} == set(export_files(answered))
    told = json.loads((out / "rankings.json").read_text())
    assert (told["unlocked_before_closing"], told["state"]) == (None, "closed")
    with pytest.raises(UserError, match="exists"):
        export_study(answered, out)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out"]


def test_a_study_that_was_changed_is_not_exported(answered, tmp_path):
    close(answered)
    place = answered.path / "study.yaml"
    place.write_text(place.read_text().replace("seed: 0", "seed: 1"))
    with pytest.raises(UserError, match="consented to"):
        export_study(open_study(answered.path), tmp_path / "out")


def test_the_archive_holds_the_same(answered):
    files = export_files(answered)
    with zipfile.ZipFile(io.BytesIO(export_zip(answered))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(f"study-export/{name}") for name in files} == files
        assert len(archive.namelist()) == len(files)
