"""One pixel of a picture is one device pixel, or k × k, bit for bit, where the page says it is."""

import numpy as np
import pytest

from .conftest import RATIOS
from .exactness import check_exact, magnification, pictures_of, placed, screen, settled
from .making import Person


def resize(page, width, height):
    """Another size of the window, in CSS pixels."""
    window = page.context.new_cdp_session(page)
    found = window.send("Browser.getWindowForTarget")["windowId"]
    before = page.evaluate("innerWidth")
    bounds = {"width": width, "height": height}
    window.send("Browser.setWindowBounds", {"windowId": found, "bounds": bounds})
    if abs(before - width) > 20:
        page.wait_for_function("before => innerWidth !== before", arg=before)


@pytest.mark.parametrize("ratio", RATIOS)
def test_bit_for_bit(person, site, files, ratio):
    someone = person(ratio=ratio).begin()
    page = someone.page
    seen = [check_exact(page, files)]
    someone.pick(0, 1, 2)  # buttons that are pressed move nothing
    assert check_exact(page, files) == seen[0]
    someone.next()
    check_exact(page, files)
    assert site.answers()[0][1]["magnify"] == magnification(page)


SPOILT = {
    "a device pixel to the right": ("left", "1px"),
    "a device pixel down": ("top", "1px"),
    "half a device pixel to the right": ("left", "0.5px"),
    "a device pixel wider": ("width", "1px"),
    "a device pixel higher": ("height", "1px"),
}


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_same_check_fails_on_a_page_shifted_or_scaled_by_a_pixel(person, files, ratio):
    someone = person(ratio=ratio).begin()
    page = someone.page
    boxes = placed(page)
    k = magnification(page)
    check_exact(page, files, k, boxes)
    for name, amount in SPOILT.values():
        before = page.evaluate(
            "([name, by]) => [...document.querySelectorAll('.picture img')].map(i => {"
            " const was = i.style[name];"
            " i.style[name] = `calc(${was} + ${by} / ${devicePixelRatio})`; return was; })",
            [name, amount],
        )
        # Measured anew where that might save it: half a pixel, or another size.
        anew = amount != "1px" or name in ("width", "height")
        with pytest.raises(AssertionError, match="device"):
            check_exact(page, files, k, None if anew else boxes)
        page.evaluate(
            "([name, was]) => document.querySelectorAll('.picture img').forEach("
            "(i, k) => { i.style[name] = was[k]; })",
            [name, before],
        )
    check_exact(page, files, k, boxes)


@pytest.mark.parametrize("rule", ["image-rendering: auto", "filter: blur(1px)", "opacity: .98"])
def test_the_same_check_fails_on_a_page_that_smooths(person, files, rule):
    someone = person(ratio=1.25).begin()
    page = someone.page
    k = magnification(page)
    assert k > 1
    page.evaluate(
        "rule => document.querySelectorAll('.picture img').forEach("
        "i => { i.style.cssText += ';' + rule; })",
        rule,
    )
    with pytest.raises(AssertionError, match="pixels are not those"):
        check_exact(page, files, k)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_window_resized_in_the_middle_of_a_trial(person, site, files, ratio):
    someone = person(ratio=ratio).begin()
    page = someone.page
    before = magnification(page)
    check_exact(page, files, before)
    for size in ((1001, 713), (1203, 807)):
        resize(page, *size)
        settled(page)
        check_exact(page, files)
    someone.pick(0, 1, 2)
    someone.next()
    around = site.answers()[0][1]
    assert around["resizes"] > 0
    assert around["magnify"] == magnification(page)


def test_larger_letters_in_the_middle_of_a_trial(person, files):
    someone = person(ratio=1.25).begin()
    page = someone.page
    before = placed(page)
    page.evaluate("() => { document.querySelector('.head').style.fontSize = '27.3px'; }")
    settled(page)
    assert not np.array_equal(placed(page), before)
    check_exact(page, files)


def test_a_zoom_in_the_middle_of_a_trial(person, site):
    """What a zoom changes for a page: its size, and how many device pixels a CSS pixel has."""
    someone = person(ratio=1).begin()
    page = someone.page
    zoom = page.context.new_cdp_session(page)
    for ratio, width, height in ((1.1, 1164, 727), (1.5, 853, 533), (0.9, 1422, 889)):
        metrics = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
        zoom.send("Emulation.setDeviceMetricsOverride", metrics)
        page.wait_for_function("r => Math.abs(devicePixelRatio - r) < 1e-6", arg=ratio)
        settled(page)
        boxes = placed(page)
        assert np.abs(boxes - np.rint(boxes)).max() < 0.05
        assert set(np.rint(boxes[:, 2]) % 67) == {0.0}
    someone.pick(0, 1, 2)
    someone.next()
    around = site.answers()[0][1]
    assert around["resizes"] > 0
    assert around["pixel_ratio"] == pytest.approx(0.9)


@pytest.mark.parametrize("k", [1, 3])
def test_the_magnification_of_study_yaml(make_site, new_page, k):
    site = make_site(changes={"magnify": k})
    someone = Person(new_page(ratio=1.25), site).begin()
    check_exact(someone.page, pictures_of(site.study), k)
    someone.pick(0, 1, 2)
    someone.next()
    assert site.answers()[0][1]["magnify"] == k


def test_what_surrounds_a_picture_is_half_gray(person):
    page = person().begin().page
    pixels = screen(page)
    for left, top, _, height in np.rint(placed(page)).astype(int):
        for y, x in ((top - 2, left + 5), (top + height + 2, left + 5), (top + 5, left - 3)):
            assert pixels[y, x].tolist() == [128, 128, 128]
