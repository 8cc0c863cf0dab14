"""Numbers of people, trials and pictures that fit a design, and the nearest that do."""

from __future__ import annotations

from collections.abc import Mapping

from snellen.study.config import Design

__all__ = ["fits", "misfit"]


def misfit(
    design: Design,
    people: int,
    trials: int,
    pictures: int,
    *,
    typed: Mapping[str, str] | None = None,
) -> str:
    """Say in one sentence why the numbers do not fit a design and which do; "" where they fit.

    Args:
        design: nested, crossed or balanced-incomplete.
        people: how many are asked.
        trials: main trials of each.
        pictures: how many there are.
        typed: what stands before a value, by key; as in study.yaml by default.

    >>> print(misfit("nested", 20, 50, 600))
    nested: 20 people × 50 trials need 1000 pictures; there are 600: type trials_per_person: 30, or
    people: 12, or design: crossed, or design: balanced-incomplete.
    >>> misfit("crossed", 20, 50, 600)
    ''
    """
    if pictures < 1:
        return "there are no pictures to be judged: name at least one."
    if _fits(design, people, trials, pictures):
        return ""
    has = f"there {'is' if pictures == 1 else 'are'} {pictures}"
    product = f"{_count(people, 'person', 'people')} × {_count(trials, 'trial')}"
    if design == "nested":
        problem = f"{product} need {people * trials} pictures; {has}"
    elif trials > pictures:
        problem = f"{_count(trials, 'trial')} of a person need as many pictures; {has}"
    else:
        judged = _count(people * trials, "picture")
        problem = f"{product} judge {judged} at most; {has}, and each is to be judged"
    keys = typed or {}
    ways = [
        " with ".join(f"{keys.get(key, f'{key}: ')}{value}" for key, value in way.items())
        for way in fits(design, people, trials, pictures)
    ]
    return f"{design}: {problem}: type {', or '.join(ways)}."


def fits(design: Design, people: int, trials: int, pictures: int) -> list[dict[str, int | str]]:
    """The nearest settings that fit, each as the keys of study.yaml that would change.

    >>> fits("crossed", 20, 50, 10)
    [{'trials_per_person': 10}]
    >>> fits("nested", 20, 50, 24)
    [{'trials_per_person': 1}, {'design': 'crossed', 'trials_per_person': 24}]
    """
    if _fits(design, people, trials, pictures):
        return []
    ways: list[dict[str, int | str]] = []
    if design == "nested":
        if pictures >= people:
            ways.append({"trials_per_person": pictures // people})
        else:
            ways.append({"trials_per_person": 1, "people": pictures})
        if pictures >= trials:
            ways.append({"people": pictures // trials})
            ways += [{"design": "crossed"}, {"design": "balanced-incomplete"}]
        else:
            ways.append({"design": "crossed", "trials_per_person": pictures})
    elif trials > pictures:
        ways.append({"trials_per_person": pictures})
    else:  # balanced-incomplete with pictures that nobody would judge
        ways += [{"design": "nested"}, {"pictures": max(trials, people * trials // 2)}]
        ways += [{"trials_per_person": -(-pictures // people)}, {"people": -(-pictures // trials)}]
    return ways


def _fits(design: Design, people: int, trials: int, pictures: int) -> bool:
    if design == "nested":
        return people * trials <= pictures
    if design == "crossed":
        return trials <= pictures
    return trials <= pictures <= people * trials


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
