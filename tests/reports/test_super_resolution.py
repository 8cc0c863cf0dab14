"""The super-resolution report: its table and sentence, and the page in a browser."""

import dataclasses
import re

import numpy as np
import pytest
from scipy import ndimage

from snellen.experiments.super_resolution.results import SetTable, tables_in_json
from snellen.reports import ShownSet, SuperResolutionReport, write_super_resolution_report
from snellen.reports.super_resolution_protocol import super_resolution_protocol
from snellen.reports.super_resolution_tables import (
    anchor_rows,
    difference_rows,
    method_rows,
    super_resolution_takeaway,
)

from .conftest import photograph
from .test_html import EVIL, Reader

LOSSES = ("mse", "mae", "ms-ssim")
SETS = {"Set5": ("camera", "coins", "moon"), "BSD200": ("astronaut", "chelsea", "coffee", "rocket")}
SIGMA = {"bicubic": 2.4, "mse": 1.8, "mae": 2.0, "ms-ssim": 1.4}


def shown_set(name, names, losses):
    originals = [photograph(each, 1)[0, 8:168, 8:200].copy() for each in names]
    methods = ("bicubic", *losses)
    outputs = {
        method: [
            ndimage.gaussian_filter(picture.astype(float), SIGMA.get(method, 1.6)).astype(np.uint8)
            for picture in originals
        ]
        for method in methods
    }
    generator = np.random.default_rng(1)
    easy = generator.normal(size=len(names))
    measures = {
        method: {
            "psnr": 28 + easy - SIGMA.get(method, 1.6),
            "ssim": 0.8 + 0.05 * easy - 0.05 * SIGMA.get(method, 1.6),
        }
        for method in methods
    }  # fmt: skip
    return ShownSet(name, [f"{each}.png" for each in names], names, originals, outputs, measures)


def make_report(losses=LOSSES, seeds=2):
    sets = [shown_set(name, names, losses) for name, names in SETS.items()]
    tables = [
        SetTable(
            each.name,
            each.names,
            each.sources,
            each.measures["bicubic"],
            {
                loss: {
                    key: values + 0.01 * np.arange(seeds)[:, None]
                    for key, values in each.measures[loss].items()
                }
                for loss in losses
            },
            published=True,
        )
        for each in sets
    ]
    results = {
        "format": 1,
        "snellen": "0.1.0",
        "command": "snellen superres compare --preset demo",
        "date": "2026-11-23T14:02:11+00:00",
        "scale": 4,
        "protocol": {"name": "poster", "words": "8-bit Y", "source": "Snell et al."},
        "budget": {
            "output_pixels": 30_000_000, "batch_size": 16, "steps": 814, "patch": 64,
            "output_side": 48, "levels": {"ms-ssim": 3}, "parameters": 57_281,
        },
        "config": {
            "seeds": seeds, "network": "srcnn", "benchmarks": ["data"], "flip": True,
            "rotate": True, "rescales": [1.0], "ema": None, "schedule": "cosine",
            "network_options": {"start": "identity"}, "optimizer": "muon",
        },
        "data": {"train": ["T91"], "train_pictures": 90, "skipped": {"a copy": 1}},
        "training": {loss: {"learning_rate": 1e-3, "seconds": 71.0} for loss in losses},
        **tables_in_json(tables, 4),
    }  # fmt: skip
    rows = [
        {"loss": loss, "seed": 0, "step": step, "kind": "validation", "psnr": 26 + step / 400}
        for loss in losses
        for step in (100, 200, 300)
    ]
    return SuperResolutionReport(results, sets, rows)


@pytest.fixture(scope="module")
def report():
    return make_report()


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("superres") / "report.html"
    write_super_resolution_report(path, report)
    return path


@pytest.fixture(scope="module")
def text(page):
    return page.read_text(encoding="utf-8")


def test_the_table_is_the_posters(report):
    rows = method_rows(report.results)
    assert [row.method for row in rows] == ["bicubic", *LOSSES]
    found = report.results["losses"]["ms-ssim"]
    assert [cell.value for cell in rows[3].cells] == [
        f"{found['Set5']['psnr']['mean']:.2f}",
        f"{found['Set5']['ssim']['mean']:.4f}",
        f"{found['BSD200']['psnr']['mean']:.2f}",
        f"{found['BSD200']['ssim']['mean']:.4f}",
    ]
    assert rows[3].spreads[1] == f"± {0.01 * 0.5**0.5:.4f}"
    # It is the best everywhere by construction, and picture by picture by the same amount.
    assert [cell.mark for cell in rows[3].cells] == ["best"] * 4
    assert [cell.mark for cell in rows[0].cells] == [""] * 4


def test_differences_are_those_of_results(report):
    rows = difference_rows(report.results)
    assert [row.loss for row in rows] == ["mae", "ms-ssim"]
    assert [change.verdict for change in rows[0].changes] == ["worse"] * 4
    assert rows[1].changes[1].value == "+0.0200"


def test_anchors_have_a_row_for_each_method_and_protocol(report):
    rows = {(row.by, row.method): row for row in anchor_rows(report.results)}
    assert rows["the poster", "MS-SSIM"].cells == ["30.35", "0.8681", "26.84", "0.7484"]
    assert rows["Dong et al.", "SRCNN 9-1-5, 91 images"].cells == ["30.08", "0.8530", "", ""]
    assert rows["Dong et al.", "SRCNN 9-1-5, 91 images"].protocol == "standard"


def test_the_sentence_is_about_the_largest_set(report):
    found = super_resolution_takeaway(report.results)
    assert str(found).startswith("On BSD200, ×4: of the 3 losses compared, ms-ssim")
    assert "gains" in str(found)
    assert "4 pictures and 2 seeds" in found.evidence
    assert [line for line in found.others if line.startswith("On Set5, ms-ssim against mse")]
    assert [line for line in found.others if "30,000,000 output pixels" in line]
    assert [line for line in found.cautions if "4 source pictures" in line]


def test_one_loss_is_not_compared(tmp_path):
    alone = make_report(("mse",), seeds=1)
    assert difference_rows(alone.results) == []
    assert "only one loss was trained" in str(super_resolution_takeaway(alone.results))
    write_super_resolution_report(tmp_path / "r.html", alone)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'id="changes"' not in text
    assert "differs most between bicubic, mse" in text


def test_outputs_of_another_shape_are_refused(report):
    (first, second) = report.sets
    wrong = dataclasses.replace(
        first, outputs={**first.outputs, "mse": [p[1:] for p in first.originals]}
    )
    with pytest.raises(ValueError, match="as the original"):
        SuperResolutionReport(report.results, [wrong, second])


def test_nothing_is_loaded_from_elsewhere(text):
    reader = Reader(text)
    for tag, attributes in reader.tags:
        for key in ("src", "href", "data", "action", "poster"):
            value = attributes.get(key) or ""
            assert value.startswith(("data:image/png;base64,", "#")) or not value, (tag, key)
        assert tag not in {"link", "iframe", "object", "embed", "base"}
    assert re.findall(r"@import|url\((?!#)", text) == []


def test_links_lead_somewhere_ids_are_unique_and_pictures_have_texts(text):
    reader = Reader(text)
    assert len(reader.ids) == len(set(reader.ids))
    assert all(link["href"][1:] in reader.ids for link in reader.all("a"))
    for image in reader.all("img"):
        assert len(image["alt"]) > 8 or image["class"] in ("under", "over")


def test_rules_budget_and_command_are_printed(text, report):
    said = "".join(Reader(text).texts)
    assert "The rule: of each picture, the 48×48 pixels (on a grid of 8)" in said
    assert "Drawn by a seeded generator" in said
    assert report.results["command"] in said
    assert "30,000,000 output pixels for each loss and seed: 814 steps of 16 patches" in said
    assert "T91: 90 pictures. Skipped: 1 a copy." in said


def test_the_network_and_its_optimizer_are_those_of_the_run(text):
    assert "srcnn (start identity), 57,281 weights." in text
    assert "Muon for weights that are matrices and AdamW for the rest, learning rate" in text


@pytest.mark.parametrize(
    ("rescales", "said"),
    [
        ([1.0], ""),
        ([1.0, 0.8, 0.5], "Each picture is also shown shrunk by 0.8, 0.5."),
        ([0.5], "Each picture is shown shrunk by 0.5."),
    ],
)
def test_versions_are_said(report, rescales, said):
    config = {**report.results["config"], "rescales": rescales}
    found = dict(super_resolution_protocol({**report.results, "config": config}))["Patches"]
    assert found.endswith(said or "turned by quarters.")


def test_hostile_names_are_shown_not_obeyed(report, tmp_path):
    sets = [dataclasses.replace(each, names=[EVIL] * len(each.names)) for each in report.sets]
    write_super_resolution_report(tmp_path / "r.html", dataclasses.replace(report, sets=sets))
    reader = Reader((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert all("onerror" not in image for image in reader.all("img"))
    assert "<img src=x onerror=alert(1)>" in "".join(reader.texts)


@pytest.fixture
def tab(browser, page):
    """The page in a window of 1280 pixels; what the console says fails the test."""
    found = browser.new_page(viewport={"width": 1280, "height": 900})
    said = []
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    found.goto(page.as_uri())
    yield found
    found.close()
    assert said == []


def test_the_keyboard_moves_a_slider(tab):
    slider = tab.locator(".crop .slider").first
    slider.locator("input").focus()
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    assert slider.evaluate("e => e.style.getPropertyValue('--at')") == "55%"
    said = slider.locator("input").get_attribute("aria-valuetext")
    assert said == "55 % mse, then ms-ssim"
    # The keys are the slider's, and do not magnify the row that it stands in.
    assert tab.locator(".strip.zoomed").count() == 0


def test_any_two_methods_can_be_compared(tab):
    tab.select_option("select[data-side-of=left]", "original")
    tab.select_option("select[data-side-of=right]", "bicubic")
    for kind in (".crop", ".whole"):
        article = tab.locator(kind).first
        for side, method in (("under", "original"), ("over", "bicubic")):
            shown = article.locator(f".slider .{side}").get_attribute("src")
            own = article.locator(f"figure[data-method='{method}'] img").get_attribute("src")
            assert shown == own
    tab.click("[data-swap]")
    assert tab.input_value("select[data-side-of=left]") == "bicubic"


@pytest.mark.parametrize("ratio", [1, 2])
def test_picture_pixels_cover_whole_device_pixels(browser, page, ratio):
    found = browser.new_page(viewport={"width": 1100, "height": 800}, device_scale_factor=ratio)
    found.goto(page.as_uri())
    for selector in (".crop .slider img", ".crop .frame img", ".whole .slider img"):
        width, natural = found.locator(selector).first.evaluate(
            "e => [e.getBoundingClientRect().width, e.naturalWidth]"
        )
        times = width * ratio / natural
        assert times == pytest.approx(round(times), abs=1e-3)
        assert times >= 1
    rendering = "e => getComputedStyle(e).imageRendering"
    assert found.locator(".whole .slider img").first.evaluate(rendering) == "pixelated"
    found.close()


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_the_window(browser, page, width, scheme):
    found = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    found.goto(page.as_uri())
    assert found.evaluate("document.documentElement.scrollWidth") <= width
    found.close()


def test_without_scripts_all_versions_stand_side_by_side(browser, page):
    context = browser.new_context(java_script_enabled=False)
    found = context.new_page()
    found.goto(page.as_uri())
    assert not found.locator(".sides").is_visible()
    assert not found.locator(".slider").first.is_visible()
    assert found.locator(".whole figure[data-method='ms-ssim'] img").first.is_visible()
    context.close()
