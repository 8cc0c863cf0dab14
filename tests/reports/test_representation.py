"""The representation report: its tables, and the page as a file and in a browser."""

import copy
import dataclasses
import re

import numpy as np
import pytest
from scipy import stats

from snellen.reports import CodeMap, RepresentationReport, write_representation_report
from snellen.reports.representation_maps import map_groups, map_labels
from snellen.reports.representation_panels import layer_panels, size_panels
from snellen.reports.representation_protocol import representation_protocol
from snellen.reports.representation_scores import Scores, holm
from snellen.reports.representation_tables import kernel_table, split_table

from .fake_representation import LOSSES, make_report, make_results
from .test_html import EVIL, Reader, contrast, opened

SECTIONS = [
    "numbers", "pictures", "maps", "sizes", "layers", "edges", "neighbours", "training", "protocol",
]  # fmt: skip


@pytest.fixture(scope="module")
def report():
    return make_report()


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("representation") / "report.html"
    write_representation_report(path, report)
    return path


@pytest.fixture(scope="module")
def text(page):
    return page.read_text(encoding="utf-8")


def written(report, tmp_path):
    write_representation_report(tmp_path / "r.html", report)
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def table_of(results, split):
    found = split_table(Scores(results), split)
    return found, {row.name: row for group in found.groups for row in group.rows}


# Tables


def test_rows_are_losses_baselines_the_ceiling_the_poster_and_chance(report):
    table, rows = table_of(report.results, "random")
    assert [target.column for target in table.targets] == ["identity", "azimuth", "elevation"]
    assert list(rows) == [
        *LOSSES, "pixels", "PCA", "untrained", "supervised", "MSE", "MS-SSIM", "chance",
    ]  # fmt: skip
    assert [cell.value for cell in rows["MS-SSIM"].cells] == ["3.2", "211", "50.6"]
    assert [cell.value for cell in rows["chance"].cells] == ["97.2", "4210", "800.0"]
    assert [row.index for row in rows.values()][:4] == [0, 1, 2, None]


def test_classes_are_percent_numbers_squared_with_their_root(report):
    scores = Scores(report.results)
    _, rows = table_of(report.results, "random")
    identity, azimuth = (scores.of("random", "mse", name) for name in ("identity", "azimuth"))
    cells = rows["mse"].cells
    assert cells[0].value == f"{100 * identity['mean']:.1f}"
    assert cells[0].limits == f"[{100 * identity['low']:.1f}, {100 * identity['high']:.1f}]"
    assert cells[0].root == ""
    assert cells[1].value == f"{azimuth['mean']:.0f}"
    assert cells[1].root == f"{azimuth['mean'] ** 0.5:.1f}°"


def test_the_best_loss_is_marked_as_far_as_it_is_shown(report):
    _, rows = table_of(report.results, "random")
    assert [cell.mark for cell in rows["ms-ssim"].cells] == ["best", "best", "tied"]
    assert all(cell.mark == "" for cell in rows["supervised"].cells)


def test_each_split_has_its_own_columns_and_the_poster_stands_by_the_random_one(report):
    for split, columns in (("people", ["azimuth", "elevation"]), ("lights", ["identity"])):
        table, rows = table_of(report.results, split)
        assert [target.column for target in table.targets] == columns
        assert "MS-SSIM" not in rows


def test_differences_are_judged_after_holm(report):
    scores = Scores(report.results)
    table, _ = table_of(report.results, "random")
    found = {row.loss: row.changes for row in table.differences}
    assert list(found) == ["mae", "ms-ssim"]
    assert [c.change.verdict for c in found["ms-ssim"]] == ["better", "better", "open"]
    for c in scores.compared:
        assert (c.verdict in ("better", "worse")) == (c.adjusted < 0.05)
    mean = next(c.mean for c in scores.compared if c.later == "ms-ssim" and c.column == "azimuth")
    assert found["ms-ssim"][1].change.value == f"−{abs(mean):.0f}"


def test_holm_is_that_of_the_textbook():
    p = [0.01, 0.005, 0.03, 0.04]
    assert holm(p) == pytest.approx([0.03, 0.02, 0.06, 0.06])
    generator = np.random.default_rng(0)
    many = generator.uniform(size=50) ** 3
    raw, adjusted = np.array(many), np.array(holm(many.tolist()))
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(1, 50 * raw) + 1e-12).all()
    assert stats.kendalltau(raw, adjusted, variant="b").statistic > 0
    assert holm([]) == []


def test_kernels_are_counted(report):
    table = kernel_table(Scores(report.results), "random")
    name, index, cells = table.rows[0]
    assert (name, index) == ("mse", 0)
    assert cells[0].chosen == "RBF 4, linear 1 of 5"
    assert re.fullmatch(r"RBF \d\.\d, linear \d\.\d", cells[0].scores)


def test_one_training_has_values_without_intervals():
    table, rows = table_of(make_results(seeds=1), "random")
    assert all(cell.limits == "" for cell in rows["mse"].cells)
    change = table.differences[1].changes[0]
    assert change.change.verdict == "unknown"
    assert change.change.value.startswith("−2.")
    assert change.p == ""


def test_infinite_and_missing_scores_are_dashes(report):
    results = copy.deepcopy(report.results)
    for score in results["scores"]:
        if score["method"] == "mae" and score["column"] == "identity":
            score |= {"mean": None, "low": None, "high": None, "values": []}
    _, rows = table_of(results, "random")
    assert rows["mae"].cells[0].value == "—"
    assert rows["ms-ssim"].cells[0].value != "—"


# Figures


def test_code_sizes_are_drawn_without_intervals_too():
    found = size_panels(Scores(make_results(seeds=1)))
    assert len(found.panels) == 6
    assert [name for _, name in found.methods][:3] == list(LOSSES)
    assert size_panels(Scores(make_results(sizes=(64,)))).panels == []


def test_what_has_no_colour_of_its_own_is_not_drawn_and_named():
    losses = ("mse", "mae", "ssim", "ms-ssim", "a", "b")
    results = make_results(losses, sizes=(64, 32))
    sizes, layers = size_panels(Scores(results)), layer_panels(Scores(results))
    assert sizes.methods == list(enumerate((*losses, "pixels", "pca")))
    assert sizes.not_drawn == ["untrained", "supervised"]
    assert layers.not_drawn == ["untrained"]


def test_layers_have_a_panel_for_each_column(report):
    found = layer_panels(Scores(report.results))
    assert [title for title, _ in found.panels] == ["identity", "azimuth", "elevation"]
    assert "encoder" in found.panels[0][1]


def test_a_layer_may_be_called_anything():
    results = make_results()
    results["layers"] = [{**each, "layer": "$x_{"} for each in results["layers"]]
    assert "$x_{" in layer_panels(Scores(results)).panels[0][1]


def test_many_classes_are_ten_in_colour_and_the_rest_grey():
    codes = np.repeat(np.arange(38), 3)
    (label,) = map_labels({"who": ("class", codes, [f"p{k}" for k in range(38)])}, {})
    assert [swatch.text for swatch in label.swatches] == [f"p{k}" for k in range(10)]
    assert label.note == "The first 10 of 38 classes in colour, the other 28 grey."
    assert (label.bins == -1).sum() == 28 * 3


def test_twelve_classes_are_all_in_colour():
    (label,) = map_labels({"who": ("class", np.arange(12), [str(k) for k in range(12)])}, {})
    assert len(label.swatches) == 12
    assert label.note == ""
    assert [swatch.square for swatch in label.swatches] == [False] * 6 + [True] * 6


def test_a_circle_ends_in_the_colour_of_its_beginning():
    values = np.array([0.0, 23.99, 24.0, 12.0, np.nan])
    (label,) = map_labels({"hour": ("circular", values, ())}, {"hour": {"period": 24, "unit": "h"}})
    assert label.bins.tolist() == [0, 11, 0, 6, -1]
    assert (label.low, label.high) == ("0 h", "24 h")
    assert label.ramp.startswith("var(--turn-0)")
    assert label.ramp.endswith("var(--turn-0)")


def test_numbers_are_on_a_scale_from_lowest_to_highest():
    (label,) = map_labels({"x": ("number", np.array([-2.0, 0.0, 2.0]), ())}, {"x": {"unit": "°"}})
    assert label.bins.tolist() == [0, 4, 7]
    assert (label.low, label.high) == ("−2°", "2°")


def test_a_panel_holds_each_point_once_for_each_label_and_stays_small():
    points = np.random.default_rng(0).normal(size=(3000, 2))
    labels = map_labels({"x": ("number", points[:, 0], ()), "y": ("number", points[:, 1], ())}, {})
    ((group,)) = map_groups([CodeMap("mse", "pca", points)], labels, ["mse"])
    ((_, index, panel),) = group.panels
    assert index == 0
    assert panel.count("h0") == 2 * 700
    assert len(panel) < 25_000


def test_points_that_are_not_finite_or_all_the_same_do_not_stop_it():
    points = np.array([[1.0, 1.0], [np.nan, 0.0], [1.0, 1.0]])
    ((group,)) = map_groups([CodeMap("mse", "t-sne", points)], [], ["mse"])
    assert group.panels[0][2].count("h0") == 2


# The page


def test_sections_come_in_their_order(text):
    assert [name for name in Reader(text).ids if name in SECTIONS] == SECTIONS
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL).group(1)
    assert "ms-ssim" in heading
    assert text.index("<h1") < text.index("<table")


def test_nothing_is_loaded_from_elsewhere(text):
    reader = Reader(text)
    for tag, attributes in reader.tags:
        for key in ("src", "href", "data", "action", "poster"):
            value = attributes.get(key) or ""
            assert value.startswith(("data:image/png;base64,", "#")) or not value, (tag, key)
        assert tag not in {"link", "iframe", "object", "embed", "base"}
    assert re.findall(r"@import|url\((?!#)", text) == []
    (policy,) = [m["content"] for m in reader.all("meta") if "http-equiv" in m]
    assert "default-src 'none'" in policy


def test_links_lead_somewhere_ids_are_unique_and_pictures_have_texts(text):
    reader = Reader(text)
    assert len(reader.ids) == len(set(reader.ids))
    assert all(link["href"][1:] in reader.ids for link in reader.all("a"))
    assert all(len(image["alt"]) > 8 for image in reader.all("img"))


def test_the_file_is_small_and_the_same_each_time(report, page, tmp_path):
    assert page.stat().st_size < 1_500_000
    write_representation_report(tmp_path / "again.html", report)
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_what_marks_say_is_said_in_words_too(text):
    said = "".join(Reader(text).texts)
    assert "✓yaleB03 agrees; ✗azimuth 35° differs; ✓elevation −20° agrees; " in said
    assert "better than mse" in said
    assert "p below 0.05 after Holm's correction for all 12 comparisons" in said
    assert "all 18 comparisons of two losses" in said
    assert "its split, its kernel and its C are not known" in said


def test_the_protocol_is_that_of_the_run(report):
    found = dict(representation_protocol(Scores(report.results)))
    assert found["Left out"] == "18 marked .bad, 38 without a light (Ambient)."
    assert "hour: circular, period 24 h." in found["Labels"]
    assert "azimuth: a number from −130 to 130°." in found["Labels"]
    assert (
        "Unseen lights: cut by azimuth and elevation, whole groups together, into 4 parts, 2 of "
        "them held out in turn; trained on 1,786, judged on 628; asked for identity."
    ) in found["Splits"]
    assert "γ of it: 0.25, 1, 4 times 1/(numbers in the code)" in found["Read by"]
    assert "cross-validation of 3 folds" in found["Read by"]
    assert "(1/J + n_test/n_train)·s²" in found["Intervals"]
    assert "0.334 for random pictures" in found["Intervals"]
    assert "sine and cosine" in found["Circular columns"]


def test_hostile_names_are_shown_not_obeyed(report, tmp_path):
    results = copy.deepcopy(report.results)
    results["data"]["columns"][0]["name"] = EVIL
    results["data"]["left_out"] = {EVIL: 3}
    for entry in (*results["scores"], *results["comparisons"], *results["layers"]):
        entry["column"] = EVIL if entry["column"] == "identity" else entry["column"]
    for split in results["splits"]:
        split["title"] = EVIL
        split["targets"] = [EVIL if t == "identity" else t for t in split["targets"]]
        split["held_out_by"] = [EVIL]
    kind, codes, classes = report.map_labels["side"]
    hostile = dataclasses.replace(
        report,
        results=results,
        names=[EVIL] * len(report.names),
        maps=[dataclasses.replace(each, kind=EVIL) for each in report.maps],
        map_labels={EVIL: (kind, codes, [EVIL] * len(classes))},
        neighbours=[
            dataclasses.replace(
                each,
                query_labels=[EVIL] * 3,
                found={
                    loss: [(picture, EVIL, marks) for picture, _, marks in row]
                    for loss, row in each.found.items()
                },
            )
            for each in report.neighbours
        ],
    )
    reader = Reader(written(hostile, tmp_path))
    assert not any("onerror" in attributes for _, attributes in reader.tags)
    assert len(reader.all("script")) == 1
    said = "".join(reader.texts)
    assert "<img src=x onerror=alert(1)>" in said
    assert "{{7*7}}" in said
    assert "\\u202e" in said
    assert "\u202e" not in said


def test_the_least_that_results_can_be_is_enough(tmp_path):
    results = {"format": 1, "methods": [{"name": "mse", "kind": "loss"}]}
    bare = RepresentationReport(results, np.zeros((0, 1, 8, 8), np.uint8), {}, [])
    ids = Reader(written(bare, tmp_path)).ids
    assert [name for name in ids if name in SECTIONS] == ["protocol"]


def without(results, *keys):
    return {key: value for key, value in results.items() if key not in keys}


def test_what_is_absent_leaves_no_section_behind(report, tmp_path):
    results = without(
        make_results(sizes=(64,), seeds=1, folds=1, others={}),
        "layers", "edges", "poster", "config", "hardware", "seconds", "command", "date",
    )  # fmt: skip
    for score in results["scores"]:
        for key in ("by_kernel", "chosen", "chance", "values", "root"):
            del score[key]
    none = np.zeros((0, 1, 8, 8), np.uint8)
    text = written(RepresentationReport(results, none, {}, []), tmp_path)
    reader = Reader(text)
    assert [name for name in reader.ids if name in SECTIONS] == ["numbers", "protocol"]
    said = "".join(reader.texts)
    assert "One training per loss: these are observations; nothing was tested." in said
    assert "chance" not in said
    assert "None" not in said


@pytest.mark.parametrize("kept", ["class", "number"])
def test_columns_may_be_of_one_kind_only(report, tmp_path, kept):
    results = make_results(sizes=(64,))
    columns = [c["name"] for c in results["data"]["columns"] if c["kind"] == kept]
    results["splits"] = [
        {**split, "targets": [t for t in split["targets"] if t in columns]}
        for split in results["splits"]
    ]
    text = written(dataclasses.replace(report, results=results), tmp_path)
    assert ("errors, %" in text) == (kept == "class")
    assert ("squared error, °²" in text) == (kept == "number")


def test_one_loss_has_no_differences(tmp_path):
    alone = make_report(("mse",), points=50)
    text = written(alone, tmp_path)
    assert "Only one loss was trained" in text
    assert "Paired difference from" not in text


def test_nine_losses_are_reported(tmp_path):
    losses = ("mse", "mae", "ssim", "ms-ssim", *(f"package.losses:Factory{k}" for k in range(5)))
    text = written(make_report(losses, points=60), tmp_path)
    assert "of the 9 losses compared" in text
    # All 8 others on 6 split-and-column pairs.
    assert "all 48 comparisons" in text
    assert text.count('class="map"') == 2 * 10


def test_nothing_but_unknown_values_is_written(report, tmp_path):
    results = make_results()
    for entry in (*results["scores"], *results["comparisons"], *results["edges"]):
        for key in ("mean", "low", "high", "p", "root", "share", "orientation"):
            if key in entry:
                entry[key] = None
    for entry in results["layers"]:
        entry["score"] = None
    text = written(dataclasses.replace(report, results=results), tmp_path)
    assert ">None<" not in text
    assert ">nan<" not in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"results": {"format": 2}}, "format 2; need 1"),
        ({"results": {"format": 1, "methods": [{"name": "pca", "kind": "baseline"}]}}, "no losses"),
        ({"names": ["one"]}, "6 pictures came with 1 names"),
        ({"reconstructions": {"mse": np.zeros((2, 1, 8, 8), np.uint8)}}, "as the originals"),
        ({"maps": [CodeMap("mse", "pca", np.zeros((4, 3)))]}, r"need \(n, 2\)"),
        ({"maps": [CodeMap("mse", "pca", np.zeros((4, 2)))]}, "of different pictures"),
    ],
)
def test_parts_that_do_not_fit_are_refused(report, change, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(report, **change)


# In a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_never_scrolls_sideways_or_complains(browser, page, width, scheme):
    with opened(browser, page, width, scheme=scheme) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.complaints == []


@pytest.mark.parametrize("script", [True, False])
def test_the_switch_colours_the_maps_without_a_script(browser, page, script):
    with opened(browser, page, 900, java_script_enabled=script) as tab:
        shown = "[...document.querySelectorAll('.map g')].filter(e => e.getClientRects().length)"
        classes = f"[...new Set({shown}.map(e => e.className.baseVal))]"
        for place in range(5):
            tab.check(f"#map-by-{place}")
            assert tab.evaluate(classes) == [f"by-{place}"]
            assert tab.locator(f"#maps div.by-{place}").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_colours_have_enough_contrast(browser, page, scheme):
    with opened(browser, page, 1280, scheme=scheme) as tab:
        for selector in (
            "h1",
            "td.better",
            "td.open",
            ".unit",
            ".agrees",
            ".differs",
            ".answers li",
        ):
            assert contrast(tab, selector) >= 4.5, selector
        names = [f"--class-{k}" for k in range(12)]
        values = tab.evaluate(
            "names => names.map(n => getComputedStyle(document.documentElement)"
            ".getPropertyValue(n).trim())",
            names,
        )
        assert len(set(values)) == 12
        assert all(value.startswith("#") for value in values)
