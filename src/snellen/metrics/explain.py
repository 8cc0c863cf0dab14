"""What two conventions do differently, in words, and by how much on a sample."""

from __future__ import annotations

import functools
import textwrap
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from snellen.metrics.choices_in_words import CHOICES, Choice
from snellen.metrics.conventions import Convention, get_convention
from snellen.metrics.functional import ms_ssim, ssim

__all__ = ["Difference", "Explanation", "Values", "explain", "explanation", "sample_pair"]

WIDTH = 92


@dataclass(frozen=True)
class Values:
    """SSIM and MS-SSIM of the sample under one convention.

    Attributes:
        label: which convention, or which change of the first one.
        ssim: SSIM; None where the change cannot be made alone.
        ms_ssim: MS-SSIM; None where there is none, or as above.
    """

    label: str
    ssim: float | None
    ms_ssim: float | None


@dataclass(frozen=True)
class Difference:
    """One choice: what each convention does, and why it matters."""

    title: str
    words: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Explanation:
    """What :func:`explain` prints; ``str()`` gives the text.

    Attributes:
        names: one or two conventions.
        differences: of two, the choices in which they differ; of one, every choice.
        values: on the sample, under each convention.
        changes: under the first with one choice of the second at a time, in the order of
            `differences`; those that are no computation, as having an MS-SSIM, are left out.
    """

    names: tuple[str, ...]
    differences: tuple[Difference, ...]
    values: tuple[Values, ...]
    changes: tuple[Values, ...]

    def __str__(self) -> str:
        """Return the text, in lines of at most 92 characters."""
        return "\n".join([*self._choices(), "", *self._table()])

    def _choices(self) -> list[str]:
        if len(self.names) == 1:
            lines = [f"{self.names[0]} computes SSIM so:"]
        elif self.differences:
            lines = [f"{' and '.join(self.names)} differ in:"]
        else:
            return [f"{' and '.join(self.names)} do the same."]
        for difference in self.differences:
            lines.append(f"  {difference.title}")
            for name, words in zip(self.names, difference.words, strict=True):
                lines += _wrapped(words if len(self.names) == 1 else f"{name}: {words}")
            lines += _wrapped(f"({difference.why})")
        return lines

    def _table(self) -> list[str]:
        rows = [*self.values, *self.changes]
        width = max(len(row.label) for row in rows)
        lines = [
            "On a colour photograph of 385×391 pixels, darkened, blurred a little and with noise:",
            f"  {'':{width}}      SSIM   MS-SSIM",
        ]
        first = self.values[0]
        for row in rows:
            line = f"  {row.label:{width}}  {_number(row.ssim)}  {_number(row.ms_ssim)}"
            if row in self.changes:
                gained = (_gain(row.ssim, first.ssim), _gain(row.ms_ssim, first.ms_ssim))
                line += f"  {gained[0]}  {gained[1]}"
            lines.append(line.rstrip())
        if any(row.ssim is None for row in self.changes):
            lines.append("  (– –: not by itself; it needs another of these choices with it)")
        return lines


def explain(convention: str | Convention, other: str | Convention | None = None) -> None:
    """Print what two conventions do differently, and by how much on a sample; or explain one.

    Args:
        convention: a name (see ``snellen.metrics.CONVENTIONS``) or a Convention.
        other: what it is compared with.

    Raises:
        ValueError, TypeError: an unknown name, or something that is no convention.

    >>> explain("wang", "tensorflow")
    wang and tensorflow do the same.
    ...
    """
    print(explanation(convention, other))  # noqa: T201


def explanation(convention: str | Convention, other: str | Convention | None = None) -> Explanation:
    """Return what :func:`explain` prints, with its numbers.

    >>> [d.title for d in explanation("wang", "wang2003").differences]
    ['levels of MS-SSIM', 'odd sides of a level']
    """
    given = [convention] if other is None else [convention, other]
    conventions = [get_convention(c) for c in given]
    places = ("the first", "the second") if other is not None else ("this convention",)
    names = tuple(
        c if isinstance(c, str) else place for c, place in zip(given, places, strict=True)
    )
    choices = [choice for choice in CHOICES if _matters(choice, conventions)]
    return Explanation(
        names=names,
        differences=tuple(
            Difference(choice.title, tuple(choice.words(c) for c in conventions), choice.why)
            for choice in choices
        ),
        values=tuple(_measured(name, c) for name, c in zip(names, conventions, strict=True)),
        changes=_changes(names, conventions, choices) if other is not None else (),
    )


def _matters(choice: Choice, conventions: list[Convention]) -> bool:
    if choice.only_multiscale and not all(c.multiscale for c in conventions):
        return False
    return len(conventions) == 1 or len({choice.words(c) for c in conventions}) > 1


def _changes(
    names: tuple[str, ...], conventions: list[Convention], choices: list[Choice]
) -> tuple[Values, ...]:
    first, second = conventions
    rows = []
    for choice in choices:
        if choice.names == ("multiscale",):
            continue
        label = f"  with {names[1]}'s {choice.title}"
        try:
            changed = replace(first, **{name: getattr(second, name) for name in choice.names})
        except ValueError:
            rows.append(Values(label, None, None))
        else:
            rows.append(_measured(label, changed))
    return tuple(rows)


def _measured(label: str, convention: Convention) -> Values:
    return Values(label, *_on_the_sample(convention))


@functools.lru_cache(maxsize=256)
def _on_the_sample(convention: Convention) -> tuple[float, float | None]:
    preds, target = sample_pair()
    single = float(ssim(preds, target, data_range=1.0, convention=convention))
    if not convention.multiscale:
        return single, None
    return single, float(ms_ssim(preds, target, data_range=1.0, convention=convention))


@functools.cache
def sample_pair() -> tuple[Tensor, Tensor]:
    """Return the sample (distorted, original): (1, 3, 385, 391) of float64 in [0, 1].

    Its sides are odd on most levels, and large enough for the conventions that reduce pictures.
    """
    from skimage import data  # on first use: it takes longer than the rest of the metrics

    photograph = data.astronaut()  # type: ignore[no-untyped-call]
    target = np.moveaxis(photograph[:385, :391] / 255, -1, 0)
    blurred = sum(np.roll(target, shift, axis=(-2, -1)) for shift in (-1, 0, 1)) / 3
    noise = np.random.default_rng(0).normal(0, 0.06, target.shape)
    preds = np.clip(0.92 * blurred + noise, 0, 1)
    return torch.from_numpy(preds)[None], torch.from_numpy(target)[None]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False
    )


def _number(value: float | None) -> str:
    return f"{'–':>8}" if value is None else f"{value:8.5f}"


def _gain(value: float | None, before: float | None) -> str:
    if value is None or before is None:
        return f"{'':9}"
    if value == before:
        return f"{'0':>9}"
    return f"{value - before:+9.1e}" if abs(value - before) < 5e-6 else f"{value - before:+9.5f}"
