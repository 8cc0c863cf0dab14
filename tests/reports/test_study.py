"""The study report: its tables, and the page as a file and in a browser."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from snellen.reports.study import RankedPicture, StudyReport, write_study_report
from snellen.reports.study_calibration import (
    CHANCE_OF_FRIEDMAN,
    CHANCE_OF_HEADLINE,
    CHANCE_OF_WILCOXON,
)
from snellen.reports.study_calibration import MEASURED as SIMULATED
from snellen.reports.study_facts import as_shown
from snellen.reports.study_metrics import (
    ceiling_note,
    metric_rows,
    metrics_that_differ,
    no_ceiling,
)
from snellen.reports.study_participants import participant_rows, sensitivity_rows
from snellen.reports.study_practice import extra_trials, repeats_in_words
from snellen.reports.study_protocol import study_protocol
from snellen.reports.study_reliability import reliability_rows
from snellen.reports.study_tables import (
    friedman_rows,
    pair_rows,
    rank_rows,
    wilcoxon_error,
    wilcoxon_rows,
)
from snellen.study.analysis_pictures import gallery_pictures
from snellen.study.analysis_results import results_of
from snellen.study.config import DESIGNS, parse_config
from snellen.study.design import make_plan
from snellen.study.statistics.resampling import Bootstrap

from ..axe import violations
from ..study.fake_answers import make_answers
from ..study.fake_study import make_study
from .test_html import EVIL, Reader, contrast, opened

SIX = ("mse", "mae", "ssim", "ms-ssim", "mse>ms-ssim@0.5", "a_long_package.losses:PerceptualLoss")
CONDUCT = {
    "state": "closed", "frozen_at": "2026-11-20T10:00:00+00:00", "unlocked_at": None,
    "simulated": False, "first": "2026-11-20T10:00:00+00:00", "last": "2026-11-22T19:00:00+00:00",
    "sessions": {"completed": 6, "active": 0, "expired": 1, "withdrawn": 1},
    "screens": [{"width": 1920, "height": 1080, "pixel_ratio": 1, "count": 6}],
    "other_screens": 0, "answers": 90, "magnify": {"2": 90}, "pixel_ratio": {"1": 90},
    "windows": [1200, 1920], "blurred": 3, "inexact": 0,
    "events": [{"at": "2026-11-22T19:10:00+00:00", "what": "closed", "detail": ""}],
}  # fmt: skip
SECTIONS = [
    "ranks", "pairs", "metrics", "galleries", "reliability", "participants", "secondary",
    "protocol", "texts",
]  # fmt: skip


def build(folder, *, models=("mse", "mae", "ms-ssim"), design="crossed", people=6, trials=8,
          size=(32, 32), channels=1, **answers):  # fmt: skip
    """A report of a study with fake answers."""
    study = make_study(folder, models=models, people=people or 3, trials=trials, design=design,
                       size=size, channels=channels, ties=bool(answers.get("ties")))  # fmt: skip
    given = make_answers(models=models, people=people, trials=trials, design=design, **answers)
    pictures = study.pictures.pictures
    ratings = dataclasses.replace(
        given.ratings,
        pictures=tuple(picture.name for picture in pictures),
        sources=tuple(picture.source for picture in pictures),
    )
    given = dataclasses.replace(given, ratings=ratings)
    results = results_of(
        study, given, CONDUCT, bootstrap=Bootstrap(design, 240), command="snellen study analyse x",
        now=1.8e9,
    )  # fmt: skip
    galleries = as_shown(results)["galleries"]
    return StudyReport(
        results,
        first=gallery_pictures(study, galleries, "first"),
        behind=gallery_pictures(study, galleries, "behind"),
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return build(tmp_path_factory.mktemp("study"), slackers=(2,), effects=(0, 2, 4))


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_study_report(path, report)
    return path


@pytest.fixture(scope="module")
def text(page):
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """Six models, ties, colour, pictures that are not square, simulated."""
    folder = tmp_path_factory.mktemp("six")
    report = build(folder, models=SIX, ties=0.6, simulated=True, size=(24, 40), channels=3)
    write_study_report(folder / "report.html", report)
    return folder / "report.html"


def visible(source):
    return " ".join("".join(Reader(source).texts).split())


def test_the_sentence_comes_first(text):
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[1]
    assert visible(heading).startswith("5 people ranked ms-ssim better than")
    assert text.index("<h1") < text.index("<svg") < text.index("<table")


def test_every_section_is_there(text):
    reader = Reader(text)
    assert [name for name in reader.ids if name in SECTIONS] == SECTIONS
    assert len(reader.ids) == len(set(reader.ids))
    for link in reader.all("a"):
        assert link["href"][1:] in reader.ids


def test_nothing_is_loaded_from_elsewhere(text):
    for tag, attributes in Reader(text).tags:
        for key in ("src", "href", "data", "action", "poster"):
            value = attributes.get(key) or ""
            assert value.startswith(("data:image/png;base64,", "#")) or not value, (tag, key)
        assert tag not in {"link", "iframe", "object", "embed", "base"}


def test_every_picture_has_a_text_of_its_own(text):
    images = Reader(text).all("img")
    assert len(images) > 16
    texts = [image["alt"] for image in images]
    assert all(re.search(r"Original of |mean rank \d", each) for each in texts)
    labels = re.findall(r'<svg class="panel"[^>]*aria-label="([^"]{20,})"', text)
    assert len(labels) == text.count('<svg class="panel"')


def test_without_simulation_there_is_no_banner(text):
    assert "SIMULATED" not in text


def test_a_simulated_study_says_so_loudly(six):
    text = six.read_text(encoding="utf-8")
    assert "<title>SIMULATED" in text
    assert text.index("SIMULATED</strong>") < text.index("<h1")
    assert "people ranked" not in text


def test_texts_that_participants_read_are_there(text, report):
    shown = "".join(Reader(text).texts)
    assert report.results["study"]["instructions"] in shown
    assert report.results["study"]["consent"] in shown


def test_who_is_left_out_is_told_with_the_reason(text, report):
    rows = participant_rows(report.results)
    assert [row.out for row in rows] == [False, False, True, False, False, False]
    assert rows[2].state.startswith("left out: failed 2 of 2 catch trials")
    assert "everyone who finished" in text


def test_the_protocol_tells_what_was_done(report):
    told = dict(study_protocol(report.results))
    assert told["Design"].startswith("Crossed: 6 participants × 8 pictures, the same for all.")
    assert "k was 2 in 100 % of the answers" in told["Display"]
    assert "8 people consented: 6 completed" in told["People"]
    conduct = report.results["conduct"]
    counted = report.results | {"conduct": conduct | {"refused": {"consent": 3, "screen": 1}}}
    assert (
        "3 more did not consent and 1 were turned away" in dict(study_protocol(counted))["People"]
    )
    earlier = {key: value for key, value in conduct.items() if key != "refused"}
    assert (
        "was not counted" in dict(study_protocol(report.results | {"conduct": earlier}))["People"]
    )
    assert told["Dates"].startswith("20 November 2026 to 22 November 2026.")
    assert told["Frozen as"] == report.results["study"]["digest"]


def test_rows_of_the_rank_table_add_up(report):
    rows = rank_rows(report.results["findings"])
    assert [sum(int(count) for count in row.counts) for row in rows] == [40, 40, 40]


def test_pairs_are_told_with_the_better_first(report):
    rows = pair_rows(report.results)
    assert rows[0].better == "ms-ssim"
    for row in rows:
        assert not row.lead.value.startswith("−")
        won, lost = (int(part) for part in row.wins_note.split(" : "))
        assert won + lost == 40
        assert row.wins.value == f"{100 * won / 40:.0f} %"
    assert all(row.bar_low <= row.bar_mean <= row.bar_high for row in rows)


def test_an_effect_points_to_the_better(report):
    tests = {(e["a"], e["b"]): e for e in report.results["findings"]["wilcoxon"]}
    for row in wilcoxon_rows(report.results):
        entry = tests.get((row.better, row.worse)) or tests[row.worse, row.better]
        sign = -1 if (row.better, row.worse) in tests else 1
        assert float(row.effect.replace("−", "-")) == pytest.approx(
            sign * entry["rank_biserial"], abs=0.006
        )


def test_friedman_is_printed_with_its_measured_error(report):
    rows = friedman_rows(report.results)
    assert [row.unit for row in rows] == ["5 participants", "8 pictures"]
    assert [row.error for row in rows] == ["15.7 %", "15.4 %"]


def test_wilcoxon_is_printed_with_its_measured_error(report, text):
    secondary = text[text.index('id="secondary"') :]
    assert "Wilcoxon" not in text[text.index('id="pairs"') : text.index('id="secondary"')]
    said = wilcoxon_error(report.results)
    assert said in visible(secondary)
    assert "20 people × the same 50 pictures" in said
    assert "in 15.8 %; it should be 5 % at most." in said
    assert "share photographs" not in said
    findings = {**report.results["findings"], "photographs": 3}
    assert wilcoxon_error({**report.results, "findings": findings}).endswith(
        "Of pictures that share photographs, as here, it was not measured."
    )


@pytest.mark.parametrize("design", DESIGNS)
def test_the_printed_error_of_wilcoxon_is_the_measured_one(design):
    path = Path(__file__).parents[2] / "docs" / "results" / "study_intervals.json"
    if not path.exists():
        pytest.skip("docs/results/study_intervals.json is not there")
    numbers = json.loads(path.read_text(encoding="utf-8"))["numbers"]
    found, told = numbers["designs"][design], CHANCE_OF_WILCOXON[design]
    assert told.any == pytest.approx(found["gap 0"]["p_below_.05"]["Wilcoxon, any pair"], abs=5e-6)
    assert told.studies == numbers["studies"]
    sizes = {
        "nested": f"{found['people']} people × {found['trials']} pictures each",
        "crossed": f"{found['people']} people × the same {found['trials']} pictures",
        "balanced-incomplete": (
            f"{found['people']} people × {found['trials']} of {found['pictures']} pictures"
        ),
    }
    assert told.study == sizes[design]


TRUTH = {0: "which nobody judges", 1: "than the same person judges", 2: "that count"}


@pytest.mark.parametrize(
    ("design", "people", "trials", "pictures", "training", "catch"),
    [
        ("crossed", 3, 6, 6, 3, 2),
        ("crossed", 3, 6, 8, 2, 2),
        ("crossed", 3, 6, 12, 3, 2),
        ("crossed", 3, 2, 2, 3, 2),
        ("nested", 3, 6, 18, 3, 2),
        ("nested", 3, 6, 21, 3, 2),
        ("nested", 1, 6, 6, 1, 1),
        ("balanced-incomplete", 6, 4, 8, 3, 1),
    ],
)
def test_where_practice_and_catch_trials_come_from_is_what_the_plan_deals(
    design, people, trials, pictures, training, catch
):
    texts = dict.fromkeys(("title", "instructions", "consent", "contact"), "…")
    study = {
        "design": design, "people": people, "trials_per_person": trials,
        "training_trials": training, "catch_trials": catch, "repeats": 0,
    }  # fmt: skip
    plan = make_plan(parse_config({**texts, **study, "models": ["a", "b", "c"]}), range(pictures))
    judged = set(plan.picture.ravel().tolist())
    told = extra_trials({**study, "pictures": pictures})
    for slot in range(people):
        own = set(plan.picture[slot].tolist())
        for kind, said in (("training", told.training), ("catch", told.catch)):
            found = [
                2 if trial.picture in own else 1 if trial.picture in judged else 0
                for trial in plan.trials(slot)
                if trial.kind == kind
            ]
            for each, many in TRUTH.items():
                words = many.replace("count", "counts") if found.count(each) == 1 else many
                assert (words in said) == (each in found), (said, found)
                if 0 < found.count(each) < len(found):
                    assert f"{found.count(each)} on " in said


def test_the_protocol_says_on_which_pictures_training_was(report):
    told = dict(study_protocol(report.results))
    assert told["Training"] == "3 trials first, on pictures that count later, too; not counted."
    assert "2 catch trials, on pictures that count in other trials, too: the" in told["Controls"]


@pytest.mark.parametrize(("trials", "repeats"), [(18, 2), (7, 3), (2, 2)])
def test_repeats_come_as_late_as_is_said(trials, repeats):
    texts = dict.fromkeys(("title", "instructions", "consent", "contact"), "…")
    study = {
        "design": "crossed", "people": 4, "trials_per_person": trials, "training_trials": 0,
        "catch_trials": 0, "repeats": repeats,
    }  # fmt: skip
    plan = make_plan(parse_config({**texts, **study, "models": ["a", "b", "c"]}), range(trials))
    said = repeats_in_words(study)
    early = int(re.search(r"of the first (\d+) trials", said)[1])
    late = int(re.search(r"after the first (\d+) of", said)[1])
    for slot in range(4):
        shown = plan.trials(slot)
        main = [trial.picture for trial in shown if trial.kind == "main"]
        for number, trial in enumerate(shown):
            if trial.kind == "repeat":
                assert main.index(trial.picture) < early
                assert sum(t.kind == "main" for t in shown[:number]) >= late


def unfinished(report, state, *, stopped, answered):
    people = [{**report.results["participants"][0], "completed": n >= answered} for n in range(3)]
    sessions = {"completed": 3 - answered, "active": stopped, "expired": 0, "withdrawn": 0}
    conduct = {**report.results["conduct"], "state": state, "sessions": sessions}
    told = study_protocol({**report.results, "participants": people, "conduct": conduct})
    return dict(told)["Left out"]


def test_who_did_not_finish_is_told_once_and_truly(report):
    closed = unfinished(report, "closed", stopped=1, answered=0)
    assert closed.endswith(
        "1 session was not finished when the study was closed, and had no answer that could count. "
        "It does not count."
    )
    assert "given to" not in closed
    running = unfinished(report, "open", stopped=2, answered=1)
    assert "2 sessions were not finished; 1 of them had answers that could count." in running
    assert "its pictures are given to whoever comes next" in running
    assert unfinished(report, "closed", stopped=0, answered=0).endswith(
        "Every session was finished."
    )


def test_blocks_of_pieces_are_photographs(report):
    results = json.loads(json.dumps(report.results))
    results["findings"]["friedman"][1]["blocks"] = 7
    assert [row.unit for row in friedman_rows(results)] == ["5 participants", "7 photographs"]


def test_counts_of_ties_have_one_digit_everywhere(tmp_path):
    rows = rank_rows(build(tmp_path, ties=0.6).results["findings"])
    assert all(re.fullmatch(r"\d+\.\d", count) for row in rows for count in row.counts)


def test_whoever_did_not_finish_is_not_still_at_it_when_the_study_is_closed(report):
    def told(state, **sessions):
        sessions = {"completed": 0, "active": 0, "expired": 0, "withdrawn": 0} | sessions
        conduct = {**report.results["conduct"], "state": state, "sessions": sessions}
        return dict(study_protocol({**report.results, "conduct": conduct}))["People"]

    assert "4 completed, 3 had not finished when the study was closed, 0 withdrew" in told(
        "closed", completed=4, active=2, expired=1
    )
    assert "4 completed, 2 still at it, 1 stopped" in told("open", completed=4, active=2, expired=1)
    assert "Nobody has consented yet." in told("open")


MEASURED = {
    "nested": (["nested", 20, 50, 1000], None),
    "nested, shared photographs": (["nested", 20, 50, 1000], 100),
    "crossed": (["crossed", 20, 50, 50], None),
    "crossed, shared photographs": (["crossed", 20, 50, 50], 10),
    "balanced-incomplete, shared photographs": (["balanced-incomplete", 20, 50, 200], 50),
    "balanced-incomplete": (["balanced-incomplete", 20, 50, 200], None),
}


def measured(kind, gap=0.0, effects="people and pictures"):
    """What docs/results/study_calibration.json holds of a kind of study."""
    path = Path(__file__).parents[2] / "docs" / "results" / "study_calibration.json"
    if not path.exists():
        pytest.skip("docs/results/study_calibration.json is not there")
    shape, photographs = MEASURED[kind]
    wanted = {"what": "calibration", "shape": shape, "effects": effects, "gap": gap}
    (found,) = (
        row["found"]
        for row in json.loads(path.read_text())["numbers"]["rows"]
        if wanted.items() <= row["case"].items() and row["case"].get("photographs") == photographs
    )
    return found


def test_every_kind_of_study_was_measured():
    kinds = [f"{design}{tail}" for design in DESIGNS for tail in ("", ", shared photographs")]
    assert set(kinds) == set(MEASURED) == set(SIMULATED)
    assert set(kinds) == set(CHANCE_OF_HEADLINE) == set(CHANCE_OF_FRIEDMAN)


@pytest.mark.parametrize("kind", MEASURED)
def test_the_printed_error_is_the_measured_one(kind):
    rejects = measured(kind)["friedman_rejects"]
    for block, rate in CHANCE_OF_FRIEDMAN[kind].items():
        assert rate == pytest.approx(rejects[block]["mean"], abs=5e-6), block


@pytest.mark.parametrize("kind", MEASURED)
def test_the_printed_error_of_the_headline_is_the_measured_one(kind):
    null, told = measured(kind), CHANCE_OF_HEADLINE[kind]
    found = {
        "rejects": null["headline"]["rejects"]["mean"],
        "any": null["any_pair_after_holm"]["mean"],
        "covers": measured(kind, gap=0.4)["headline"]["covers"]["mean"],
    }
    if "alike" in told:
        found["alike"] = measured(kind, effects="none")["headline"]["rejects"]["mean"]
    assert told == pytest.approx(found, abs=5e-6)


def test_the_protocol_says_how_the_intervals_were_found_and_how_often_they_err(report):
    told = dict(study_protocol(report.results))
    assert "draws people and, independently, pictures with" in told["Intervals"]
    assert "Measured in 4,000 simulated studies of 20 people × the same 50" in told["Their error"]
    assert "p was below 0.05 in 4.0 % for one pair" in told["Their error"]


def test_a_nested_study_of_shared_photographs_is_not_told_as_one_by_participant(tmp_path):
    nested = build(tmp_path / "own", design="nested").results
    assert "Student's t over participants" in dict(study_protocol(nested))["Intervals"]
    own = json.loads(json.dumps(nested))
    for entry in own["findings"]["differences"]:
        entry["method"] = "two-way bootstrap over 6 people and 7 photographs"
    told = dict(study_protocol(own))
    assert told["Intervals"].startswith("95 %. The headline: a bootstrap that draws people")
    assert "pieces of 100 photographs" in told["Their error"]


def test_what_each_participant_gave_and_where_models_stood_is_in_the_results(report):
    results = report.results
    means = [each["mean_ranks"] for each in results["participants"] if each["counts"]]
    for model, found in results["findings"]["ranks"]["models"].items():  # all gave as many ranks
        mean = np.mean([each[model] for each in means])
        assert mean == pytest.approx(found["mean_rank"]["value"])
    counts = results["findings"]["position_bias"]["counts"]
    assert [sum(row) for row in counts.values()] == [40, 40, 40]
    assert [sum(column) for column in zip(*counts.values(), strict=True)] == [40, 40, 40]
    (row,) = [r for r in reliability_rows(results) if r.title == "Bias of the place on the screen"]
    least, most = min(map(min, counts.values())), max(map(max, counts.values()))
    assert f"stood in each place in {100 * least / 40:.0f} to {100 * most / 40:.0f} %" in row.says


def test_a_ceiling_is_told_with_its_limits(report, text):
    assert "lies between the majority of the others" in ceiling_note(report.results)
    assert "The ceiling is no strict bound: the most that any metric could reach" in visible(text)
    nothing = {"value": None, "low": None, "high": None}
    agreement = {"ceiling": {"with_others": nothing}}
    assert ceiling_note({"metric_agreement": agreement}).startswith("both answers to a repeated")


def test_why_there_is_no_ceiling_is_said_only_where_there_is_none():
    def told(value, missing):
        between = {"value": value, "missing": missing}
        return no_ceiling({"metric_agreement": {"ceiling": {"between_people": between}}})

    assert told(None, "not measurable in this design: no picture was ranked by two") == (
        "How often two people agree is not measurable in this design: no picture was ranked by two."
    )
    assert told(None, "there is nothing to compare").endswith("cannot be told: there is nothing to "
                                                              "compare.")  # fmt: skip
    assert told(0.4, "all agree exactly: without any spread there is no interval") == ""
    assert no_ceiling({}) == ""


def test_metrics_stand_beside_the_ceiling(report):
    rows, ceilings = metric_rows(report.results)
    assert [row.name for row in rows] == ["mse", "mae", "psnr", "ssim", "ms-ssim"]
    assert all(len(row.cells) == 5 for row in rows)
    assert [row.name for row in ceilings] == [
        "another person", "the majority of the others", "the best there could be",
        "the same person again",
    ]  # fmt: skip


def test_a_metric_that_could_not_be_computed_says_why(report):
    results = json.loads(json.dumps(report.results))
    agreement = results["metric_agreement"]["metrics"]
    agreement[4] = {"name": "ms-ssim", "lower": False, "scale": "", "missing": "too small"}
    rows, _ = metric_rows(results)
    assert rows[4].note == "too small"
    assert {cell.value for cell in rows[4].cells} == {"—"}


def test_which_metrics_differ_is_told_the_right_way_round():
    def entry(a, b, value, half):
        limits = {"value": value, "low": value - half, "high": value + half}
        return {"a": a, "b": b, "difference": limits}

    differences = [entry("mse", "ssim", -0.05, 0.02), entry("mse", "mae", 0.01, 0.02)]
    told = metrics_that_differ({"metric_agreement": {"differences": differences}})
    assert told.startswith("Shown to agree more often, in points: ssim than mse (5.0 [3.0, 7.0]).")


def test_galleries_show_both_sides(report, text):
    shown = "".join(Reader(text).texts)
    assert "ms-ssim ranked first" in " ".join(shown.split())
    assert "ms-ssim ranked second or third" in " ".join(shown.split())
    assert "Both galleries are about ms-ssim, the model with the lowest mean rank" in shown
    for picture in report.first:
        assert picture.ranks["ms-ssim"] < min(picture.ranks["mse"], picture.ranks["mae"])


def test_hostile_names_are_shown_not_obeyed(report, tmp_path):
    text = json.dumps(report.results)
    for name in ("Which is closest to the original?", "0001-astronaut", "closed"):
        text = text.replace(json.dumps(name)[1:-1], json.dumps(EVIL)[1:-1])
    results = json.loads(text)
    results["study"]["consent"] = results["study"]["instructions"] = EVIL
    results["metric_agreement"]["metrics"][0]["name"] = EVIL
    first = [dataclasses.replace(each, name=EVIL, source=EVIL) for each in report.first]
    write_study_report(
        tmp_path / "r.html", dataclasses.replace(report, results=results, first=first)
    )
    reader = Reader((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert all("onerror" not in image for image in reader.all("img"))
    assert len(reader.all("script")) == 1
    assert "<img src=x onerror=alert(1)>" in "".join(reader.texts)


def test_the_file_can_be_sent(tmp_path):
    report = build(tmp_path, size=(180, 180), channels=3, people=3, trials=18)
    write_study_report(tmp_path / "r.html", report)
    assert (tmp_path / "r.html").stat().st_size < 5 << 20


def test_large_pictures_are_shown_by_their_middle(report, tmp_path):
    rng = np.random.default_rng(0)
    original = rng.integers(0, 256, (1, 300, 260), dtype=np.uint8)
    picture = RankedPicture(
        "big", "big", original, dict.fromkeys(("mse", "mae", "ms-ssim"), original),
        {"mse": 1.5, "mae": 2.5, "ms-ssim": 2.0}, 2,
    )  # fmt: skip
    write_study_report(tmp_path / "r.html", dataclasses.replace(report, first=[picture]))
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "only the central 192×192 pixels of larger ones are shown" in visible(text)
    assert {(i["width"], i["height"]) for i in Reader(text).all("img") if "big" in i["alt"]} == {
        ("192", "192")
    }


def test_pictures_that_do_not_belong_together_are_refused():
    original = np.zeros((1, 8, 8), np.uint8)
    with pytest.raises(ValueError, match="is needed, as the original"):
        RankedPicture("a", "a", original, {"mse": original[:, :4]}, {"mse": 1.0}, 1)
    with pytest.raises(ValueError, match="format 2; need 1"):
        StudyReport({"format": 2})


def test_an_empty_study_has_a_page(tmp_path):
    write_study_report(tmp_path / "r.html", build(tmp_path, people=0))
    reader = Reader((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "Nobody has ranked a picture yet" in "".join(reader.texts)
    assert [name for name in reader.ids if name in SECTIONS] == ["protocol", "texts"]
    assert reader.all("table") == []


def test_where_all_are_left_out_the_page_shows_what_they_say_without_the_rule(tmp_path):
    report = build(tmp_path, slackers=range(6))
    write_study_report(tmp_path / "r.html", report)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    reader, shown = Reader(text), visible(text)
    assert [name for name in reader.ids if name in SECTIONS] == SECTIONS
    assert text.index("WITHOUT THE RULE</strong>") < text.index("<h1")
    assert "leaves out all 6 people who finished. Without the rule, 6 people" in shown
    rows = sensitivity_rows(report.results)
    assert [(row.title, row.people) for row in rows] == [
        ("who counts by the rule: nobody", "0"), ("everyone who finished", "6"),
    ]  # fmt: skip
    assert [row.out for row in participant_rows(report.results)] == [True] * 6


def test_long_sessions_are_told(report):
    def told(**minutes):
        conduct = {**report.results["conduct"], "minutes": minutes}
        return dict(study_protocol({**report.results, "conduct": conduct}))["Length"]

    assert told(sessions=20, over_30=3, median=18.4, longest=44.4) == (
        "3 of 20 completed sessions took longer than the 30 minutes that ITU-R BT.500 allows: "
        "median 18.4 minutes, longest 44.4 minutes, from the consent to the last answer, pauses "
        "included."
    )
    assert "median 18 seconds, longest 31 seconds, from" in told(
        sessions=3, over_30=0, median=0.3, longest=0.51
    )
    assert told(sessions=1, over_30=0, median=9, longest=9).startswith(
        "None of 1 completed session"
    )
    assert "Length" not in dict(study_protocol(report.results))


def test_one_participant_has_a_page_without_intervals(tmp_path):
    write_study_report(tmp_path / "r.html", build(tmp_path, people=1, design="nested"))
    text = visible((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "One person gave" in text
    assert "Nothing was tested: these are the answers of 1 person" in text
    assert "interval below" not in text


def test_people_who_all_agree_are_not_taken_for_one(tmp_path):
    report = build(tmp_path, effects=(0, 99, 999), design="nested")
    write_study_report(tmp_path / "r.html", report)
    text = visible((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "6 people agree exactly" in text
    assert "Nothing was tested: all agree exactly." in text


def test_two_models_have_a_page(tmp_path):
    write_study_report(tmp_path / "r.html", build(tmp_path, models=("mse", "ms-ssim")))
    text = visible((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "ms-ssim ranked second" in text
    assert "ranked 3rd" not in text


# In a browser


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_never_scrolls_sideways(browser, page, six, width):
    for each in (page, six):
        with opened(browser, each, width) as tab:
            assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_it_opens_without_a_complaint_or_a_request(browser, page):
    with opened(browser, page, 1280) as tab:
        assert tab.complaints == []


@pytest.mark.parametrize(("width", "ratio"), [(1280, 1), (1280, 1.25), (390, 2)])
def test_a_pixel_of_a_picture_covers_whole_pixels_of_the_screen(browser, six, width, ratio):
    with opened(browser, six, width, ratio=ratio) as tab:
        sizes = tab.evaluate(
            "[...document.querySelectorAll('.as-picture')].map(e => {"
            " const box = e.getBoundingClientRect(); return [box.width, box.height] })"
        )
        smooth = tab.evaluate(
            "[...document.querySelectorAll('.as-picture')]"
            ".filter(e => getComputedStyle(e).imageRendering !== 'pixelated').length"
        )
    times = np.array(sizes) * ratio / [40, 24]
    assert (times > 0.99).all()
    np.testing.assert_allclose(times, np.round(times), atol=2e-3)
    np.testing.assert_allclose(times[:, 0], times[:, 1], atol=2e-3)
    assert smooth == 0


@pytest.mark.parametrize(
    ("models", "size", "columns"),
    [(3, 96, [4, 4]), (3, 160, [4, 4]), (5, 96, [6, 6]), (5, 192, [3, 3])],
)
def test_at_1200_a_row_of_pictures_fits_or_wraps(browser, tmp_path, models, size, columns):
    report = build(tmp_path, models=SIX[:models], size=(size, size))
    write_study_report(tmp_path / "r.html", report)
    with opened(browser, tmp_path / "r.html", 1200) as tab:
        found = tab.evaluate(
            "[...document.querySelectorAll('.gallery')].map(gallery => {"
            " const cells = gallery.querySelector('.cells');"
            " const tops = [...cells.querySelectorAll('.frame')].map(f => f.offsetTop"
            "   + f.parentElement.offsetTop);"
            " const right = Math.max(...[...cells.children].map("
            "   c => c.getBoundingClientRect().right));"
            " return [tops.filter(top => top === tops[0]).length,"
            "   right <= cells.getBoundingClientRect().right + .5] })"
        )
    assert found == [[count, True] for count in columns]


def test_a_magnified_picture_fills_its_frame_to_the_last_row(browser, six):
    inside = (
        "s => [...document.querySelectorAll(s)].map(e => {"
        " const own = e.querySelector('img').getBoundingClientRect();"
        " const frame = e.getBoundingClientRect();"
        " return [own.right - frame.right, own.bottom - frame.bottom, own.width / frame.width] })"
    )
    with opened(browser, six, 1280) as tab:
        frame = tab.locator(".strip .frame").first
        box = frame.bounding_box()
        frame.click(position={"x": box["width"] - 2, "y": box["height"] - 2})
        found = np.array(tab.evaluate(inside, ".strip.zoomed .frame"))
    assert len(found) == 7
    assert (found[:, :2] > -1).all()
    np.testing.assert_allclose(found[:, 2], 3, atol=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_enough_contrast(browser, six, scheme):
    with opened(browser, six, 1280, scheme=scheme) as tab:
        for selector in (
            ".simulated strong", ".lead .title", "h1 .limits", ".before", "td.says", "tr.out th"
        ):  # fmt: skip
            if tab.query_selector(selector):
                assert contrast(tab, selector) >= 4.5, selector


def test_axe_finds_nothing(browser, page, six):
    for each in (page, six):
        with opened(browser, each, 1280, bypass_csp=True) as tab:
            assert violations(tab) == []


def test_names_in_figures_stay_inside(browser, six):
    with opened(browser, six, 390) as tab:
        outside = tab.evaluate(
            "[...document.querySelectorAll('svg.panel text')].filter(e => {"
            " const own = e.getBoundingClientRect();"
            " const all = e.closest('svg').getBoundingClientRect();"
            " return own.left < all.left - 1 || own.right > all.right + 1;"
            "}).map(e => e.textContent)"
        )
    assert outside == []
