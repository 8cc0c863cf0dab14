"""Numbers of people and trials that fit the pictures there are, and how long they take."""

from __future__ import annotations

import math
from dataclasses import dataclass

from snellen.errors import UserError
from snellen.study.config import DESIGNS, Design, StudyConfig

__all__ = ["LONGEST", "Fit", "fit_design", "in_words", "session_minutes", "trials_of"]

_PEOPLE, _TRIALS = 20, 50  # the poster's
LONGEST = 30
"""Minutes that a session should stay below.

Source: ITU-R BT.500-15 (2023), and ITU-T P.910 (2023).
"""

_AROUND, _TRIAL = 120, 12  # seconds: reading, consent and the screen check; each trial


@dataclass(frozen=True)
class Fit:
    """A design for so many pictures.

    Attributes:
        design, people, trials: what the design is.
        pictures: how many of the pictures it uses.
        catch_trials, repeats: how many of them go with so many trials.
    """

    design: Design
    people: int
    trials: int
    pictures: int
    catch_trials: int = 2
    repeats: int = 2


def fit_design(
    pictures: int,
    *,
    design: Design | None = None,
    people: int | None = None,
    trials: int | None = None,
) -> Fit:
    """Choose what was not asked for: 20 people, 50 trials, and the design that fits.

    1,000 pictures and more are judged as on the poster: each once (``nested``). With fewer, people
    overlap, so that their agreement can be measured: everyone sees all of up to 50 pictures
    (``crossed``), or a share of more (``balanced-incomplete``; at least two see each picture).

    Args:
        pictures: how many there are.
        design: what was asked for, like the next two; it is kept, fitting or not.
        people: participants.
        trials: pictures for each.

    Raises:
        UserError: a number below 1, or an unknown design.

    >>> fit_design(1000)
    Fit(design='nested', people=20, trials=50, pictures=1000, catch_trials=2, repeats=2)
    >>> fit_design(19).design, fit_design(300).design
    ('crossed', 'balanced-incomplete')
    """
    for name, value in (("people", people), ("trials", trials)):
        if value is not None and value < 1:
            raise UserError(f"got --{name} {value}; need at least 1.")
    if design is not None and design not in DESIGNS:
        raise UserError(f"got --design {design!r}; need one of {', '.join(DESIGNS)}.")
    if design is None:
        asked = (people or _PEOPLE) * (trials or _TRIALS)
        if pictures >= max(asked, _PEOPLE * _TRIALS):
            design = "nested"
        else:
            design = "crossed" if pictures <= (trials or _TRIALS) else "balanced-incomplete"
    if design == "nested":
        if people is None:
            people = max(1, min(_PEOPLE, pictures // (trials or 1)))
        if trials is None:
            trials = max(1, min(_TRIALS, pictures // people))
    else:
        people = people or _PEOPLE
        trials = trials or min(_TRIALS, pictures)
    # The others stay for training trials, where not all must be judged.
    shared_out = design == "balanced-incomplete"
    used = max(trials, people * trials // 2) if shared_out else pictures
    # Of few trials few can come again, long after the first time.
    catch, repeats = min(2, trials // 2), min(2, trials // 5)
    return Fit(design, people, trials, min(used, pictures), catch, repeats)


def session_minutes(trials: int) -> int:
    """How long so many trials take, as participants are told.

    >>> session_minutes(50)
    12
    """
    return math.ceil((_AROUND + _TRIAL * trials) / 60)


def trials_of(config: StudyConfig) -> int:
    """How many trials of every kind a session has."""
    return config.trials_per_person + config.training_trials + config.catch_trials + config.repeats


def in_words(config: StudyConfig, pictures: int) -> str:
    """Say who judges what, and how long it takes.

    Args:
        config: of the study.
        pictures: how many are used.
    """
    people, trials = config.people, config.trials_per_person
    each = people * trials / pictures
    about = f"{each:,.0f}" if each == round(each) else f"{int(each)} or {int(each) + 1}"
    seen = f"{trials} picture{'s' if trials > 1 else ''}"
    how = {
        "nested": f"each sees {seen} of their own, which nobody else ranks",
        "crossed": f"everyone sees the same {seen}",
        "balanced-incomplete": f"each sees {seen} of {pictures}, and each picture is ranked by "
        f"{about} people",
    }[config.design]
    extra = [
        f"{count} {what}".rstrip()
        for count, what in (
            (trials, ""),
            (config.training_trials, "to practise"),
            (config.catch_trials, "to catch who does not look"),
            (config.repeats, "repeated"),
        )
        if count
    ]
    return (
        f"{config.design}: {people:,} people rank {len(config.models)} models; {how}. "
        f"{people * trials:,} rankings; for each person {' + '.join(extra)} trials, "
        f"about {session_minutes(trials_of(config))} minutes."
    )
