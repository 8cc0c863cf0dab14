"""What a study asks, of whom and how: ``study.yaml``, checked before anyone is asked.

The file is for people to read and edit. Unknown keys are errors that name the nearest one. With the
first consent it is frozen: its hash is kept beside the answers, and a study whose file says
something else is not served.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.study.plain_yaml import Lines, placed, read_with_lines

__all__ = [
    "DESIGNS",
    "MOST_MODELS",
    "Design",
    "Exclusion",
    "Mturk",
    "OpenLink",
    "Platform",
    "Prolific",
    "StudyConfig",
    "parse_config",
    "read_config_with_lines",
    "read_study_config",
]

Design = Literal["nested", "crossed", "balanced-incomplete"]
DESIGNS: tuple[Design, ...] = ("nested", "crossed", "balanced-incomplete")

MOST_MODELS = 6
"""That people can rank at once; two are the fewest."""

_Text = Annotated[str, Field(min_length=1, max_length=20_000)]
_Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{4,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Exclusion(_Strict):
    """Whose answers the analysis leaves out; it reports what comes of leaving nobody out, too.

    A participant is excluded who breaks any rule that is not null.
    """

    max_failed_catch: Annotated[int, Field(ge=0)] | None = Field(
        default=1, description="catch trials that may be failed"
    )
    min_median_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=1.0, description="between a picture's appearance and the answer"
    )
    min_retest: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        default=None, description="mean Kendall's tau-b between a repeated trial's two answers"
    )


class OpenLink(_Strict):
    """A link that anyone may open, or one invitation for each participant."""

    kind: Literal["open"] = "open"
    invitations: bool = Field(
        default=False, description="whether a link is personal: `snellen study invite` prints them"
    )


class Prolific(_Strict):
    """Prolific sends people with three parameters and takes them back with one of three codes."""

    kind: Literal["prolific"]
    completed: _Code
    no_consent: _Code
    screened_out: _Code


class Mturk(_Strict):
    """An ExternalQuestion of Amazon Mechanical Turk."""

    kind: Literal["mturk"]
    sandbox: bool = True
    reward: Annotated[str, Field(pattern=r"^\d+\.\d\d$")] = Field(
        default="1.00", description="US dollars for each participant"
    )
    minutes: Annotated[int, Field(ge=1, le=525_600)] = Field(
        default=60, description="in which a participant must be done"
    )
    days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=7, description="for which it is offered"
    )


Platform = Annotated[OpenLink | Prolific | Mturk, Field(discriminator="kind")]


class StudyConfig(_Strict):
    """All that ``study.yaml`` may say."""

    format: Literal[1] = 1

    # What people read
    title: Annotated[str, Field(min_length=1, max_length=200)]
    instructions: _Text
    consent: _Text
    contact: Annotated[str, Field(min_length=1, max_length=200)]
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = Field(
        default="en", description="in which the texts above are written (BCP 47)"
    )

    # What they see
    models: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]
    pictures: Literal["all"] | Annotated[int, Field(ge=1)] | tuple[str, ...] = Field(
        default="all", description="all, a number (drawn by the seed), or names"
    )
    magnify: Literal["auto"] | Annotated[int, Field(ge=1, le=16)] = Field(
        default="auto", description="a picture's pixel is so many device pixels wide and high"
    )
    small_screens: Literal["allow", "refuse"] = "allow"
    smallest_window: Annotated[int, Field(ge=200, le=4000)] = Field(
        default=600, description="width in CSS pixels below which small_screens: refuse refuses"
    )

    # Who judges how much
    design: Design
    people: Annotated[int, Field(ge=1, le=100_000)]
    trials_per_person: Annotated[int, Field(ge=1, le=1000)]
    ties: bool = Field(default=False, description="whether two models may share a rank")
    training_trials: Annotated[int, Field(ge=0, le=10)] = 3
    catch_trials: Annotated[int, Field(ge=0, le=50)] = Field(
        default=2, description="the original stands among the pictures and must be ranked first"
    )
    repeats: Annotated[int, Field(ge=0, le=100)] = Field(
        default=2, description="trials that come a second time"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    exclusion: Exclusion = Field(default_factory=Exclusion)
    platform: Platform = Field(default_factory=OpenLink)
    lease_minutes: Annotated[int, Field(ge=1, le=10_080)] = Field(
        default=60, description="without an answer, after which another may take the place"
    )
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        default=365, description="after which `snellen study doctor` asks for a purge"
    )

    @field_validator("models", "pictures", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("models")
    @classmethod
    def _check_models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("each model may be named once")
        if not 2 <= len(value) <= MOST_MODELS:
            raise ValueError(f"2 to {MOST_MODELS} models can be ranked")
        return value

    @field_validator("pictures")
    @classmethod
    def _check_pictures(cls, value: Any) -> Any:
        if isinstance(value, tuple) and len(set(value)) < len(value):
            raise ValueError("each picture may be named once")
        return value

    def digest(self) -> str:
        """SHA-256 of all values, whatever the file's layout; 64 hexadecimal digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def parse_config(
    values: Any, where: str = "study.yaml", lines: Lines = MappingProxyType({})
) -> StudyConfig:
    """Check the values of a ``study.yaml``.

    Args:
        values: what YAML or JSON holds.
        where: what the sentence names.
        lines: in which keys stand, for the sentence; what it does not hold has no line.

    Raises:
        UserError: the first thing that is wrong.

    >>> parse_config({"titel": "Which is closest?"})
    Traceback (most recent call last):
    snellen.errors.UserError: study.yaml: there is no key 'titel'. Did you mean 'title'?
    """
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UserError(f"{where} must hold lines of the form `key: value`.")
    unknown = [key for key in values if key not in StudyConfig.model_fields]
    if unknown:
        near = nearest(unknown[0], StudyConfig.model_fields)
        raise UserError(
            f"{placed(where, lines, unknown[0])}: there is no key {unknown[0]!r}.{near}"
        )
    try:
        return StudyConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{placed(where, lines, *_keys(first))}: {_sentence(first)}") from error


# What a value must be, where pydantic's words would be a pattern or name one possibility of three.
_NEEDED = {
    "language": "need a language as BCP 47 spells it, like en, de or pt-BR",
    "pictures": "need all, a number from 1, or a list of names",
    "magnify": "need auto, or a whole number from 1 to 16",
    "platform.reward": 'need dollars and cents in quotes, like "2.50"',
    "platform.completed": "need 4 to 64 letters, digits, _ or -",
    "platform.no_consent": "need 4 to 64 letters, digits, _ or -",
    "platform.screened_out": "need 4 to 64 letters, digits, _ or -",
}
_KINDS: dict[str, type[_Strict]] = {"open": OpenLink, "prolific": Prolific, "mturk": Mturk}
_NAMES = {None: "nothing", True: "true", False: "false"}


def _keys(first: ErrorDetails) -> tuple[str | int, ...]:
    """On the way to what is wrong, as the file has them."""
    place = first["loc"]
    if place[0] == "platform":
        # A second one is the platform's kind, a third its key.
        return ("platform", *(place[2:] or ["kind"]))
    return place[:1] if place[0] in ("pictures", "magnify") else place


def _sentence(first: ErrorDetails) -> str:
    kind, got = first["type"], first["input"]
    place = [str(part) for part in first["loc"]]
    if place[0] == "platform" and len(place) > 1:
        return _of_platform(place[1], ".".join(("platform", *place[2:])), first)
    if place[0] in ("pictures", "magnify"):
        place = place[:1]  # the rest is which of the possibilities it is not
    key = ".".join(place)
    if kind == "union_tag_not_found":
        return f"{key}.kind is missing: need one of {', '.join(_KINDS)}."
    if kind == "union_tag_invalid":
        return f"{key}.kind: need one of {', '.join(_KINDS)} (got {_got(got.get('kind'))})."
    if kind == "extra_forbidden":
        near = nearest(place[-1], Exclusion.model_fields)
        return f"there is no key {key!r}.{near}"
    if kind == "missing":
        return f"{key} is missing."
    return _wrong(key, first)


def _of_platform(tag: str, key: str, first: ErrorDetails) -> str:
    """The same of a key that only one kind of platform has."""
    known = [name for name in _KINDS[tag].model_fields if name != "kind"]
    name = key.removeprefix("platform.")
    kind = first["type"]
    if kind == "extra_forbidden":
        return (
            f"platform: kind {tag} has no key {name!r}.{nearest(name, known)} It has "
            f"{', '.join(known)}."
        )
    if kind == "missing":
        return (
            f"{key} is missing, which kind {tag} needs: `snellen study create --platform {tag}` "
            "makes a study that has it."
        )
    return _wrong(key, first)


def _wrong(key: str, first: ErrorDetails) -> str:
    kind, got = first["type"], first["input"]
    if (needed := _NEEDED.get(key)) and kind != "value_error":
        return f"{key}: {needed} (got {_got(got)})."
    message = first["msg"].removeprefix("Value error, ")
    quotes = kind == "string_type" and isinstance(got, bool | int | float)
    hint = ": put it into quotes" if quotes else ""
    return f"{key}: {message[:1].lower()}{message[1:]} (got {_got(got)}){hint}."


def _got(value: Any) -> str:
    """A value as YAML spells it.

    >>> _got(None), _got(True), _got("a")
    ('nothing', 'true', "'a'")
    """
    if value is None or isinstance(value, bool):
        return _NAMES[value]
    return repr(list(value) if isinstance(value, tuple) else value)[:80]


def read_study_config(path: str | Path) -> StudyConfig:
    """Read and check a ``study.yaml``.

    Raises:
        UserError: it is missing, not YAML, or says something that cannot be.
    """
    return read_config_with_lines(path)[0]


def read_config_with_lines(path: str | Path) -> tuple[StudyConfig, Lines]:
    """Read and check a ``study.yaml``; also in which lines it says what.

    Raises:
        UserError: as `read_study_config`.
    """
    place = Path(path)
    try:
        data = place.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
    values, lines = read_with_lines(data, shown(place))
    return parse_config(values, shown(place), lines), lines
