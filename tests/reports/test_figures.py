"""Panels: valid SVG that takes its colours and its font from the page."""

import re
import xml.etree.ElementTree as ET
from functools import cache

import matplotlib as mpl
import numpy as np
import pytest

from snellen.reports.figures import (
    Line,
    _grid,
    curve_panel,
    density_panel,
    difference_panel,
    line_panel,
)

RNG = np.random.default_rng(0)
VALUES = {"mse": RNG.normal(25, 2, 80), "ms-ssim": RNG.normal(24.5, 2, 80)}


def _panels():
    yield density_panel("PSNR", VALUES, label="PSNR (dB)", key="a")
    yield difference_panel(
        "Difference",
        {"ms-ssim": (1, RNG.normal(size=30))},
        label="dB",
        higher_is_better=True,
        key="b",
    )
    line = Line(0, "mse", [0, 1, 2], [1, 2, 3], [0, 1, 2], [2, 3, 4])
    ticks = [(0, "1/8–1/4"), (1, "1/4–1/2"), (2, "1")]
    yield line_panel("Octaves", [line], x_label="x", y_label="dB", ticks=ticks, key="c", zero=True)
    steps = np.arange(1.0, 30)
    runs = [(steps, np.exp(-steps / 9)), (steps, np.exp(-steps / 8))]
    yield curve_panel("Curve", [(0, "mse", runs)], y_label="value", key="d", log=True)
    yield curve_panel("Curve", [(0, "mse", runs[:1])], y_label="value", key="e")


@cache
def panels():
    return list(_panels())


@pytest.mark.parametrize("place", range(5))
def test_a_panel_is_well_formed_and_described(place):
    root = ET.fromstring(panels()[place])
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert root.get("viewBox", "").startswith("0 0 400 ")


@pytest.mark.parametrize("place", range(5))
def test_every_colour_is_a_variable_of_the_page(place):
    svg = str(panels()[place])
    assert "var(--" in svg
    assert re.findall(r"(?:fill|stroke): #[0-9a-f]+", svg) == []


@pytest.mark.parametrize("place", range(5))
def test_text_stays_text_in_the_font_of_the_page(place):
    svg = str(panels()[place])
    assert "<text" in svg
    assert "font-family" not in svg
    assert "DejaVu" not in svg


def test_ids_differ_between_panels():
    found = [set(re.findall(r'\bid="([^"]+)"', str(panel))) for panel in panels()]
    assert sum(map(len, found)) == len(set().union(*found))


def test_references_inside_a_panel_hold():
    for panel in panels():
        ids = set(re.findall(r'\bid="([^"]+)"', str(panel)))
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', str(panel))) <= ids


def test_the_same_input_gives_the_same_bytes():
    first = density_panel("PSNR", VALUES, label="dB", key="a")
    assert first == density_panel("PSNR", VALUES, label="dB", key="a")


def test_global_settings_are_left_alone():
    before = dict(mpl.rcParams)
    list(_panels())
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "$x_{y", "a&b\"'", "損失 😀", "x" * 200]
)
def test_hostile_names_are_text(name):
    svg = density_panel(name, {name: VALUES["mse"]}, label=name, key="a")
    root = ET.fromstring(svg)
    texts = "".join(root.itertext())
    assert "<script" not in svg
    assert name[:12] in texts
    assert name in root.get("aria-label", "")


def test_the_share_of_pictures_that_are_better_is_said():
    values = np.array([1.0, 1.0, 1.0, -1.0])
    up = difference_panel("d", {"m": (1, values)}, label="d", higher_is_better=True, key="a")
    down = difference_panel("d", {"m": (1, values)}, label="d", higher_is_better=False, key="a")
    assert "better on 75 %" in up
    assert "better on 25 %" in down


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf])
def test_unknown_places_of_a_line_are_gaps(unknown):
    some = Line(0, "mse", [0, 1], [1, unknown], [0, unknown], [2, unknown])
    none = Line(1, "mae", [0, 1], [unknown] * 2, [unknown] * 2, [unknown] * 2)
    ticks = [(0, "a"), (1, "b")]
    for lines in ([some, none], [none]):
        ET.fromstring(line_panel("t", lines, x_label="x", y_label="y", ticks=ticks, key="a"))


@pytest.mark.parametrize("values", [np.full(5, 3.0), np.array([1.0]), np.array([np.inf, np.nan])])
def test_degenerate_values_are_drawn_without_complaint(values):
    ET.fromstring(density_panel("t", {"a": values}, label="x", key="a"))


def test_a_density_ends_where_values_must_end():
    values = {"mse": np.array([0.2, 0.6, 0.9, 1.0, 1.0])}
    free = density_panel("t", values, label="F", key="a")
    ended = density_panel("t", values, label="F", key="a", limits=(0, 1))
    grid = _grid(list(values.values()), (0, 1))
    assert grid[-1] == 1
    assert grid[0] > 0
    assert free != ended


def test_the_grid_of_a_difference_ends_at_its_limits():
    grid = _grid([np.array([-1.0, 0.0, 1.0])], (-1, 1))
    assert (grid[0], grid[-1]) == (-1, 1)


def test_the_zero_line_leaves_the_texts_of_the_rows_free():
    values = np.linspace(-1, 0.05, 100)  # zero is at the right, where the texts end
    svg = difference_panel(
        "d", {"a": (1, values), "b": (2, values)}, label="d", higher_is_better=True, key="k"
    )
    group = svg[svg.index('id="k-LineCollection_1"') :]
    ends = [
        tuple(map(float, e)) for e in re.findall(r"M [\d.]+ ([\d.]+) *\nL [\d.]+ ([\d.]+)", group)
    ]
    zero = ends[:2]
    texts = re.findall(r"better on[^<]*</text>", svg)
    assert len(texts) == 2
    (low_bottom, low_top), (high_bottom, high_top) = zero
    assert low_top - high_bottom > 8  # the room of a text, whose baseline lies between them
    assert low_bottom > low_top > high_bottom > high_top


def test_a_loss_that_comes_again_is_described_by_its_end():
    steps = np.arange(1.0, 6)
    curves = [(0, "a>b@0.5", [(steps, steps)]), (0, "a>b@0.5", [(steps + 5, steps * 7)])]
    assert 'At the last step: a&gt;b@0.5: 35"' in curve_panel("c", curves, y_label="v", key="k")


def test_the_ticks_of_near_values_differ():
    values = np.linspace(0.9255, 0.9375, 8)
    panel = curve_panel("t", [(0, "mse", [(np.arange(8), values)])], y_label="SSIM", key="k")
    ticks = [float(text) for text in re.findall(r">\s*(0\.9\d*)\s*<", panel)]
    assert len(ticks) >= 4
    np.testing.assert_allclose(np.diff(ticks), ticks[1] - ticks[0])
