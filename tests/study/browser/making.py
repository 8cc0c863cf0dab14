"""Studies for a browser, served on loopback, and participants who use it as people do."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import yaml
from PIL import Image

from snellen.study.create import CreateOptions, create_study
from snellen.study.folder import open_study
from snellen.study.server.app import make_app
from snellen.study.server.options import ServeOptions
from snellen.study.server.running import listen, make_server
from snellen.study.store.opening import reading

from ..templates import copy_of

MODELS = ("mse", "mae", "ssim")
SIZE = (50, 67)  # odd: nothing falls on device pixels by itself


def noise(place: Path, models=MODELS, count=6, size=SIZE) -> Path:
    """Pictures in which every pixel differs from its neighbours."""
    for seed, name in enumerate(("original", *models)):
        (place / name).mkdir(parents=True)
        for k in range(count):
            pixels = np.random.default_rng([seed, k]).integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / name / f"{k:02d}.png")
    return place


def make_study(place: Path, *, changes=None, models=MODELS, count=6, size=SIZE, **options):
    """A study of many people, who see the same three pictures after one to practise."""
    options = {
        "people": 60,
        "trials": 3,
        "design": "crossed",
        "consent": "Do you agree?\n\nYou may.",
        "contact": "me@example.org",
    } | options

    def make(folder):
        pictures = noise(folder / "pictures", models, count, size)
        create_study(pictures, folder / "study", CreateOptions(**options))

    key = ("browser", models, count, size, repr(sorted(options.items())))
    copy_of(place / "study", key, make)
    file = place / "study" / "study.yaml"
    values = yaml.safe_load(file.read_text())
    few = {"training_trials": 1, "catch_trials": 0, "repeats": 0}
    file.write_text(yaml.safe_dump(values | few | (changes or {})))
    return open_study(place / "study")


class Site:
    """A study and its server, which can be stopped and started again at the same address."""

    def __init__(self, study, **options):
        self.study = study
        self.options = options
        self.port = 0
        self.start()

    def start(self):
        options = ServeOptions(port=self.port, **self.options)
        self.socket = listen(options.host, self.port)
        self.port = self.socket.getsockname()[1]
        self.server = make_server(make_app(self.study, options), options)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()

    def stop(self):
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()
        assert not self.thread.is_alive()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def rows(self, query: str, *values):
        with reading(self.study.database) as connection:
            return connection.execute(query, values).fetchall()

    def answers(self, person: int | None = None):
        """Ranks and environments of a participant, the newest by default, in order of showing."""
        number = "(SELECT max(number) FROM session)" if person is None else str(int(person))
        found = self.rows(
            "SELECT ranks, environment, shown_ms, first_ms, submit_ms FROM answer JOIN session"
            f" ON session.id = answer.session WHERE number = {number} ORDER BY trial"
        )
        return [(json.loads(ranks), json.loads(around), *times) for ranks, around, *times in found]

    def count(self) -> int:
        return self.rows("SELECT count(*) FROM session")[0][0]


def set_state(site, state):
    headers = {"Authorization": f"Bearer {site.study.secrets().admin}"}
    reply = httpx.post(site.url + "api/admin/state", json={"state": state}, headers=headers)
    assert reply.status_code == 200, reply.text


@contextmanager
def serving(study, **options):
    site = Site(study, **options)
    try:
        yield site
    finally:
        site.stop()


def wait_until(page, holds):
    """Wait for something that is not on the page itself."""
    for _ in range(1000):
        if holds():
            return
        page.wait_for_timeout(10)
    raise AssertionError("it did not come about in ten seconds")


class Person:
    """A participant at a page."""

    def __init__(self, page, site):
        self.page = page
        self.site = site

    def open(self, query=""):
        self.page.goto(self.site.url + query)
        self.page.wait_for_selector("h1")
        return self

    def look(self):
        """Come back to this tab: a browser paints only the one in front."""
        self.page.bring_to_front()

    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def press(self, name: str):
        self.page.get_by_role("button", name=name, exact=True).click()

    def begin(self, query=""):
        """Up to the first trial."""
        self.open(query)
        self.press("I agree and take part")
        self.press("Continue")
        self.page.get_by_role("button", name="Begin").click()
        self.judging()
        return self

    def judging(self):
        self.page.wait_for_selector(".trial[data-stage=judging]")

    def pick(self, *order: int):
        """Click pictures, the best first."""
        for place in order:
            self.page.locator("button.picture").nth(place).click()

    def next(self):
        """Send the answer, and wait for what comes after it."""
        before = self.heading()
        self.press("Next")
        self.page.wait_for_function(
            "before => { const h = document.querySelector('h1');"
            " return h && h.textContent !== before"
            " && !['loading', 'finishing'].includes(document.body.dataset.phase); }",
            arg=before,
        )
        if self.heading() == "Practice is over":
            self.press("Go on")
        if self.page.locator(".trial").count():
            self.judging()

    def finish(self, order=(0, 1, 2)) -> str:
        """All that is left; returns the code."""
        while self.page.locator(".trial").count():
            self.pick(*order)
            self.next()
        return self.page.locator("#code").input_value()
