"""Whether one pixel of a picture is one device pixel, or k × k, bit for bit."""

import io

import numpy as np
from PIL import Image


def pictures_of(study):
    """All pictures of a study, by file."""
    root = study.path / "pictures"
    return {str(path): np.asarray(Image.open(path).convert("RGB")) for path in root.rglob("*.png")}


def placed(page):
    """Where a page's or a frame's pictures are on the screen, in device pixels, not rounded.

    Left, top, width, height. A browser moves a whole frame to a device pixel before it paints it.
    """
    boxes = page.evaluate(
        "() => [...document.querySelectorAll('.picture img')].map(i => {"
        " const b = i.getBoundingClientRect();"
        " return [b.left, b.top, b.width, b.height].map(v => v * devicePixelRatio); })"
    )
    boxes = np.array(boxes, float)
    if getattr(page, "parent_frame", None):
        corner = page.frame_element().evaluate(
            "e => { const b = e.getBoundingClientRect();"
            " return [b.left, b.top].map(v => v * devicePixelRatio); }"
        )
        boxes[:, :2] += np.rint(corner)
    return boxes


def screen(page) -> np.ndarray:
    """What a page, or the page around a frame, has on the screen."""
    page = getattr(page, "page", page)
    data = page.screenshot(scale="device", animations="disabled", caret="hide")
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def settled(page):
    """Wait until what a page does after its window or its letters have changed is painted."""
    page.evaluate(
        "async () => { for (let k = 0; k < 3; k += 1) await new Promise(requestAnimationFrame); }"
    )


def magnification(page) -> int:
    """By how much the pictures are magnified, from their size."""
    (k,) = {round(float(width)) // 67 for width in placed(page)[:, 2]}
    return k


def check_exact(page, files, k=None, boxes=None):
    """Each device pixel of each picture is the PNG's; `boxes`: where they are to be."""
    boxes = placed(page) if boxes is None else boxes
    k = magnification(page) if k is None else k
    whole = np.rint(boxes).astype(int)
    assert np.abs(boxes - whole).max() < 0.02, "a corner lies between device pixels"
    pixels = screen(page)
    found = []
    for left, top, width, height in whole:
        assert min(left, top) >= 0, "a picture is not on the screen"
        assert (top + height, left + width) <= pixels.shape[:2], "a picture is not on the screen"
        shown = pixels[top : top + height, left : left + width]
        assert shown.shape == (height, width, 3)
        names = [
            name
            for name, picture in files.items()
            if np.array_equal(picture.repeat(k, 0).repeat(k, 1), shown)
        ]
        assert len(names) == 1, "the device's pixels are not those of a picture"
        found += names
    assert len(set(found)) == 4
    assert "original" in found[0]
    assert len({name.rsplit("/", 1)[-1] for name in found}) == 1
    return found


def check_told(site, ratio):
    """With each answer the page told the screen's ratio, and that its pictures were exact."""
    told = [(around["pixel_ratio"], around["exact"]) for _, around, *_ in site.answers()]
    assert told
    assert set(told) == {(ratio, True)}
