"""The section on what codes generate: what it shows, in which order, and that it stays small."""

from __future__ import annotations

import dataclasses
import html.parser
import re

import numpy as np
import pytest

from snellen.reports import GenerationInput, write_reconstruction_report
from snellen.reports.gallery import data_uri
from snellen.reports.generation import generation_section

EVIL = "<img src=x onerror=alert(1)>"


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def generated(losses=("mse", "ms-ssim"), *, pairs=3, size=16, channels=1, variational=True):
    measured = {"active_units": 12.5, "units": 32, "kl_nats": 49.43, "weight": 58537.06}
    return GenerationInput(
        names=[(f"first {k}", f"last {k}") for k in range(pairs)],
        ends=noise(pairs, 2, channels, size, size),
        interpolations={loss: noise(pairs, 7, channels, size, size) for loss in losses},
        samples={loss: noise(8, channels, size, size) for loss in losses} if variational else {},
        variational=dict.fromkeys(losses, measured) if variational else {},
        nats_per_pixel=3.0 if variational else None,
        kl_warmup=0.2 if variational else None,
    )


def section_of(report, found, tmp_path):
    path = tmp_path / "report.html"
    write_reconstruction_report(path, dataclasses.replace(report, generated=found))
    page = path.read_text(encoding="utf-8")
    return page, re.search(r'<section id="generated">(.*?)</section>', page, re.DOTALL)[1]


@pytest.fixture(scope="module")
def small(build):
    return build(("mse", "ms-ssim"), count=4, size=48, seeds=1)


def test_rows_stand_in_the_order_of_the_losses_under_the_originals():
    found = generated(("ms-ssim", "mse"))
    section = generation_section(found, ["mse", "mae", "ms-ssim"])
    assert [(row.loss, row.index) for row in section.pairs[0].rows] == [
        (None, 0),
        ("mse", 0),
        ("ms-ssim", 2),
    ]
    originals = section.pairs[1].rows[0].pictures
    assert originals[0] == data_uri(found.ends[1, 0])
    assert originals[-1] == data_uri(found.ends[1, 1])
    assert originals[1:-1] == [""] * 5
    row = section.pairs[1].rows[1]
    assert row.pictures == [data_uri(picture) for picture in found.interpolations["mse"][1]]
    assert [(row.loss, len(row.pictures)) for row in section.samples.rows] == [
        ("mse", 8),
        ("ms-ssim", 8),
    ]


def test_nothing_generated_is_no_section(small, tmp_path):
    assert generation_section(None, ["mse"]) is None
    assert generation_section(generated(()), ["mse"]) is None
    path = tmp_path / "report.html"
    write_reconstruction_report(path, small)
    assert "generated" not in re.findall(r'id="([^"]*)"', path.read_text(encoding="utf-8"))


def test_a_variational_network_has_table_lines_and_samples(small, tmp_path):
    page, section = section_of(small, generated(), tmp_path)
    assert '<a href="#generated">' in page
    for words in ("12.5", "of 32", "49.4", "58,537", "costs 3 nats", "first 20 % of the steps"):
        assert words in section
    assert section.count("<img") == 3 * (2 + 2 * 7) + 2 * 8


def test_a_plain_network_has_lines_only(small, tmp_path):
    _, section = section_of(small, generated(variational=False), tmp_path)
    assert section.count("<img") == 3 * (2 + 2 * 7)
    for words in ("<table", "prior", "nats"):
        assert words not in section


def test_one_pair_is_one_pair(small, tmp_path):
    _, section = section_of(small, generated(pairs=1), tmp_path)
    assert "1 pair, drawn" in section


def test_without_pairs_the_samples_are_there(small, tmp_path):
    _, section = section_of(small, generated(pairs=0), tmp_path)
    assert "Between two pictures" not in section
    assert section.count("<img") == 2 * 8


def test_names_are_shown_not_obeyed(small, tmp_path):
    found = dataclasses.replace(generated(pairs=1), names=[(EVIL, "b\x1b")])
    _, section = section_of(small, found, tmp_path)

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            assert "onerror" not in dict(attributes)

    Reader().feed(section)
    assert "b\\x1b" in section


def test_large_pictures_are_fewer_pairs_and_one_at_least(build):
    small, large, huge = (
        generation_section(generated(pairs=4, size=size, channels=channels), ["mse", "ms-ssim"])
        for size, channels in ((32, 1), (48, 3), (256, 3))
    )
    assert [len(found.pairs) for found in (small, large, huge)] == [4, 2, 1]
    assert [len(found.samples.rows[0].pictures) for found in (small, large, huge)] == [8, 8, 4]
    assert [(found.side, found.shrunk) for found in (small, huge)] == [(32, False), (96, True)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"names": [("a", "b")]}, "3 pairs came with 1 pairs of names"),
        ({"interpolations": {"mse": np.zeros((2, 7, 1, 16, 16), "u1")}}, "interpolations of mse"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(generated(), **changes)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_does_not_scroll_sideways_and_a_click_magnifies_all_rows(
    browser, small, tmp_path, width
):
    section_of(small, generated(), tmp_path)
    context = browser.new_context(viewport={"width": width, "height": 800})
    tab = context.new_page()
    try:
        tab.goto((tmp_path / "report.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        tab.click(".generated .frame >> nth=3")
        changed = tab.evaluate(
            "[...document.querySelectorAll('.generated.zoomed .stack')]"
            ".filter(e => e.style.transform.includes('scale(3)')).length"
        )
        assert changed == 2 + 2 * 7
    finally:
        context.close()
