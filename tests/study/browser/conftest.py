"""Chromium from the system, and studies for it."""

from __future__ import annotations

import contextlib

import pytest

from .exactness import pictures_of
from .making import Person, make_study, serving

# Device pixels in a CSS pixel.
RATIOS = [1, 1.25, 2]
DESKTOP = {"width": 1100, "height": 700}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "has_touch": True,
    "is_mobile": True,
}

TOUCH = [
    *(pytest.param({"ratio": ratio, "has_touch": True}, id=f"{ratio}") for ratio in RATIOS),
    pytest.param(PHONE, id="phone"),
]


@pytest.fixture(scope="session")
def chromium_at(chromium):
    """How to launch Chromium as on a screen with so many device pixels in a CSS pixel.

    Playwright's own `device_scale_factor` magnifies a page that was laid out for one; a browser on
    such a screen lays it out in device pixels.
    """

    def at(ratio):
        screen = [f"--force-device-scale-factor={ratio}", "--window-size=1100,780"]
        return chromium | {"args": chromium["args"] + screen}

    return at


@pytest.fixture(scope="module")
def browsers(playwright, chromium_at):
    """A browser for each ratio, when it is asked for."""
    running = {}

    def at(ratio):
        if ratio not in running:
            running[ratio] = playwright.chromium.launch(**chromium_at(ratio))
        return running[ratio]

    yield at
    for browser in running.values():
        browser.close()


@pytest.fixture(scope="module")
def site(playwright, tmp_path_factory):
    """A study that all tests of a file share; each takes places of its own."""
    with serving(make_study(tmp_path_factory.mktemp("site"))) as running:
        yield running


@pytest.fixture(scope="module")
def files(site):
    """All pictures of the shared study."""
    return pictures_of(site.study)


@pytest.fixture
def make_site(playwright, tmp_path_factory):
    """A study of the test's own."""
    with contextlib.ExitStack() as stack:

        def make(serve=None, **options):
            study = make_study(tmp_path_factory.mktemp("site"), **options)
            return stack.enter_context(serving(study, **(serve or {})))

        yield make


@pytest.fixture
def new_page(browsers):
    """A page of a browser profile of its own; what goes wrong on it fails the test.

    `ratio` is the screen's: device pixels in a CSS pixel. Without it playwright's options count.
    """
    contexts = []
    wrong = []

    def make(*, ratio=None, context=None, quiet=True, **options):
        if ratio is None:
            options.setdefault("viewport", DESKTOP)
        else:
            options["no_viewport"] = True
        if context is None:
            context = browsers(ratio or 1).new_context(**options)
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        if quiet:
            page.on(
                "console",
                lambda said: said.type == "error" and wrong.append(f"console: {said.text}"),
            )
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def person(new_page, site):
    """Somebody in front of the shared study."""

    def make(**options):
        return Person(new_page(**options), site)

    return make
