"""Chromium from the system, and studies for it."""

from __future__ import annotations

import contextlib
import shutil

import pytest

from .making import Person, make_study, serving

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A picture's numbers are to be a screenshot's numbers, whatever screen the machine has.
    "--force-color-profile=srgb",
    # The frame of another site that the tests make up is "public", and the server is not.
    "--disable-features=LocalNetworkAccessChecks",
]
DESKTOP = {"width": 1100, "height": 700}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "has_touch": True,
    "is_mobile": True,
}


# For a file at a time: while it runs, no other test of the process can run an event loop.
@pytest.fixture(scope="module")
def playwright():
    if CHROMIUM is None:
        pytest.skip("no Chromium found on this machine: the tests in a browser are left out")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browsers(playwright):
    """A browser for each number of device pixels in a CSS pixel, as on a screen of that kind.

    Playwright's own `device_scale_factor` magnifies a page that was laid out for one; a browser on
    such a screen lays it out in device pixels.
    """
    running = {}

    def at(ratio):
        if ratio not in running:
            flags = [*FLAGS, f"--force-device-scale-factor={ratio}", "--window-size=1100,780"]
            running[ratio] = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        return running[ratio]

    yield at
    for browser in running.values():
        browser.close()


@pytest.fixture(scope="session")
def chromium():
    """What a test needs that starts a browser of its own."""
    return {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="module")
def site(playwright, tmp_path_factory):
    """A study that all tests of a file share; each takes places of its own."""
    with serving(make_study(tmp_path_factory.mktemp("site"))) as running:
        yield running


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
