"""Small studies, made without the commands that make them, and sessions put into their files."""

import hashlib
import json
import sqlite3
from contextlib import closing

import numpy as np
import yaml

from snellen.images.decoders import encode_png
from snellen.study.folder import new_secrets, open_study
from snellen.study.pictures import ORIGINAL, Picture, PictureSet, picture_set_as_json
from snellen.study.platforms import worker_hash
from snellen.study.store import create_database

MTURK = {"kind": "mturk", "sandbox": True, "reward": "1.50", "minutes": 45, "days": 3}


def config(**changes):
    return {
        "title": "Which is closest?",
        "instructions": "Rank the pictures.\nBest first.",
        "consent": "I take part.",
        "contact": "someone@example.org",
        "models": ["mse", "mae", "ms-ssim"],
        "design": "nested",
        "people": 4,
        "trials_per_person": 2,
        "training_trials": 1,
        "catch_trials": 1,
        "repeats": 1,
    } | changes


def make_study(folder, *, pictures=8, size=(24, 20), channels=1, seed=0, noise=None, **changes):
    """Write a whole study; `noise` says how far each model is from the original, in gray levels."""
    values = config(**changes)
    models = values["models"]
    noise = noise or {model: 8.0 * (k + 1) for k, model in enumerate(models)}
    rng = np.random.default_rng(seed)
    width, height = size
    entries = []
    for index in range(pictures):
        smooth = np.add.outer(
            np.linspace(60, 160, height), 40 * np.sin(np.linspace(0, 3 + index, width))
        )
        original = np.repeat(smooth[..., None], channels, 2)
        made = {ORIGINAL: original} | {
            model: original + rng.normal(0, noise[model], original.shape) for model in models
        }
        files, sums = {}, {}
        for name, pixels in made.items():
            data = encode_png(np.clip(pixels, 0, 255).astype(np.uint8).squeeze())
            files[name] = f"pictures/{name}/{index + 1:04d}.png"
            place = folder / files[name]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            sums[name] = hashlib.sha256(data).hexdigest()
        entries.append(
            Picture(f"picture {index}", f"source {index}", width, height, channels, files, sums)
        )
    (folder / "pictures.json").write_bytes(
        picture_set_as_json(PictureSet(tuple(models), tuple(entries)))
    )
    (folder / "study.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    secrets = new_secrets()
    (folder / "secrets.json").write_text(json.dumps({"admin": secrets.admin, "salt": secrets.salt}))
    (folder / "secrets.json").chmod(0o600)
    create_database(folder / "study.db")
    return open_study(folder)


def add_session(study, number, *, worker, assignment, state="completed", code="CODE"):
    """Put a session into the file as a participant of Mechanical Turk would have left it."""
    name = f"session-{number}"
    hashed = worker and worker_hash(study.secrets().salt, "mturk", worker)
    with closing(sqlite3.connect(study.database)) as database:
        database.execute(
            "INSERT INTO session (id, number, token_hash, withdraw_hash, worker_hash, slot, state,"
            " created_at, lease_until, code) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?)",
            (
                name,
                number,
                f"t{number}".encode(),
                f"w{number}".encode(),
                hashed,
                number,
                state,
                code,
            ),
        )
        if assignment:
            database.execute(
                "INSERT INTO identity (session, platform, worker, assignment, task, created_at)"
                " VALUES (?, 'mturk', ?, ?, '3HIT', 0)",
                (name, worker, assignment),
            )
        database.commit()
