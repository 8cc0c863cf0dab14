"""On which pictures training, catch trials and repeats of a study are, as its plan deals them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from snellen.reports.protocol import counted
from snellen.reports.study_facts import Facts

__all__ = ["ExtraTrials", "extra_trials", "repeats_in_words"]

# By whom pictures are judged: by nobody, by others only, or by the same person; one and several.
_NOBODY = ("on another picture, which nobody judges", "on other pictures, which nobody judges")
_OTHERS = (
    "on another picture than the same person judges",
    "on other pictures than the same person judges",
)
_LATER = ("on a picture that counts later, too", "on pictures that count later, too")
_ELSEWHERE = (
    "on a picture that counts in another trial, too",
    "on pictures that count in other trials, too",
)


@dataclass(frozen=True)
class ExtraTrials:
    """On which pictures the training and the catch trials are, in words."""

    training: str
    catch: str


def extra_trials(study: Facts) -> ExtraTrials | None:
    """Say where a person's training and catch trials get their pictures.

    They get those that nobody judges, then those that only others do, then the person's own, and
    all of them again where even these do not suffice: `Plan.trials`.

    Args:
        study: design, people, trials_per_person, pictures, training_trials and catch_trials are
            read; where any is not known there is nothing to say.

    >>> print(extra_trials({"design": "crossed", "people": 5, "trials_per_person": 18,
    ...     "pictures": 19, "training_trials": 3, "catch_trials": 1}).training)
    1 on another picture, which nobody judges, and 2 on pictures that count later, too
    """
    known = ("people", "trials_per_person", "pictures", "training_trials", "catch_trials")
    values = [study.get(key) for key in known]
    if any(value is None for value in values):
        return None
    people, own, pictures, training, catch = (int(value or 0) for value in values)
    judged = {"nested": people * own, "crossed": own}.get(str(study["design"]), pictures)
    classes = [0] * (pictures - judged) + [1] * (judged - own) + [2] * own
    used = [classes[k % pictures] for k in range(training + catch)]
    return ExtraTrials(
        _in_words(used[:training], (_NOBODY, _OTHERS, _LATER)),
        _in_words(used[training:], (_NOBODY, _OTHERS, _ELSEWHERE)),
    )


def _in_words(used: Iterable[int], words: tuple[tuple[str, str], ...]) -> str:
    counts = sorted(Counter(used).items())
    told = [words[kind][count > 1] for kind, count in counts]
    if len(told) < 2:
        return "".join(told)
    parts = [f"{count} {text}" for (_, count), text in zip(counts, told, strict=True)]
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


def repeats_in_words(study: Facts) -> str:
    """Say which trials come a second time, and when.

    >>> print(repeats_in_words({"repeats": 2, "trials_per_person": 18}))
    2 of the first 6 trials come a second time, after the first 12 of 18 at the earliest, with no
    model in its old place; the first answer counts.
    """
    count, trials = study["repeats"], study.get("trials_per_person")
    comes = "comes" if count == 1 else "come"
    if trials is None:
        return (
            f"{counted(count, 'trial')} {comes} a second time, later, with no model in its old "
            "place; the first answer counts."
        )
    early, late = max(count, -(-trials // 3)), max(count, trials - trials // 3)
    return (
        f"{count} of the first {early} trials {comes} a second time, after the first {late} of "
        f"{trials} at the earliest, with no model in its old place; the first answer counts."
    )
