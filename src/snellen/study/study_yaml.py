"""Writing ``study.yaml`` for people: every key with what it means, and texts to begin with."""

from __future__ import annotations

import re
import secrets
import textwrap
from typing import Any, Literal

import yaml

from snellen.study.config import (
    MOST_MODELS,
    Exclusion,
    Mturk,
    OpenLink,
    Platform,
    Prolific,
    StudyConfig,
    parse_config,
)
from snellen.study.plain_yaml import read_plain_yaml

__all__ = [
    "PLATFORMS",
    "PlatformKind",
    "config_as_yaml",
    "default_consent",
    "default_contact",
    "default_instructions",
    "default_platform",
    "default_title",
]

PlatformKind = Literal["open", "prolific", "mturk"]
PLATFORMS: tuple[PlatformKind, ...] = ("open", "prolific", "mturk")

_WIDTH = 96  # of the lines of texts
# What YAML reads as the end of a line, or leaves out, where it is not escaped.
_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")


def default_title() -> str:
    """What the page is called."""
    return "Which picture looks closest to the original?"


def default_instructions(*, ties: bool) -> str:
    """What participants are asked to do; plain text, paragraphs apart by an empty line."""
    equal = (
        "If you see no difference between two pictures, you may give them the same rank."
        if ties
        else "If you see no difference between two pictures, choose as you feel; please do not"
        " leave the order to chance otherwise."
    )
    return _paragraphs(
        "In each trial you see an original picture and several copies of it. The copies differ"
        " from the original, some more, some less.",
        "Rank the copies: the one that looks closest to the original comes first, the next closest"
        f" second, and so on. {equal}",
        "There is no right answer: we want to know how the pictures look to you. Please look at"
        " the whole picture, at your usual distance from the screen, and do not change the zoom of"
        " your browser. A few trials to practise come first.",
    )


def default_consent(config_platform: Platform, *, retention_days: int) -> str:
    """What participants agree to; holds places that only the study's owner can fill in."""
    paid = {
        "open": "",
        "prolific": " To pay you, we also keep your Prolific ID, apart from your answers, and"
        " delete it when all payments are made.",
        "mturk": " To pay you, we also keep your Mechanical Turk worker ID, apart from your"
        " answers, and delete it when all payments are made.",
    }[config_platform.kind]
    return _paragraphs(
        "You are invited to take part in a study about how people see pictures. It is run by"
        " [FILL IN: name and institution]. [FILL IN: approval of your ethics board, or delete"
        " this sentence.]",
        "You will rank pictures by how close they look to an original. You must be 18 or older."
        " There are no known risks beyond those of looking at a screen, and no direct benefit to"
        " you.",
        "We store your rankings, how long you took, the sizes of your screen and window and their"
        " magnification, whether you used a mouse, a finger or keys, and how often you left the"
        f" page. We do not store your name, your IP address or any cookie.{paid} What could tell"
        f" who you are is deleted after {retention_days} days at the latest; the anonymous answers"
        " may be published.",
        "Taking part is voluntary. You may stop at any time by closing the page. At the beginning"
        " you get a link with which you can withdraw later: all your answers are then deleted.",
        "By starting you confirm that you have read this and agree to take part.",
    )


def default_contact() -> str:
    """Whom participants may ask."""
    return "[FILL IN: name and e-mail address]"


def default_platform(kind: PlatformKind) -> Platform:
    """A platform with its usual numbers; Prolific's three codes are drawn anew."""
    if kind == "prolific":
        return Prolific(
            kind="prolific", completed=_code(), no_consent=_code(), screened_out=_code()
        )
    return Mturk(kind="mturk") if kind == "mturk" else OpenLink()


def _code() -> str:
    """Eight characters, as Prolific's own codes have them, without those that look alike."""
    return "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(8))


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(texts) + "\n"


def config_as_yaml(config: StudyConfig) -> str:
    """Return a commented ``study.yaml`` that is read as exactly `config`.

    >>> config = StudyConfig(
    ...     title="Boats", instructions="Rank.", consent="Yes.", contact="me@example.org",
    ...     models=("mse", "ms-ssim"), design="crossed", people=20, trials_per_person=50,
    ... )
    >>> parse_config(yaml.safe_load(config_as_yaml(config))) == config
    True
    """
    text = "\n".join(_blocks(config)) + "\n"
    if parse_config(read_plain_yaml(text, "study.yaml")) != config:
        raise AssertionError("study.yaml would be read as something else")
    return text


def _blocks(c: StudyConfig) -> list[str]:
    pictures: Any = list(c.pictures) if isinstance(c.pictures, tuple) else c.pictures
    return [
        _HEAD,
        _entry("format", c.format, "The version of this file's layout."),
        _rule("What people read"),
        _entry("title", c.title, "Stands at the top of the page. It should not tell the models."),
        _entry("instructions", c.instructions, "Shown before the first trial. Plain text."),
        _entry(
            "consent",
            c.consent,
            "What participants agree to before anything is stored. Fill in what stands in"
            " [FILL IN: …]; your ethics board may ask for more. It names the retention_days below.",
        ),
        _entry("contact", c.contact, "Whom participants may ask, shown with the consent."),
        _entry(
            "language", c.language, "In which the texts above are written, as BCP 47 spells it."
        ),
        _rule("What they see"),
        _entry(
            "models",
            list(c.models),
            f"2 to {MOST_MODELS}, in the order in which tables list them. Participants never see"
            " these names.",
        ),
        _entry(
            "pictures",
            pictures,
            "all, a number (drawn by the seed from as many photographs as there are), or a list of"
            " names from pictures.json.",
        ),
        _entry(
            "magnify",
            c.magnify,
            "A pixel of a picture is so many pixels of the screen wide and high: 1 to 16, or auto:"
            " as many as the window has room for. Never smoothed.",
        ),
        _entry("small_screens", c.small_screens, "allow, or refuse windows below smallest_window."),
        _entry("smallest_window", c.smallest_window, "In CSS pixels, 200 to 4000."),
        _rule("Who judges how much"),
        _entry(
            "design",
            c.design,
            "nested: everyone sees other pictures, each is ranked once. crossed: everyone sees the"
            " same. balanced-incomplete: pictures are shared out evenly, and people overlap."
            " `snellen study power` tells what each can show, before anyone is paid.",
        ),
        _entry("people", c.people, "Participants who are let in; those who leave are replaced."),
        _entry("trials_per_person", c.trials_per_person, "Pictures that each participant ranks."),
        _entry("ties", c.ties, "Whether two models may share a rank; true or false."),
        _entry("training_trials", c.training_trials, "To practise first; not analysed."),
        _entry(
            "catch_trials",
            c.catch_trials,
            "The original stands among the pictures and must be ranked first: shows who does not"
            " look.",
        ),
        _entry(
            "repeats", c.repeats, "Trials that come a second time: shows how stable answers are."
        ),
        _entry("seed", c.seed, "Of all that is drawn: which pictures, for whom, in which order."),
        _rule("Whose answers the analysis leaves out (null: not looked at)"),
        _exclusion(c.exclusion),
        _rule("Where they come from"),
        _platform(c.platform),
        _entry(
            "lease_minutes",
            c.lease_minutes,
            "Without an answer for so long, a participant's place may go to another.",
        ),
        _entry(
            "retention_days",
            c.retention_days,
            "So long what tells who participants are may be kept, as the consent says; afterwards"
            " `snellen study doctor` asks for a purge.",
        ),
    ]


_HEAD = """\
# A study in which people rank pictures. Edit it, then look at it with `snellen study serve`.
# With the first participant's consent it is frozen: from then on it must stay as it is."""


def _rule(title: str) -> str:
    return f"\n# ---- {title} ----"


def _entry(key: str, value: Any, comment: str, indent: str = "") -> str:
    lines = textwrap.wrap(comment, _WIDTH - len(indent))
    said = [f"{indent}# {line}" for line in lines]
    return "\n".join(["", *said, textwrap.indent(f"{key}:{_value(value)}", indent)])


def _value(value: Any) -> str:
    """What stands after a key's colon."""
    if isinstance(value, str) and "\n" in value and _is_plain(value):
        lines = value.removesuffix("\n").split("\n")
        style = ">" if all(" ".join(_folded(line)) == line for line in lines) else "|"
        if style == ">":  # a line's end is read as a space, an empty line as a line's end
            broken = [["", *_folded(line)] if line else [""] for line in lines]
            lines = [line for part in broken for line in part][1:]
        body = "\n".join(f"  {line}" if line else "" for line in lines)
        return f" {style}{'' if value.endswith(chr(10)) else '-'}\n{body}"
    texts = "".join(value) if isinstance(value, list) else str(value)
    text = yaml.safe_dump(
        {"k": value}, allow_unicode=not _BREAKS.search(texts), width=10_000, sort_keys=False
    )
    return text[2:].rstrip("\n")


def _folded(line: str) -> list[str]:
    """Break a line at spaces, but not inside of [FILL IN: …], which is looked for."""
    kept = re.sub(r"\[FILL IN[^]]*\]", lambda match: match[0].replace(" ", "\0"), line)
    wrapped = textwrap.wrap(kept, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [part.replace("\0", " ") for part in wrapped]


def _is_plain(text: str) -> bool:
    """Whether YAML keeps a text in a literal block as it is."""
    lines = text.removesuffix("\n").split("\n")
    printable = re.fullmatch(r"[\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe]*", text)
    return bool(
        printable and lines[0].strip() and lines[-1] and all(line == line.strip() for line in lines)
    )


def _exclusion(rule: Exclusion) -> str:
    entries = [
        ("max_failed_catch", rule.max_failed_catch, "Catch trials that may be failed."),
        (
            "min_median_seconds",
            rule.min_median_seconds,
            "Half of the trials must have taken at least so long.",
        ),
        (
            "min_retest",
            rule.min_retest,
            "Least agreement of a repeated trial's two answers (mean Kendall's tau-b, -1 to 1).",
        ),
    ]
    return "\nexclusion:" + "".join(_entry(*entry, indent="  ") for entry in entries)


def _platform(platform: Platform) -> str:
    entries: list[tuple[str, Any, str]]
    if isinstance(platform, OpenLink):
        kind = "open: a link that you pass on. Others: prolific, mturk (see `create --platform`)."
        entries = [
            (
                "invitations",
                platform.invitations,
                "true: only personal links, made by `snellen study invite`, are let in.",
            )
        ]
    elif isinstance(platform, Prolific):
        kind = "Recruited by Prolific. Give it the three codes when you set the study up there."
        entries = [
            ("completed", platform.completed, "All trials answered."),
            ("no_consent", platform.no_consent, "Consent refused."),
            ("screened_out", platform.screened_out, "The screen is too small."),
        ]
    else:
        kind = "Recruited by Amazon Mechanical Turk: `snellen study mturk create` offers it."
        entries = [
            ("sandbox", platform.sandbox, "true: Amazon's test site, no money flows."),
            ("reward", platform.reward, "US dollars for each participant, in quotes."),
            ("minutes", platform.minutes, "In which a participant must be done."),
            ("days", platform.days, "For which it is offered."),
        ]
    head = "\nplatform:" + _entry("kind", platform.kind, kind, indent="  ")
    return head + "".join(_entry(*entry, indent="  ") for entry in entries)
