"""Making a study's folder from pictures: ``snellen study create``."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.files import SAME_COMMAND, atomic_folder, shown
from snellen.images import to_channels
from snellen.images.decoders import encode_png
from snellen.study.config import Design, StudyConfig, parse_config
from snellen.study.design import make_plan, misfit
from snellen.study.exact import read_exactly
from snellen.study.fitting import LONGEST, fit_design, in_words, session_minutes, trials_of
from snellen.study.folder import (
    CONFIG_FILE,
    DATABASE_FILE,
    SECRETS_FILE,
    Study,
    new_secrets,
    open_study,
    placeholders,
    select_pictures,
    write_secrets,
)
from snellen.study.photographs import SOURCES_FILE, alike_note
from snellen.study.pictures import (
    ORIGINAL,
    PICTURES_FILE,
    Picture,
    PictureSet,
    picture_set_as_json,
)
from snellen.study.sources import Found, Source, find_source
from snellen.study.store.opening import create_database
from snellen.study.study_yaml import (
    PLATFORMS,
    PlatformKind,
    config_as_yaml,
    default_consent,
    default_contact,
    default_instructions,
    default_platform,
    default_title,
)
from snellen.study.version import snellen_version

__all__ = ["CreateOptions", "Created", "create_study"]

_WIDE = 1900  # pixels: most screens have about as many, or fewer
_TYPED = {
    "people": "--people ",
    "trials_per_person": "--trials ",
    "design": "--design ",
    "pictures": "--pictures ",
}
_LONGEST = 60  # characters of a folder's name


@dataclass(frozen=True)
class CreateOptions:
    """What ``study.yaml`` is to say; None leaves it to `create_study`.

    Attributes:
        people, trials: numbers of participants, and of pictures for each.
        design: see `snellen.study.config.StudyConfig`.
        models: which, in this order; the others are not copied.
        pictures: ``"all"``, a number, or names; all are copied.
        title, instructions, consent, contact: texts; without them, ones to begin with.
        platform: ``open``, ``prolific`` or ``mturk``.
        ties: whether two models may share a rank.
        seed: of all draws.
    """

    people: int | None = None
    trials: int | None = None
    design: Design | None = None
    models: Sequence[str] | None = None
    pictures: str | int | Sequence[str] | None = None
    title: str | None = None
    instructions: str | None = None
    consent: str | None = None
    contact: str | None = None
    platform: PlatformKind = "open"
    ties: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Created:
    """A new study, and what its owner should be told.

    Attributes:
        study: as `open_study` returns it.
        words: what will be asked of whom, in a sentence or two, and from how many photographs the
            pictures come where ``sources.csv`` says it.
        notes: sentences about what looks odd; empty if nothing does.
    """

    study: Study
    words: str
    notes: tuple[str, ...] = field(default=())


def create_study(
    bundle: str | os.PathLike[str],
    study: str | os.PathLike[str],
    options: CreateOptions = CreateOptions(),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Created:
    """Make a study's folder, whole or not at all.

    Args:
        bundle: a run's folder, a study bundle, or a folder ``original/ modelA/ modelB/ …``,
            perhaps with ``sources.csv``.
        study: the new folder; missing parents are made.
        options: what ``study.yaml`` is to say.
        progress: told how many of the pictures are copied, and how many there are.

    Raises:
        UserError: the pictures do not belong together or cannot be shown as they are, the options
            do not fit them, `study` exists, or it cannot be written.
    """
    target = Path(study)
    if os.path.lexists(target):
        raise UserError(
            f"{shown(target)} exists: name another place for the study, or look at what is there."
        )
    if options.platform not in PLATFORMS:
        raise UserError(f"got platform {options.platform!r}; need one of {', '.join(PLATFORMS)}.")
    source = find_source(bundle, options.models)
    if Path(bundle).resolve() in (target.parent.resolve(), *target.resolve().parents):
        raise UserError(
            f"{shown(target)} lies inside {shown(bundle)}, the pictures: name a place elsewhere."
        )
    config, indices = _config(source, options)
    with atomic_folder(target, again=SAME_COMMAND) as temporary:
        pictures = _copy_pictures(source, temporary, progress)
        _write(temporary / PICTURES_FILE, picture_set_as_json(pictures))
        _write(temporary / CONFIG_FILE, config_as_yaml(config).encode())
        write_secrets(temporary / SECRETS_FILE, new_secrets())
        create_database(temporary / DATABASE_FILE)
        os.chmod(temporary / DATABASE_FILE, 0o600)
    made = open_study(target)
    notes = _notes(made)
    words = in_words(config, len(indices))
    provenance = made.pictures.provenance
    if "sources" in provenance:
        words += _from_photographs(made)
    elif provenance["kind"] == "folders":
        names = [made.picture(index).name for index in made.indices]
        if note := alike_note(Path(bundle), names):
            notes.insert(0, note)
    return Created(made, words, tuple(notes))


def _from_photographs(study: Study) -> str:
    """How many photographs the pictures come from, as ``sources.csv`` says."""
    count = len({study.picture(index).source for index in study.indices})
    used = len(study.indices)
    return (
        f" The {used:,} picture{'s' * (used != 1)} come{'s' * (used == 1)} from "
        f"{count:,} photograph{'s' * (count != 1)} ({SOURCES_FILE})."
    )


def _config(source: Source, options: CreateOptions) -> tuple[StudyConfig, tuple[int, ...]]:
    """What ``study.yaml`` will say, and the places of the pictures that it selects."""
    there = PictureSet(
        source.models,
        tuple(Picture(found.name, found.source, 1, 1, 1, {}, {}) for found in source.pictures),
    )
    wanted = "all" if options.pictures is None else options.pictures
    count = len(select_pictures(there, wanted, options.seed, "--pictures"))
    fit = fit_design(count, design=options.design, people=options.people, trials=options.trials)
    if options.pictures is None and fit.pictures < count:
        wanted = count = fit.pictures
    if sentence := misfit(fit.design, fit.people, fit.trials, count, typed=_TYPED):
        raise UserError(sentence)
    platform = default_platform(options.platform)
    values: dict[str, Any] = {
        "title": default_title() if options.title is None else options.title,
        "models": list(source.models),
        "pictures": wanted if isinstance(wanted, str | int) else list(wanted),
        "design": fit.design,
        "people": fit.people,
        "trials_per_person": fit.trials,
        "catch_trials": fit.catch_trials,
        "repeats": fit.repeats,
        "exclusion": {"max_failed_catch": min(1, max(0, fit.catch_trials - 1))},
        "ties": options.ties,
        "seed": options.seed,
        "platform": platform.model_dump(),
        "instructions": options.instructions or default_instructions(ties=options.ties),
        "contact": options.contact or default_contact(),
    }
    retention = StudyConfig.model_fields["retention_days"].default
    values["consent"] = options.consent or default_consent(platform, retention_days=retention)
    config = parse_config(values, "the options")
    indices = select_pictures(there, config.pictures, config.seed, "--pictures")
    make_plan(config, indices)  # before pictures are copied
    return config, indices


def _copy_pictures(
    source: Source, study: Path, progress: Callable[[int, int], None] | None
) -> PictureSet:
    """Write all pictures as PNG below ``pictures/``, and nothing but their pixels."""
    folders = _folder_names(source.models)
    for folder in folders.values():
        (study / "pictures" / folder).mkdir(parents=True)
    digits = max(4, len(str(len(source.pictures))))
    pictures = []
    for number, found in enumerate(source.pictures):
        pixels = _read_alike(found)
        channels = 3 if any(array.ndim == 3 for array in pixels.values()) else 1
        files, sums = {}, {}
        for name, array in pixels.items():
            file = f"pictures/{folders[name]}/{number + 1:0{digits}}.png"
            data = encode_png(array if channels == 1 else to_channels(array, 3))
            (study / file).write_bytes(data)
            files[name], sums[name] = file, hashlib.sha256(data).hexdigest()
        height, width = pixels[ORIGINAL].shape[:2]
        pictures.append(Picture(found.name, found.source, width, height, channels, files, sums))
        if progress is not None:
            progress(number + 1, len(source.pictures))
    provenance = {
        **source.provenance,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "snellen": snellen_version(),
    }
    return PictureSet(source.models, tuple(pictures), provenance)


def _read_alike(found: Found) -> dict[str, NDArray[np.uint8]]:
    """Read one picture of everyone; all of one size, and as the manifest says, if there is one."""
    pixels: dict[str, NDArray[np.uint8]] = {}
    for name, path in found.files.items():
        if found.sha256 is not None:
            _check_sum(path, found.sha256[name])
        pixels[name] = array = read_exactly(path)
        height, width = array.shape[:2]
        original = pixels[ORIGINAL]
        if array.shape[:2] != original.shape[:2]:
            raise UserError(
                f"{shown(path)} is {width}×{height}, its original "
                f"{original.shape[1]}×{original.shape[0]}: all pictures of one name need one size,"
                " cut them alike."
            )
        if found.size is not None and found.size != (width, height, 1 if array.ndim == 2 else 3):
            wide, high, channels = found.size
            raise UserError(
                f"{shown(path)} is {width}×{height} with {1 if array.ndim == 2 else 3} channels, "
                f"its manifest says {wide}×{high} with {channels}: let the run write its bundle "
                "again."
            )
    return pixels


def _check_sum(path: Path, expected: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror or error}.") from error
    if found != expected:
        raise UserError(
            f"{shown(path)} is not what its manifest says (SHA-256): it was changed since the "
            "bundle was written. Let the run write its bundle again."
        )


def _folder_names(models: Sequence[str]) -> Mapping[str, str]:
    """A folder for the originals and for each model that any file system takes.

    >>> _folder_names(["mse", "mse>ms-ssim@0.5", "mse@ms-ssim@0.5"])
    {'original': 'original', 'mse': 'mse', 'mse>ms-ssim@0.5': 'mse-ms-ssim-0.5',
     'mse@ms-ssim@0.5': 'mse-ms-ssim-0.5-2'}
    """
    found = {ORIGINAL: ORIGINAL}
    taken = {ORIGINAL}
    for model in models:
        plain = re.sub(r"[^A-Za-z0-9._+]+", "-", model).strip("-.")[:_LONGEST].rstrip("-.")
        plain = candidate = plain or "model"
        count = 1
        while candidate.lower() in taken:  # not all file systems tell capitals apart
            count += 1
            candidate = f"{plain}-{count}"
        taken.add(candidate.lower())
        found[model] = candidate
    return found


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _notes(study: Study) -> list[str]:
    """What looks odd, though nothing forbids it."""
    pictures = study.pictures.pictures
    notes = []
    names = (ORIGINAL, *study.config.models)
    whole = {name: tuple(picture.sha256[name] for picture in pictures) for name in names}
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            if whole[first] == whole[second]:
                told = "the originals" if first == ORIGINAL else repr(first)
                notes.append(
                    f"all pictures of {second!r} are those of {told}, pixel for pixel: is that "
                    "meant?"
                )
    widest = max(picture.width for picture in pictures)
    count = len(study.config.models)
    if widest * count > _WIDE:
        notes.append(
            f"{count} pictures of {widest} pixels side by side are {widest * count} wide, more "
            "than most screens: participants will have to scroll. Smaller cuts are easier to "
            "compare."
        )
    minutes = session_minutes(trials_of(study.config))
    if minutes > LONGEST:
        notes.append(
            f"a session takes about {minutes} minutes; ITU-R BT.500 keeps sessions below {LONGEST},"
            " because people tire: ask more people for fewer trials each (--trials)."
        )
    if missing := placeholders(study.config):
        notes.append(
            f"fill in what stands in [FILL IN: …] in {shown(study.path / CONFIG_FILE)}: "
            f"{', '.join(missing)}."
        )
    return notes
