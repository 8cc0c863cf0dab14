"""Who judges which picture, and in which order the models stand: a function of study.yaml.

Three designs. ``nested``: each picture is judged once, everyone has other ones (the poster's: 20
people × 50 pictures). ``crossed``: everyone judges the same pictures. ``balanced-incomplete``: each
picture is judged by some people, equally many as far as numbers allow, nobody sees one twice, and
any two people share about equally many pictures.

The counts of pictures and of the orders of the models differ by at most one over the study, for
each person and for each picture; see `snellen.study.colouring`. Where that leaves a choice, with
four models or more, each model also stands about equally often in each place, for each person and
over the study.

A study goes on with the plan with which it began: nothing here may change what a configuration
gives (a test holds a digest), so random choices come from raw words of a bit generator, which NumPy
promises to keep.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.study.colouring import colour_edges
from snellen.study.config import Design, StudyConfig

__all__ = [
    "ORIGINAL_SHOWN",
    "Plan",
    "Trial",
    "TrialKind",
    "fits",
    "make_plan",
    "misfit",
    "plan_pictures",
]

TrialKind = Literal["training", "main", "catch", "repeat"]
ORIGINAL_SHOWN = -1  # in Trial.shown: the original, in the place of a model

_DEALT_EVENLY = 4096  # pictures: for more, a table of all their pairs would take long
_EXCHANGED = 4_000_000  # people × pictures: in larger studies two people share little anyway
_EXCHANGES = 8000  # pairs of people who are tried: some seconds at most
_SWAPS = 20_000  # pairs of orders that are tried: about a second


@dataclass(frozen=True)
class Trial:
    """What is shown at once.

    Attributes:
        kind: "training" (not counted), "main", "catch" (the original stands in the place of one
            model) or "repeat" (of a main trial, in another order).
        picture: its place in pictures.json.
        shown: places of the models in the configuration, left to right; -1 is the original.
    """

    kind: TrialKind
    picture: int
    shown: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """All sessions of a study; `make_plan` makes it.

    Attributes:
        picture: int (people, trials), the pictures of the main trials, by place in pictures.json,
            in the order of showing.
        shown: int (people, trials, models), the order of the models in each, left to right.
        catch: int (people, catch trials, models), the order in each; -1 is the original.
        indices: the pictures that may be shown.
        training_trials, repeats, seed: as configured.
    """

    picture: NDArray[np.intp]
    shown: NDArray[np.intp]
    catch: NDArray[np.intp]
    indices: tuple[int, ...]
    training_trials: int
    repeats: int
    seed: int

    @property
    def people(self) -> int:
        """How many sessions there are."""
        return len(self.picture)

    @property
    def models(self) -> int:
        """How many models are ranked."""
        return int(self.shown.shape[2])

    def trials(self, slot: int) -> tuple[Trial, ...]:
        """One person's session in the order of showing.

        Training trials come first, with pictures that this person does not judge where there are
        any. The first trials of the rest are never catch trials. What is repeated comes from the
        first third of the main trials, and again in the last third, with no model in its old place.

        Args:
            slot: which person of the plan, 0 … people − 1.
        """
        if not 0 <= slot < self.people:
            raise ValueError(f"slot is {slot}; the plan is for {self.people} people.")
        draw = _Draw("session", self.seed, slot)
        main = [
            Trial("main", picture, tuple(shown))
            for picture, shown in zip(
                self.picture[slot].tolist(), self.shown[slot].tolist(), strict=True
            )
        ]
        others = self._others(slot, self.training_trials + self.catch.shape[1], draw)
        training = [
            Trial("training", picture, tuple(draw.order(self.models)))
            for picture in others[: self.training_trials]
        ]
        catch = [
            Trial("catch", picture, tuple(shown))
            for picture, shown in zip(
                others[self.training_trials :], self.catch[slot].tolist(), strict=True
            )
        ]
        return (*training, *_with_catch(_with_repeats(main, self.repeats, draw), catch, draw))

    @cached_property
    def _judged(self) -> set[int]:
        return set(self.picture.ravel().tolist())

    def _others(self, slot: int, count: int, draw: _Draw) -> list[int]:
        """Pictures for training and catch trials, as little seen elsewhere as can be had."""
        own = set(self.picture[slot].tolist())
        classes: tuple[list[int], list[int], list[int]] = ([], [], [])
        for picture in self.indices:
            classes[2 if picture in own else 1 if picture in self._judged else 0].append(picture)
        ordered = [group[k] for group in classes for k in draw.order(len(group))]
        return [ordered[k % len(ordered)] for k in range(count)]


def make_plan(config: StudyConfig, indices: Sequence[int]) -> Plan:
    """Plan every session of a study.

    Args:
        config: design, people, trials_per_person, models, training_trials, catch_trials, repeats
            and seed are read.
        indices: places in pictures.json of the pictures that may be shown, each once.

    Returns:
        The same plan for the same arguments, on any machine and with any version.

    Raises:
        UserError: the numbers do not fit together; the sentence names the nearest that do.

    Example:
        >>> from snellen.study.config import parse_config
        >>> texts = dict.fromkeys(("title", "instructions", "consent", "contact"), "…")
        >>> values = {"models": ["a", "b", "c"], "design": "nested", "people": 2}
        >>> plan = make_plan(parse_config({**texts, **values, "trials_per_person": 6}), range(12))
        >>> sorted(plan.picture.ravel().tolist()) == list(range(12))
        True
        >>> sorted(map(tuple, plan.shown[0].tolist()))
        [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    """
    people, trials, models = config.people, config.trials_per_person, len(config.models)
    if len(set(indices)) < len(indices):
        raise ValueError("a picture came twice.")
    if sentence := misfit(config.design, people, trials, len(indices)):
        raise UserError(sentence)
    if config.repeats > trials:
        raise UserError(
            f"{config.repeats} repeats need as many main trials; a person has {trials}:"
            f" type repeats: {trials}, or trials_per_person: {config.repeats}."
        )
    draw = _Draw("plan", config.seed)
    chosen = _dealt(config.design, people, trials, len(indices), draw)
    colour = _coloured(chosen, models, draw)
    for person in range(people):
        turn = draw.order(trials)
        chosen[person], colour[person] = chosen[person, turn], colour[person, turn]
    orders = np.array(list(itertools.permutations(range(models))), dtype=np.intp)
    return Plan(
        picture=np.asarray(indices, dtype=np.intp)[chosen],
        shown=orders[colour],
        catch=_catch(people, config.catch_trials, models, draw),
        indices=tuple(int(index) for index in indices),
        training_trials=config.training_trials,
        repeats=config.repeats,
        seed=config.seed,
    )


def plan_pictures(
    design: Design, people: int, trials: int, pictures: int, seed: int = 0
) -> NDArray[np.intp]:
    """Who judges which picture, int (people, trials); pictures are 0 … pictures − 1.

    Raises:
        UserError: the numbers do not fit together.

    >>> plan_pictures("crossed", 3, 2, 2).tolist()
    [[0, 1], [0, 1], [0, 1]]
    """
    if sentence := misfit(design, people, trials, pictures):
        raise UserError(sentence)
    return _dealt(design, people, trials, pictures, _Draw("plan", seed))


# Which numbers fit


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


# Who judges what


class _Draw:
    """Random choices that depend on a key alone, whatever NumPy's version."""

    def __init__(self, *key: int | str) -> None:
        text = "\0".join(str(part) for part in key)
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self._bits = np.random.Philox(key=int.from_bytes(digest, "little"))

    def words(self, count: int) -> NDArray[np.uint64]:
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def order(self, count: int) -> list[int]:
        """A permutation of 0 … count − 1."""
        return list(np.argsort(self.words(count), kind="stable").tolist())

    def below(self, limit: int) -> int:
        """One of 0 … limit − 1."""
        return int(self.words(1)[0]) % limit

    def pair(self, of: int) -> tuple[int, int]:
        """Two different ones of 0 … of − 1."""
        first, second = self.below(of), self.below(of - 1)
        return first, second + (second >= first)

    def some(self, count: int, of: int) -> list[int]:
        """`count` different ones of 0 … of − 1, ascending."""
        return sorted(self.order(of)[:count])


def _dealt(
    design: Design, people: int, trials: int, pictures: int, draw: _Draw
) -> NDArray[np.intp]:
    """The pictures of each person, (people, trials), ascending."""
    if design == "nested":
        dealt = np.array(draw.order(pictures)[: people * trials], dtype=np.intp)
        return np.sort(dealt.reshape(people, trials), axis=1)
    if design == "crossed":
        return np.tile(np.array(draw.some(trials, pictures), dtype=np.intp), (people, 1))
    judged = _overlapping(people, trials, pictures, draw)
    if judged.size <= _EXCHANGED:
        _exchange(judged, draw)
    return np.flatnonzero(judged).reshape(people, trials) % pictures


def _overlapping(people: int, trials: int, pictures: int, draw: _Draw) -> NDArray[np.bool_]:
    """Deal pictures so that each is judged equally often, bool (people, pictures).

    Each person takes, of the pictures judged least so far, those that the earlier people had least
    together with the ones taken already.
    """
    judged = np.zeros((people, pictures), dtype=np.bool_)
    often = np.zeros(pictures, dtype=np.int64)
    even = pictures <= _DEALT_EVENLY
    together = np.zeros((pictures, pictures) if even else (0, 0), dtype=np.int32)
    for person in range(people):
        luck = np.empty(pictures, dtype=np.int64)
        luck[draw.order(pictures)] = np.arange(pictures)
        if even:
            mine = _least_shared(often, together, luck, trials)
            together[np.ix_(mine, mine)] += 1
        else:
            mine = np.lexsort((luck, often))[:trials]
        judged[person, mine] = True
        often[mine] += 1
    return judged


def _least_shared(
    often: NDArray[np.int64], together: NDArray[np.int32], luck: NDArray[np.int64], trials: int
) -> NDArray[np.intp]:
    """Take one after the other: of those least often judged the least shared, then by luck."""
    level = often.copy()
    shared = np.zeros(len(often), dtype=np.int64)
    mine = np.empty(trials, dtype=np.intp)
    for number in range(trials):
        least = np.flatnonzero(level == level.min())
        picture = least[(shared[least] * len(often) + luck[least]).argmin()]
        mine[number] = picture
        level[picture] = np.iinfo(np.int64).max  # not again
        shared += together[picture]
    return mine


def _exchange(judged: NDArray[np.bool_], draw: _Draw) -> None:
    """Let people exchange pictures, in place, while that evens out how many any two share.

    The sum of the squares of the shared numbers falls; that of the pictures' numbers of common
    judges falls with it, for both are the squared norm of one Gram matrix of `judged`.
    """
    people = len(judged)
    table = judged.astype(np.float32)  # whole numbers below 2²⁴: sums and products are exact
    shared = table @ table.T
    if people > 200:
        for _ in range(_EXCHANGES):
            _exchange_between(table, shared, *draw.pair(people))
    else:
        pairs = list(itertools.combinations(range(people), 2))
        visits, improved = 0, True
        while improved and visits < _EXCHANGES:
            found = [_exchange_between(table, shared, *pairs[k]) for k in draw.order(len(pairs))]
            visits, improved = visits + len(pairs), any(found)
    judged[:] = table > 0


def _exchange_between(
    table: NDArray[np.float32], shared: NDArray[np.float32], a: int, b: int
) -> bool:
    """Exchange the two pictures between a and b that help most, if any do."""
    of_a, of_b = (np.flatnonzero(table[mine] > table[other]) for mine, other in ((a, b), (b, a)))
    if not len(of_a):
        return False
    excess = shared[a] - shared[b]
    excess[[a, b]] = 0
    with_a, with_b = table[:, of_a], table[:, of_b]
    # Everyone else who has the picture that leaves a shares one less with a and one more with b.
    gain_a = excess @ with_a - (with_a.sum(0) - 1)
    gain_b = -(excess @ with_b) - (with_b.sum(0) - 1)
    gain = gain_a[:, None] + gain_b[None] + 2 * (with_a.T @ with_b)
    best = int(gain.argmax())
    if gain.flat[best] <= 0:
        return False
    leaves, comes = of_a[best // len(of_b)], of_b[best % len(of_b)]
    change = table[:, comes] - table[:, leaves]
    change[[a, b]] = 0
    for person, sign in ((a, 1), (b, -1)):
        shared[person] += sign * change
        shared[:, person] += sign * change
    table[a, [leaves, comes]] = 0, 1
    table[b, [leaves, comes]] = 1, 0
    return True


def _coloured(chosen: NDArray[np.intp], models: int, draw: _Draw) -> NDArray[np.intp]:
    """Give each trial an order of the models, int (people, trials): its number among all orders."""
    people, trials = chosen.shape
    whose = np.repeat(np.arange(people), trials)
    edges = list(zip(whose.tolist(), chosen.ravel().tolist(), strict=True))
    turn = draw.order(len(edges))
    orders = math.factorial(models)
    found = np.empty(len(edges), dtype=np.intp)
    found[turn] = colour_edges([edges[k] for k in turn], orders)
    numbers = np.array(draw.order(orders), dtype=np.intp)
    colour = found.reshape(people, trials)
    # Of three models the six orders come so often that their places are even, too.
    if models > 3 and people * orders <= _EXCHANGED:
        _even_out_places(colour, numbers, models, draw)
    return numbers[colour]


def _even_out_places(
    colour: NDArray[np.intp], numbers: NDArray[np.intp], models: int, draw: _Draw
) -> None:
    """Exchange the orders that two colours stand for, in place, where that evens out places.

    Of four models and more there are so many orders that a person meets each once at most: these
    may be any, and one model could stand in one place half of the time. The sum of the squares of
    how often each model stands in each place falls, over people and over the study.

    Args:
        colour: int (people, trials).
        numbers: int (orders,), which order a colour stands for.
        models: how many there are.
        draw: which colours are tried.
    """
    orders = np.array(list(itertools.permutations(range(models))), dtype=np.intp)
    stands = np.zeros((len(orders), models * models), dtype=np.int64)  # each model in each place
    np.put_along_axis(stands, orders * models + np.arange(models), 1, axis=1)
    often = np.zeros((len(colour), len(orders)), dtype=np.int64)
    np.add.at(often, (np.arange(len(colour))[:, None], colour), 1)
    own = often @ stands[numbers]
    whole = own.sum(0)
    who = [np.flatnonzero(column) for column in often.T]
    tries = min(_SWAPS, 40 * colour.size)
    pairs = (draw.words(2 * tries) % np.uint64(len(orders))).astype(np.intp).reshape(tries, 2)
    for a, b in pairs.tolist():
        those = np.union1d(who[a], who[b])
        more = often[those, a] - often[those, b]
        change = stands[numbers[b]] - stands[numbers[a]]
        size, all_more = int(change @ change), int(more.sum())
        grows = 2 * int(more @ (own[those] @ change)) + size * int(more @ more)
        grows += 2 * all_more * int(whole @ change) + size * all_more**2
        if grows < 0:
            own[those] += more[:, None] * change
            whole += all_more * change
            numbers[[a, b]] = numbers[[b, a]]


# What else a session has


def _catch(people: int, count: int, models: int, draw: _Draw) -> NDArray[np.intp]:
    """Orders of the catch trials, (people, count, models).

    Which model is left out, and where the original stands, differ by at most one in their counts,
    over the study and for each person: both run through their values in turn, shifted against each
    other by one after so many people as there are models.
    """
    names, places, seats = draw.order(models), draw.order(models), draw.order(people)
    found = np.empty((people, count, models), dtype=np.intp)
    for seat, person in enumerate(seats):
        for trial in range(count):
            turn = seat * count + trial
            left_out = names[turn % models]
            rest = [k for k in draw.order(models) if k != left_out]
            rest.insert(places[(turn + seat // models) % models], ORIGINAL_SHOWN)
            found[person, trial] = rest
    return found


def _with_repeats(main: list[Trial], count: int, draw: _Draw) -> list[Trial]:
    """Repeat `count` of the earlier trials among the last, in the same sequence."""
    trials = len(main)
    early = max(count, -(-trials // 3))
    late = max(count, trials - trials // 3)
    originals = draw.some(count, early)
    after = sorted(late + draw.below(trials - late + 1) for _ in range(count))
    session = []
    for number in range(trials + 1):
        session += [
            Trial("repeat", main[k].picture, _elsewhere(main[k].shown, draw))
            for k, place in zip(originals, after, strict=True)
            if place == number
        ]
        session += main[number : number + 1]
    return session


def _elsewhere(shown: tuple[int, ...], draw: _Draw) -> tuple[int, ...]:
    """Another order, in which no model stands where it stood."""
    while True:
        other = tuple(shown[k] for k in draw.order(len(shown)))
        if all(a != b for a, b in zip(shown, other, strict=True)):
            return other


def _with_catch(session: list[Trial], catch: list[Trial], draw: _Draw) -> list[Trial]:
    """Put one catch trial into each of as many equal parts of the session, never first of all."""
    found: list[Trial] = []
    start = 0
    for number, trial in enumerate(catch, 1):
        stop = -(-len(session) * number // len(catch))
        place = start + 1 + draw.below(stop - start) if stop > start else stop
        found += [*session[start:place], trial, *session[place:stop]]
        start = stop
    return found + session[start:]
