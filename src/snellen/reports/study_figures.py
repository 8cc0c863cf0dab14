"""The figures of a study's report, as inline SVG in the page's colours, font and size of text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from snellen.reports.figures import palette_size
from snellen.reports.page import readable
from snellen.reports.tables import number

__all__ = ["Dot", "Share", "dot_panel", "ordinal", "rank_panel", "spread_panel"]

_WIDTH = 400
_LABELLED = 4  # models; with more there is no room for numbers above the bars
_CHARACTER = 6.5  # at most so wide is one of 11 px
_LONGEST = 24  # characters of a name
_EACH_BELOW = 101  # with fewer values each has a tick of its own


@dataclass(frozen=True)
class Share:
    """A share in [0, 1] and the limits of its interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Dot:
    """A row of a `dot_panel`; `index` is the model's colour, None: ink.

    `mark`, where there is one, is a second value of the row: a short vertical line.
    """

    name: str
    index: int | None
    value: float
    low: float | None = None
    high: float | None = None
    mark: float | None = None


def ordinal(rank: int) -> str:
    """A rank in words, as 1st.

    >>> [ordinal(rank) for rank in (1, 2, 3, 4)]
    ['1st', '2nd', '3rd', '4th']
    """
    return f"{rank}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank, 'th') }"


def rank_panel(models: Sequence[str], shares: Sequence[Sequence[Share]]) -> Markup:
    """The poster's figure: how often each model came first, second, …, in groups of bars.

    Args:
        models: M names, in the order of their colours.
        shares: for each model M shares, the first of rank 1.
    """
    count = len(models)
    top, base, left = 36.0, 222.0, 42.0
    limits = [share.high or share.value for row in shares for share in row]
    most = min(1.0, max(0.5, math.ceil(10 * max(limits, default=0.5) + 0.2) / 10))

    def y(value: float) -> float:
        return base - (base - top) * value / most

    parts = [_y_axis(most, left, y), _words(0, 10, "share of the rankings", "start")]
    group = (_WIDTH - left) / count
    bar = min(34.0, 0.82 * group / count)
    for rank in range(count):
        middle = left + group * (rank + 0.5)
        for model in range(count):
            share = shares[model][rank]
            x = middle + bar * (model - count / 2)
            parts.append(
                f'<rect x="{x + 1:.1f}" y="{y(share.value):.1f}" width="{bar - 2:.1f}" '
                f'height="{base - y(share.value):.1f}" style="fill: {_colour(model)}"/>'
            )
            above = share.value
            if share.low is not None and share.high is not None:
                above = max(above, share.high)
                parts.append(_whisker(x + bar / 2, y(share.low), y(share.high)))
            if count <= _LABELLED:
                parts.append(
                    _words(x + bar / 2, y(above) - 4, f"{100 * share.value:.0f}", "middle", "ink")
                )
        label = ordinal(rank + 1) if count > _LABELLED else f"ranked {ordinal(rank + 1)}"
        parts.append(_words(middle, base + 17, label, "middle", "ink"))
    said = "; ".join(
        f"{readable(model)}: "
        + ", ".join(f"{100 * s.value:.0f} % {ordinal(r + 1)}" for r, s in enumerate(row))
        for model, row in zip(models, shares, strict=True)
    )
    return _svg("How often each model was given each rank", said, 248, parts)


def dot_panel(
    title: str,
    dots: Sequence[Dot],
    *,
    axis: str,
    limits: tuple[float, float],
    digits: int,
    line: tuple[float, str] | None = None,
    band: tuple[float | None, float, float | None, str] | None = None,
    scale: float = 1.0,
) -> Markup:
    """Values with their intervals, one row for each: mean ranks, worths, agreement.

    Args:
        title: the panel's accessible name.
        dots: the rows, from the top.
        axis: what the horizontal axis shows.
        limits: the least extent of the axis; it grows with what is drawn.
        digits: of the numbers beside the rows.
        line: a value with a name of its own, as chance; a dashed line.
        band: another with its interval, as a ceiling: low, value, high, name.
        scale: numbers are printed times this (100: percent).
    """
    # The names of a line and of a band stand above each other: they may be close.
    row, top = 30.0, 8.0 + 14 * sum(each is not None for each in (line, band))
    base = top + row * len(dots)
    least, most = _extent(dots, limits, band)

    # The numbers beside the rows have a column of their own, which no line crosses.
    numbers = [number(scale * dot.value, digits) for dot in dots]
    right = _WIDTH - 20 - _CHARACTER * max((len(each) for each in numbers), default=0)

    def x(value: float) -> float:
        return 12 + (right - 12) * (value - least) / (most - least)

    parts = []
    if band is not None:
        parts.append(_band(band, x, top, base))
    parts += _x_axis(least, most, x, base, axis, scale, right)
    if line is not None:
        parts.append(f'<path d="M{x(line[0]):.1f} 14V{base:.1f}" class="axis dashed"/>')
        parts.append(_named(x(line[0]), 10, line[1]))
    for place, dot in enumerate(dots):
        y = top + row * (place + 0.5) + 5
        colour = "var(--ink)" if dot.index is None else _colour(dot.index)
        text = _short(dot.name)
        parts.append(_words(12, y - 8, text, "start", "ink"))
        parts.append(_words(_WIDTH - 12, y - 8, numbers[place], "end", "soft"))
        if dot.low is not None and dot.high is not None:
            parts.append(
                f'<path d="M{x(dot.low):.1f} {y:.1f}H{x(dot.high):.1f}" '
                f'style="fill: none; stroke: {colour}; stroke-width: 2"/>'
            )
        if dot.mark is not None:
            parts.append(
                f'<path d="M{x(dot.mark):.1f} {y - 5:.1f}v10" '
                f'style="fill: none; stroke: {colour}; stroke-width: 1.5"/>'
            )
        parts.append(
            f'<circle cx="{x(dot.value):.1f}" cy="{y:.1f}" r="4.2" style="fill: {colour}"/>'
        )
    said = "; ".join(
        f"{readable(dot.name)}: {value}" for dot, value in zip(dots, numbers, strict=True)
    )
    return _svg(title, said, round(base + 40), parts)


def spread_panel(
    title: str,
    values: Mapping[str, Sequence[float]],
    *,
    axis: str,
    limits: tuple[float, float],
) -> Markup:
    """How values are spread, one density for each name, with its median and quartiles.

    Args:
        title: the panel's accessible name.
        values: one or more for each name, in the order of the colours.
        axis: what the horizontal axis shows.
        limits: the least and the greatest possible value: the extent of the axis.
    """
    row, high = 56.0, 22.0
    base = 6 + row * len(values)

    def x(value: float) -> float:
        return 12 + (_WIDTH - 24) * (value - limits[0]) / (limits[1] - limits[0])

    parts = _x_axis(*limits, x, base, axis)
    medians = []
    for index, (name, found) in enumerate(values.items()):
        y, colour = 6 + row * index + 18 + high, _colour(index)
        places, density = _density(np.asarray(found, np.float64), limits)
        curve = "".join(
            f"L{x(place):.1f} {y - high * each:.1f}"
            for place, each in zip(places.tolist(), density.tolist(), strict=True)
        )
        parts.append(
            f'<path d="M{x(places[0]):.1f} {y:.1f}{curve}L{x(places[-1]):.1f} {y:.1f}Z" '
            f'style="fill: {colour}; fill-opacity: .28; stroke: {colour}; stroke-width: 1.3"/>'
        )
        first, middle, last = np.quantile(found, [0.25, 0.5, 0.75]).tolist()
        parts.append(
            f'<path d="M{x(first):.1f} {y:.1f}H{x(last):.1f}" '
            f'style="fill: none; stroke: {colour}; stroke-width: 3.5"/>'
            f'<path d="M{x(middle):.1f} {y - 5:.1f}v10" '
            'style="fill: none; stroke: var(--ink); stroke-width: 1.6"/>'
        )
        if len(found) < _EACH_BELOW:
            ticks = "".join(f"M{x(value):.1f} {y + 6:.1f}v5" for value in found)
            parts.append(f'<path d="{ticks}" style="fill: none; stroke: {colour}"/>')
        parts.append(_words(12, y - high - 6, _short(name), "start", "ink"))
        median = number(middle, 2)
        parts.append(_words(_WIDTH - 12, y - high - 6, f"median {median}", "end", "soft"))
        medians.append(f"{readable(name)}: median {median}")
    return _svg(title, "; ".join(medians), round(base + 40), parts)


def _density(
    values: NDArray[np.float64], limits: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A Gaussian kernel estimate, at most 1, and where it is above zero.

    The bandwidth is Silverman's (Density Estimation, 1986, eq. 3.31). What would lie beyond a limit
    is reflected at it (ibid., section 2.10), so that no curve loses what is near an end.
    """
    least, most = limits
    grid = np.linspace(least, most, 161)
    quarters = np.quantile(values, [0.25, 0.75])
    spread = min(values.std(), float(quarters[1] - quarters[0]) / 1.34) or values.std()
    width = max(0.9 * spread * len(values) ** -0.2, 1.5 * (grid[1] - grid[0]))
    around = np.concatenate([values, 2 * least - values, 2 * most - values])
    density = np.exp(-0.5 * ((grid[:, None] - around) / width) ** 2).sum(1)
    density /= density.max()
    inside = np.flatnonzero(density > 0.004)
    some = slice(inside[0], inside[-1] + 1)
    return grid[some], density[some]


def _extent(
    dots: Sequence[Dot],
    limits: tuple[float, float],
    band: tuple[float | None, float, float | None, str] | None,
) -> tuple[float, float]:
    values = [*limits]
    for dot in dots:
        values += [v for v in (dot.value, dot.low, dot.high, dot.mark) if v is not None]
    if band is not None:
        values += [v for v in band[:3] if v is not None]
    finite = [value for value in values if math.isfinite(value)]
    least, most = min(finite), max(finite)
    margin = 0.02 * (most - least or 1.0)
    return (
        least - (margin if least < limits[0] else 0),
        most + (margin if most > limits[1] or most == least else 0),
    )


def _band(
    band: tuple[float | None, float, float | None, str],
    x: Callable[[float], float],
    top: float,
    base: float,
) -> str:
    low, value, high, name = band
    parts = ""
    if low is not None and high is not None:
        parts += (
            f'<rect x="{x(low):.1f}" y="{top - 4:.1f}" width="{x(high) - x(low):.1f}" '
            f'height="{base - top + 4:.1f}" style="fill: var(--accent); fill-opacity: .14"/>'
        )
    parts += (
        f'<path d="M{x(value):.1f} {top - 4:.1f}V{base:.1f}" '
        'style="fill: none; stroke: var(--accent); stroke-width: 1.2"/>'
    )
    return parts + _named(x(value), top - 9, name)


def _x_axis(
    least: float,
    most: float,
    x: Callable[[float], float],
    base: float,
    axis: str,
    scale: float = 1.0,
    right: float = _WIDTH - 12,
) -> list[str]:
    ticks = _ticks(least, most)
    places = 0 if all(float(scale * t).is_integer() for t in ticks) else _places(ticks, scale)
    parts = [f'<path d="M12 {base:.1f}H{right:.1f}" class="axis"/>']
    for tick in ticks:
        parts.append(f'<path d="M{x(tick):.1f} {base:.1f}v4" class="axis"/>')
        parts.append(_words(x(tick), base + 17, number(scale * tick, places), "middle"))
    return [*parts, _words((12 + right) / 2, base + 34, axis, "middle")]


def _named(x: float, y: float, name: str) -> str:
    """The name of a line, inside the panel wherever the line stands."""
    anchor = "start" if x < 0.25 * _WIDTH else "end" if x > 0.75 * _WIDTH else "middle"
    return _words(x, y, name, anchor)


def _ticks(least: float, most: float) -> list[float]:
    step = 10 ** math.floor(math.log10((most - least) / 4))
    step *= next(times for times in (1, 2, 2.5, 5, 10) if (most - least) / (step * times) <= 6)
    first = math.ceil(least / step - 1e-9)
    return [round(step * k, 10) for k in range(first, math.floor(most / step + 1e-9) + 1)]


def _places(ticks: Sequence[float], scale: float) -> int:
    """Digits after the point that tell the ticks apart."""
    for places in range(4):
        if all(abs(scale * t - round(scale * t, places)) < 1e-9 for t in ticks):
            return places
    return 4


def _y_axis(most: float, left: float, y: Callable[[float], float]) -> str:
    step = 0.1 if most <= 0.5 else 0.2
    parts = []
    for k in range(round(most / step) + 1):
        value = step * k
        if value > most + 1e-9:
            break
        parts.append(f'<path d="M{left} {y(value):.1f}H{_WIDTH}" class="grid"/>')
        parts.append(_words(left - 6, y(value) + 4, f"{100 * value:.0f} %", "end"))
    return "".join(parts)


def _whisker(x: float, low: float, high: float) -> str:
    return (
        f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" '
        'style="fill: none; stroke: var(--ink); stroke-width: 1.4"/>'
    )


def _words(x: float, y: float, text: str, anchor: str, colour: str = "soft") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" style="font-size: 11px; text-anchor: {anchor}; '
        f'fill: var(--{colour})">{escape(text)}</text>'
    )


def _short(name: str) -> str:
    text = readable(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _colour(index: int) -> str:
    return f"var(--loss-{index % palette_size})"


def _svg(title: str, description: str, height: int, parts: Sequence[str]) -> Markup:
    label = escape(f"{title}. {description}." if description else f"{title}.")
    # All texts inside went through escape.
    return Markup(  # noqa: S704
        f'<svg class="panel" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )
