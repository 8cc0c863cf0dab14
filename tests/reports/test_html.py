"""The report as a file: whole, offline, safe against names, and right in a browser."""

import dataclasses
import errno
import html.parser
import os
import re
from contextlib import contextmanager

import numpy as np
import pytest

from snellen.errors import UserError
from snellen.reports import ReportInput, write_reconstruction_report

EVIL = "<img src=x onerror=alert(1)>\"'{{7*7}}</script>\u202e.png"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def page(report, add_sweep, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_reconstruction_report(path, add_sweep(report))
    return path


@pytest.fixture(scope="module")
def text(page):
    return page.read_text(encoding="utf-8")


class Reader(html.parser.HTMLParser):
    """Collects what the tests ask about: tags with attributes, and visible text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.texts, self.ids = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        if "id" in found:
            self.ids.append(found["id"])

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [found for name, found in self.tags if name == tag]


def test_the_takeaway_comes_before_all_else(text):
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL).group(1)
    assert "ms-ssim" in heading
    assert "SSIM +" in heading
    assert text.index("<h1") < text.index("<table")


def test_nothing_is_loaded_from_elsewhere(text):
    reader = Reader(text)
    for tag, attributes in reader.tags:
        for key in ("src", "href", "data", "action", "poster"):
            value = attributes.get(key) or ""
            assert value.startswith(("data:image/png;base64,", "#")) or not value, (tag, key)
        assert tag not in {"link", "iframe", "object", "embed", "base"}
    outside = re.findall(r"@import|url\((?!#)", text)
    assert outside == []


def test_the_policy_allows_no_request_and_only_our_script(text):
    (policy,) = [m["content"] for m in Reader(text).all("meta") if "http-equiv" in m]
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy


def test_every_section_is_there(text):
    ids = Reader(text).ids
    expected = ["numbers", "pictures", "distribution", "extremes", "sweep", "training", "protocol"]
    assert [name for name in ids if name in expected] == expected


def test_links_lead_somewhere_and_ids_are_unique(text):
    reader = Reader(text)
    assert len(reader.ids) == len(set(reader.ids))
    for link in reader.all("a"):
        assert link["href"][1:] in reader.ids


def test_every_picture_has_a_text_of_its_own(text):
    for image in Reader(text).all("img"):
        assert len(image["alt"]) > 8


def test_rules_and_command_are_printed(text, report):
    assert "drawn by a seeded generator" in text
    assert "The rule: a picture" in text
    assert report.results["command"] in "".join(Reader(text).texts)


def test_the_file_can_be_sent(page):
    assert page.stat().st_size < 5 * MEGABYTE


def test_colour_pictures_of_256_can_be_sent_too(build, tmp_path):
    names = ("astronaut", "coffee", "chelsea", "rocket")
    report = build(count=4, size=256, channels=3, seeds=1, names=names)
    write_reconstruction_report(tmp_path / "r.html", report)
    assert (tmp_path / "r.html").stat().st_size < 5 * MEGABYTE


def test_hostile_names_are_shown_not_obeyed(report, tmp_path):
    count = len(report.names)
    hostile = dataclasses.replace(report, names=[EVIL] * count, sources=[EVIL] * count)
    write_reconstruction_report(tmp_path / "r.html", hostile)
    reader = Reader((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert all("onerror" not in image for image in reader.all("img"))
    shown = "".join(reader.texts)
    assert "<img src=x onerror=alert(1)>" in shown
    assert "{{7*7}}" in shown
    assert "\\u202e" in shown


def test_names_that_are_no_text_do_not_stop_the_report(report, tmp_path):
    named = dataclasses.replace(report, names=["caf\udce9\x00"] * len(report.names))
    write_reconstruction_report(tmp_path / "r.html", named)
    assert "caf\\udce9\\x00" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_one_loss_is_reported_without_comparisons(build, tmp_path):
    write_reconstruction_report(tmp_path / "r.html", build(("mse",), count=6, seeds=1))
    reader = Reader((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "Only one loss was trained" in "".join(reader.texts)
    assert "extremes" not in reader.ids
    assert len(reader.all("table")) == 2  # scores and octaves


def test_many_losses_with_long_names_are_reported(build, tmp_path):
    losses = ("mse", "mae", "ssim", "ms-ssim", "mse>ms-ssim@0.5", "a_package.losses:Factory$x_{y")
    write_reconstruction_report(tmp_path / "r.html", build(losses, count=8, size=48, seeds=1))
    text = "".join(Reader((tmp_path / "r.html").read_text(encoding="utf-8")).texts)
    assert all(loss in text for loss in losses)


def test_the_least_that_results_can_be_is_enough(tmp_path):
    entry = {"ssim": {"mean": 0.5, "low": 0.4, "high": 0.6}}
    bare = ReportInput(
        results={"format": 1, "snellen": "0.1.0", "losses": {"mse": entry}},
        pixels=np.zeros((0, 1, 8, 8), np.uint8),
        reconstructions={},
        names=[],
        sources=[],
        per_picture={},
    )
    write_reconstruction_report(tmp_path / "r.html", bare)
    assert "Only one loss" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_file(report, add_sweep, page, tmp_path):
    write_reconstruction_report(tmp_path / "again.html", add_sweep(report))
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_a_full_disk_leaves_the_old_report(report, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="disk is full"):
        write_reconstruction_report(path, report)
    assert path.read_text() == "the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"results": {"format": 2, "losses": {"mse": {}}}}, "format 2; need 1"),
        ({"results": {"format": 1, "losses": {}}}, "nothing to report"),
        ({"names": ["one"]}, "36 pictures came with 1 names"),
        ({"reconstructions": {"mse": np.zeros((2, 1, 96, 96), np.uint8)}}, "is needed, as the"),
        ({"ssim_maps": {"mse": np.zeros((2, 96, 96), "f4")}}, "2 SSIM maps of mse"),
    ],
)
def test_parts_that_do_not_fit_are_refused(report, change, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(report, **change)


# In a browser


@contextmanager
def opened(browser, page, width, *, ratio=1, scheme="light", **options):
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        device_scale_factor=ratio,
        color_scheme=scheme,
        **options,
    )
    tab = context.new_page()
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on(
        "request",
        lambda sent: sent.url.startswith(("file:", "data:")) or tab.complaints.append(sent.url),
    )
    tab.goto(page.as_uri())
    try:
        yield tab
    finally:
        context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_never_scrolls_sideways(browser, page, width):
    with opened(browser, page, width, ratio=2) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_names_without_a_space_do_not_widen_the_page(browser, build, tmp_path):
    report = build(("mse", "a_very_long_package_name.losses:" + "Factory" * 12), count=4, seeds=1)
    report = dataclasses.replace(report, names=["x" * 200] * 4)
    write_reconstruction_report(tmp_path / "r.html", report)
    with opened(browser, tmp_path / "r.html", 390) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_it_opens_without_a_complaint_or_a_request(browser, page):
    with opened(browser, page, 1280) as tab:
        assert tab.complaints == []


@pytest.mark.parametrize(("width", "ratio"), [(1280, 1), (1280, 1.5), (390, 2), (390, 3)])
def test_a_pixel_of_a_picture_covers_whole_pixels_of_the_screen(browser, page, width, ratio):
    with opened(browser, page, width, ratio=ratio) as tab:
        sizes = tab.evaluate(
            "[...document.querySelectorAll('.as-picture')]"
            ".map(e => e.getBoundingClientRect().width)"
        )
    times = np.unique(np.round(np.array(sizes) * ratio / 96, 4))
    assert (times >= 1).all()
    assert times == pytest.approx(np.round(times))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_switch(browser, page, scheme):
    brightness = (
        "(e => { const [r, g, b] = getComputedStyle(document.querySelector(e[0]))[e[1]]"
        ".match(/\\d+/g); return (+r + +g + +b) / 765 })"
    )
    with opened(browser, page, 1280, scheme=scheme) as tab:
        dark = scheme == "dark"
        assert (tab.evaluate(brightness, ["body", "backgroundColor"]) < 0.5) == dark
        assert (tab.evaluate(brightness, ["svg.panel text", "fill"]) > 0.5) == dark
        tab.click(f"text={'Light' if dark else 'Dark'}")
        assert (tab.evaluate(brightness, ["body", "backgroundColor"]) > 0.5) == dark
        assert (tab.evaluate(brightness, ["svg.panel text", "fill"]) < 0.5) == dark
        tab.click("text=Auto")
        assert (tab.evaluate(brightness, ["body", "backgroundColor"]) < 0.5) == dark


def contrast(tab, selector):
    """WCAG 2 contrast of an element's text with the page."""
    colours = tab.evaluate(
        "s => [getComputedStyle(document.querySelector(s)).color,"
        " getComputedStyle(document.body).backgroundColor]"
        ".map(c => c.match(/[\\d.]+/g).map(Number))",
        selector,
    )
    light = []
    for colour in colours:
        linear = [
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
            for c in (value / 255 for value in colour[:3])
        ]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_enough_contrast(browser, page, scheme):
    with opened(browser, page, 1280, scheme=scheme) as tab:
        for selector in (
            "h1",
            "h1 .limits",
            ".evidence",
            "td .limits",
            "td.worse",
            "td.better",
            "a",
        ):
            assert contrast(tab, selector) >= 4.5, selector


def visible(tab, kind):
    return tab.evaluate(
        "k => getComputedStyle(document.querySelector('.has-error .as-' + k)).visibility", kind
    )


def test_maps_are_shown_on_request(browser, page):
    with opened(browser, page, 1280) as tab:
        assert [visible(tab, k) for k in ("picture", "error", "ssim")] == [
            "visible",
            "hidden",
            "hidden",
        ]
        tab.check("#view-error")
        assert [visible(tab, k) for k in ("picture", "error", "ssim")] == [
            "hidden",
            "visible",
            "hidden",
        ]
        tab.check("#view-ssim")
        assert [visible(tab, k) for k in ("picture", "error", "ssim")] == [
            "hidden",
            "hidden",
            "visible",
        ]
        assert "hidden" not in tab.evaluate(
            "[...document.querySelectorAll('figure:not(.has-error) .as-picture')]"
            ".map(e => getComputedStyle(e).visibility)"
        )


def transforms(tab):
    return tab.evaluate(
        "[...document.querySelector('.strip').querySelectorAll('.stack')]"
        ".map(e => e.style.transform)"
    )


def test_a_click_magnifies_the_same_detail_in_the_whole_row(browser, page):
    with opened(browser, page, 1280) as tab:
        tab.locator(".strip .frame").first.click(position={"x": 150, "y": 40})
        found = transforms(tab)
        assert len(found) == 4
        assert len(set(found)) == 1
        assert "scale(3)" in found[0]
        tab.locator(".strip .frame").first.click()
        assert transforms(tab) == [""] * 4


def test_the_keyboard_magnifies_and_moves(browser, page):
    with opened(browser, page, 1280) as tab:
        tab.locator(".strip").first.focus()
        tab.keyboard.press("Enter")
        before = transforms(tab)[0]
        tab.keyboard.press("ArrowRight")
        after = transforms(tab)[0]
        assert "scale(3)" in before
        assert before != after
        tab.keyboard.press("Escape")
        assert transforms(tab)[0] == ""


def test_without_scripts_everything_but_the_conveniences_is_there(browser, page):
    with opened(browser, page, 390, java_script_enabled=False) as tab:
        assert tab.locator(".themes").is_hidden()
        tab.check("#view-error")
        assert tab.locator(".has-error .as-error").first.is_visible()
        assert tab.locator(".cells").first.bounding_box()["width"] <= 390
