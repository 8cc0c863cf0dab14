"""Small studies, and participants who talk to the server."""

import json
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from snellen.study.create import CreateOptions, create_study
from snellen.study.folder import open_study

from ..templates import copy_of

MODELS = ("mse", "mae", "ssim")
SIZE = (12, 16)


def pictures(place: Path, count=12, models=MODELS, channels=3, size=SIZE) -> Path:
    for seed, name in enumerate(("original", *models)):
        (place / name).mkdir(parents=True)
        for k in range(count):
            draw = np.random.default_rng([seed, k])
            # Some compress well, some badly: lengths of files would tell.
            most = 256 if seed % 2 and size[0] < 100 else 4
            pixels = draw.integers(0, most, (*size, channels), dtype=np.uint8)
            Image.fromarray(pixels.squeeze()).save(place / name / f"p{k:02d}.png")
    return place


def study(place: Path, *, changes=None, count=12, channels=3, models=MODELS, size=SIZE, **options):
    """A study in place/study: four people, three trials each, but for what is said."""
    options = {
        "people": 4,
        "trials": 3,
        "design": "nested",
        "consent": "I agree.\n",
        "contact": "me@example.org",
    } | options

    def make(folder):
        made = pictures(folder / "pictures", count, models, channels, size)
        create_study(made, folder / "study", CreateOptions(**options))

    key = ("server", count, channels, models, size, repr(sorted(options.items())))
    copy_of(place / "study", key, make)
    if changes:
        change(place / "study", changes)
    return open_study(place / "study")


def change(folder: Path, changes) -> None:
    values = yaml.safe_load((folder / "study.yaml").read_text())
    (folder / "study.yaml").write_text(yaml.safe_dump(values | changes))


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class Person:
    """Somebody with a browser; `client` is an httpx.Client or Starlette's TestClient."""

    def __init__(self, client, **body):
        self.client = client
        reply = client.post("/api/sessions", json={"consent": True, **body})
        assert reply.status_code in (200, 201), reply.text
        self.begun = reply.json()
        self.headers = bearer(self.begun["token"])

    def trial(self):
        return self.client.get("/api/trial", headers=self.headers)

    def image(self, image):
        return self.client.get(f"/api/images/{image}", headers=self.headers)

    def answer(self, number, ranks=(1, 2, 3), **more):
        return self.client.post(
            f"/api/answers/{number}",
            headers=self.headers,
            json={"ranks": list(ranks), **more},
        )

    def answer_all(self, ranks=(1, 2, 3), count=None):
        at = self.trial().json()
        while at["state"] == "trial" and (count is None or at["answered"] < count):
            reply = self.answer(at["number"], ranks, shown_ms=0.0, submit_ms=2000.0)
            assert reply.status_code == 201, reply.text
            at = reply.json()["next"]
        return at

    def complete(self):
        return self.client.post("/api/complete", headers=self.headers)

    def withdraw(self):
        return self.client.post("/api/withdraw", json={"token": self.begun["withdraw"]})


def owner(study):
    return bearer(json.loads((study.path / "secrets.json").read_text())["admin"])
