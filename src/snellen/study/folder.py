"""A study's folder: what it holds, checked as a whole.

::

    STUDY/
      study.yaml       what is asked (`snellen.study.config`)
      pictures.json    what the pictures are (`snellen.study.pictures`)
      pictures/        their files, 8-bit PNG
      secrets.json     readable by its owner alone; never exported
      study.db         sessions and answers
      analysis/        made by `snellen study analyse`
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets as random_secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.study.config import StudyConfig, read_config_with_lines
from snellen.study.design import Plan, make_plan
from snellen.study.pictures import Picture, PictureSet, read_picture_set
from snellen.study.plain_yaml import Lines, placed

__all__ = [
    "CONFIG_FILE",
    "DATABASE_FILE",
    "PLACEHOLDER",
    "SECRETS_FILE",
    "Secrets",
    "Study",
    "contradictions",
    "new_secrets",
    "open_study",
    "placeholders",
    "select_pictures",
    "write_secrets",
]

CONFIG_FILE = "study.yaml"
SECRETS_FILE = "secrets.json"
DATABASE_FILE = "study.db"

PLACEHOLDER = "[FILL IN"
"""Stands in the texts that `create` cannot know, as in ``[FILL IN: your name]``."""


@dataclass(frozen=True)
class Secrets:
    """What only the study's owner knows.

    Attributes:
        admin: opens the admin page; 32 hexadecimal digits (128 bits).
        salt: is hashed together with the platforms' ids; 64 hexadecimal digits (256 bits).
    """

    admin: str = field(repr=False)
    salt: str = field(repr=False)


@dataclass(frozen=True)
class Study:
    """A study whose parts fit together.

    Attributes:
        path: its folder.
        config: what ``study.yaml`` says.
        pictures: what ``pictures.json`` says, all of it.
        indices: which pictures are shown: places in `pictures.pictures`, ascending.
    """

    path: Path
    config: StudyConfig
    pictures: PictureSet
    indices: tuple[int, ...]

    @property
    def database(self) -> Path:
        """Where the answers are."""
        return self.path / DATABASE_FILE

    @property
    def digest(self) -> str:
        """What the first consent freezes: SHA-256 of the configuration and of all pictures."""
        return hashlib.sha256(
            f"{self.config.digest()} {self.pictures.digest()}".encode()
        ).hexdigest()

    @cached_property
    def plan(self) -> Plan:
        """Who judges what, in which order."""
        return make_plan(self.config, self.indices)

    def secrets(self) -> Secrets:
        """Read ``secrets.json``.

        Raises:
            UserError: it is missing, damaged, or readable by others.
        """
        return _read_secrets(self.path / SECRETS_FILE)

    def picture(self, index: int) -> Picture:
        """The picture in place `index` of ``pictures.json``."""
        return self.pictures.pictures[index]

    def picture_bytes(self, index: int, model: str) -> bytes:
        """Read one PNG and check that it is the one that the study was made with.

        Args:
            index: the picture's place in ``pictures.json``.
            model: a model's name, or `snellen.study.pictures.ORIGINAL`.

        Raises:
            UserError: it cannot be read, or was changed.
        """
        picture = self.pictures.pictures[index]
        place = self.path / picture.files[model]
        try:
            data = place.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
        if hashlib.sha256(data).hexdigest() != picture.sha256[model]:
            raise UserError(
                f"{shown(place)} is not the picture that the study was made with: restore it, or "
                "make the study anew with `snellen study create`."
            )
        return data

    def changed_pictures(self) -> list[str]:
        """Read all files of the shown pictures; the sentences about those that are not as made."""
        found = []
        for index in self.indices:
            for model in self.pictures.pictures[index].files:
                try:
                    self.picture_bytes(index, model)
                except UserError as error:
                    found.append(str(error))
        return found


def open_study(path: str | os.PathLike[str]) -> Study:
    """Read a study's folder and check that its parts fit together.

    Args:
        path: the folder.

    Raises:
        UserError: it is no study, a part is missing or damaged, ``study.yaml`` names models or
            pictures that there are not, or its design is impossible.
    """
    folder = Path(path)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UserError(
            f"{shown(folder)} {what}: name a study's folder, which `snellen study create` makes."
        )
    pictures = read_picture_set(folder)
    if not (folder / CONFIG_FILE).exists():
        raise UserError(
            f"{shown(folder / CONFIG_FILE)} is missing: restore it, or make the study anew with "
            "`snellen study create`."
        )
    config, lines = read_config_with_lines(folder / CONFIG_FILE)
    where = shown(folder / CONFIG_FILE)
    for place, model in enumerate(config.models):
        if model not in pictures.models:
            here = placed(where, lines, "models", place)
            raise UserError(
                f"{here}: there is no model {model!r}.{nearest(model, pictures.models)} "
                f"The study has {_listed(pictures.models)}."
            )
    indices = select_pictures(pictures, config.pictures, config.seed, where, lines)
    study = Study(folder, config, pictures, indices)
    try:
        study.plan  # noqa: B018 - it is made, and kept
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return study


def select_pictures(
    pictures: PictureSet,
    wanted: str | int | Sequence[str],
    seed: int,
    where: str = CONFIG_FILE,
    lines: Lines = MappingProxyType({}),
) -> tuple[int, ...]:
    """Which pictures a study shows.

    A number of them is drawn by a hash of the seed and their names, from as many sources as there
    are: a second one of a source comes only when each source has given one.

    Args:
        pictures: all there are.
        wanted: ``"all"``, a number, or names.
        seed: of the draw.
        where: what the sentence names.
        lines: of ``study.yaml``, where that is what says which are wanted.

    Returns:
        Places in `pictures.pictures`, ascending.

    Raises:
        UserError: there are fewer, or none of that name.
    """
    there = pictures.pictures
    here = placed(where, lines, "pictures")
    if wanted == "all":
        return tuple(range(len(there)))
    if isinstance(wanted, int):
        if wanted > len(there):
            raise UserError(
                f"{here}: of pictures {wanted} are asked for, there are {len(there)}: say all, or "
                f"a number up to {len(there)}."
            )
        return tuple(sorted(_drawn(pictures, seed)[:wanted]))
    places = {picture.name: place for place, picture in enumerate(there)}
    for place, name in enumerate(wanted):
        if name not in places:
            here = placed(where, lines, "pictures", place)
            raise UserError(f"{here}: there is no picture {name!r}.{nearest(name, places)}")
    if not wanted:
        raise UserError(f"{here}: pictures: none is named; write `pictures: all`, or names.")
    return tuple(sorted(places[name] for name in wanted))


def _drawn(pictures: PictureSet, seed: int) -> list[int]:
    """All places, in the order of the draw."""
    names = [picture.name for picture in pictures.pictures]
    keys = [hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names]
    met: dict[str, int] = {}
    rounds = {}
    for place in sorted(range(len(names)), key=lambda place: keys[place]):
        source = pictures.pictures[place].source
        rounds[place] = met[source] = met.get(source, -1) + 1
    return sorted(range(len(names)), key=lambda place: (rounds[place], keys[place]))


def placeholders(config: StudyConfig) -> tuple[str, ...]:
    """Keys whose texts still hold what ``create`` left for the study's owner to fill in."""
    texts = {key: getattr(config, key) for key in ("title", "instructions", "consent", "contact")}
    return tuple(key for key, text in texts.items() if PLACEHOLDER in text)


def contradictions(config: StudyConfig) -> tuple[str, ...]:
    """What the texts say otherwise than the values; as far as a program can read them."""
    said = [int(days) for days in re.findall(r"\b(\d{1,6})\s+days\b", config.consent)]
    if not said or config.retention_days in said:
        return ()
    return (f"the consent speaks of {said[0]} days, retention_days is {config.retention_days}",)


def new_secrets() -> Secrets:
    """Draw secrets of the operating system's randomness."""
    return Secrets(random_secrets.token_hex(16), random_secrets.token_hex(32))


def write_secrets(place: Path, drawn: Secrets) -> None:
    """Make ``secrets.json``, for its owner's eyes alone.

    Raises:
        OSError: it is there already, or cannot be written.
    """
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps({"admin": drawn.admin, "salt": drawn.salt}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _read_secrets(place: Path) -> Secrets:
    try:
        others = place.stat().st_mode & 0o077
        values = json.loads(place.read_bytes())
        admin, salt = values["admin"], values["salt"]
    except FileNotFoundError:
        raise UserError(
            f"{shown(place)} is missing: restore it from a backup. Without it nobody can open the "
            "admin page, and participants who come back are not recognised."
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{shown(place)} is damaged: restore it from a backup.") from error
    if others and os.name == "posix":
        raise UserError(
            f"{shown(place)} can be read by others on this machine: type "
            f"`chmod 600 {shown(place)}`."
        )
    sound = (isinstance(text, str) for text in (admin, salt))
    if not all(sound) or not (_hex(admin, 32) and _hex(salt, 64)):
        raise UserError(f"{shown(place)} is damaged: restore it from a backup.")
    return Secrets(admin, salt)


def _hex(text: str, digits: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{digits}}}", text) is not None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
