"""The figures of a study's report: what is drawn is what was counted."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from snellen.reports.study_figures import Dot, Share, dot_panel, rank_panel, spread_panel


def elements(panel, tag):
    return [each for each in ET.fromstring(str(panel)).iter() if each.tag == tag]


def bars(panel):
    return [(float(r.get("x")), float(r.get("height"))) for r in elements(panel, "rect")]


@pytest.mark.parametrize("count", [2, 3, 6])
def test_bars_are_as_high_as_shares_and_do_not_overlap(count):
    names = [f"m{k}" for k in range(count)]
    shares = [[Share((k + r + 1) / 20) for r in range(count)] for k in range(count)]
    found = bars(rank_panel(names, shares))
    assert len(found) == count * count
    # In groups: all models of rank 1, then all of rank 2, …
    expected = [(k + r + 1) / 20 for r in range(count) for k in range(count)]
    heights = [height for _, height in found]
    for height, share in zip(heights, expected, strict=True):
        assert height / max(heights) == pytest.approx(share / max(expected), abs=0.01)
    places = sorted(x for x, _ in found)
    width = float(elements(rank_panel(names, shares), "rect")[0].get("width"))
    assert all(b - a >= width for a, b in itertools.pairwise(places))
    assert places[-1] + width <= 400


def test_numbers_of_the_axis_stay_on_the_paper():
    panel = rank_panel(["a", "b"], [[Share(1.0), Share(0.0)], [Share(0.0), Share(1.0)]])
    (most,) = [each for each in elements(panel, "text") if each.text == "100 %"]
    assert float(most.get("x")) >= 6.5 * len("100 %")  # at most so wide is a character of 11 px


def test_the_figure_can_be_read_aloud():
    panel = rank_panel(["a", "b"], [[Share(0.7), Share(0.3)], [Share(0.3), Share(0.7)]])
    assert 'role="img"' in panel
    label = re.search(r'aria-label="([^"]*)"', panel)[1]
    assert "a: 70 % 1st, 30 % 2nd; b: 30 % 1st, 70 % 2nd" in label


def test_hostile_names_do_not_leave_the_figure():
    evil = '"><script>alert(1)</script>'
    for panel in (
        rank_panel([evil, "b"], [[Share(1), Share(0)], [Share(0), Share(1)]]),
        dot_panel("t", [Dot(evil, 0, 0.5)], axis="x", limits=(0, 1), digits=2),
    ):
        assert "<script" not in panel
        ET.fromstring(str(panel))


def circles(panel):
    return [float(each.get("cx")) for each in elements(panel, "circle")]


def test_dots_stand_where_their_values_are():
    dots = [Dot("a", 0, 1.0), Dot("b", 1, 2.0, 1.5, 2.5), Dot("c", 2, 3.0)]
    found = circles(dot_panel("t", dots, axis="x", limits=(1.0, 3.0), digits=2))
    assert found == [12, 183, 354]


def test_no_line_crosses_the_numbers_beside_the_rows():
    dots = [Dot(name, None, value, value - 0.1, value) for name, value in (("a", 0.89), ("b", 1))]
    panel = dot_panel("t", dots, axis="x", limits=(0.4, 0.8), digits=0, line=(0.5, "chance"),
                      band=(0.9, 1.0, 1.0, "majority of the others"), scale=100)  # fmt: skip
    ends = [float(e.get("x")) for e in elements(panel, "text") if e.text in {"89", "100"}
            and "text-anchor: end" in e.get("style")]  # fmt: skip
    assert ends == [388, 388]
    drawn = [d for e in elements(panel, "path") for d in re.findall(r"[MH](-?[\d.]+)", e.get("d"))]
    assert max(map(float, drawn)) <= 388 - 6.5 * len("100")


def test_the_axis_grows_with_intervals_and_stays_on_the_paper():
    dots = [Dot("a", 0, 0.0, -9.0, 9.0), Dot("b", 1, 8.0)]
    panel = dot_panel("t", dots, axis="x", limits=(-1, 1), digits=1, line=(0, "chance"),
                      band=(-3, 1, 12, "ceiling"))  # fmt: skip
    numbers = [float(x) for x in re.findall(r'(?:cx="|M|H)(-?[\d.]+)', panel)]
    assert min(numbers) >= 0
    assert max(numbers) <= 400


def test_names_of_a_line_and_a_band_do_not_meet():
    panel = dot_panel("t", [Dot("a", None, 0.6)], axis="x", limits=(0, 1), digits=0,
                      line=(0.5, "chance"), band=(0.4, 0.51, 0.6, "ceiling"))  # fmt: skip
    heights = {each.text: float(each.get("y")) for each in elements(panel, "text") if each.text}
    assert abs(heights["chance"] - heights["ceiling"]) >= 12


def curve(panel):
    """The points of the first density."""
    path = next(p.get("d") for p in elements(panel, "path") if (p.get("d") or "").endswith("Z"))
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


@pytest.mark.parametrize("values", [[1.7, 1.8, 2.0, 2.1, 2.2], [2.0, 2.0, 2.0], [1.9, 2.3]])
def test_a_density_ends_on_its_base_where_nothing_was_cut(values):
    found = curve(spread_panel("t", {"a": values}, axis="x", limits=(1.0, 3.0)))
    base = found[0][1]
    assert found[-1][1] == base
    highest = base - min(y for _, y in found)
    assert base - found[1][1] < 0.05 * highest
    assert base - found[-2][1] < 0.05 * highest
    assert 12 < found[0][0] < found[-1][0] < 388


def test_a_density_at_a_limit_keeps_what_lies_there():
    """Reflected: the curve at the limit is no lower than further inside, and does not go beyond."""
    found = curve(spread_panel("t", {"a": [1.0, 1.0, 1.0, 1.1, 1.4]}, axis="x", limits=(1.0, 3.0)))
    assert min(x for x, _ in found) == 12
    assert found[1][1] == min(y for _, y in found)


def test_equal_values_have_an_axis_too():
    assert circles(dot_panel("t", [Dot("a", 0, 0.0)], axis="x", limits=(0, 0), digits=1))
