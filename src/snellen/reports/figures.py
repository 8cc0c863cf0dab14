"""Small figures as inline SVG that follow the page: its font, its text size, light and dark.

Each function draws one panel, 400 units wide, so that a page can set panels side by side or one
below the other without ever scaling their text down. matplotlib draws in placeholder colours, which
are then replaced by the page's CSS variables (``var(--ink)``, ``var(--loss-1)``, …).
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

__all__ = [
    "Line",
    "curve_panel",
    "density_panel",
    "difference_panel",
    "line_panel",
    "palette_size",
]

palette_size = 8
"""How many losses have a colour of their own (``--loss-0`` … in the style sheet)."""

_INK, _SOFT, _RULE = "#010101", "#020202", "#030303"
_VARIABLES = {_INK: "var(--ink)", _SOFT: "var(--soft)", _RULE: "var(--rule)"}
_SERIES = [f"#0404{index:02x}" for index in range(palette_size)]
_VARIABLES.update({code: f"var(--loss-{index})" for index, code in enumerate(_SERIES)})
_STYLES: list[Any] = ["solid", (0, (4, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2))]
_MARKERS = ["o", "s", "D", "^", "v", "P", "X", "<"]

_WIDTH = 400
_TEXT = 11.5
_RUG_BELOW = 61  # with fewer pictures each one gets its own tick under the density


@dataclass(frozen=True)
class Line:
    """One line of a `line_panel`: values with the limits of their intervals.

    What is infinite or NaN is not drawn.
    """

    index: int
    name: str
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def density_panel(
    title: str,
    values: Mapping[str, NDArray[np.float64]],
    *,
    label: str,
    key: str,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Markup:
    """How a measure is spread over pictures, one ridge for each loss, with median and quartiles.

    Args:
        title: above the panel, and its accessible name.
        values: the values of each loss, in the order of the losses, shape (n,).
        label: below the horizontal axis: the measure and its unit.
        key: makes the ids inside the SVG unique on the page.
        limits: the least and the greatest possible value; no curve goes beyond.
    """
    kept = {name: _finite(found) for name, found in values.items()}
    figure, axes = _canvas(50 * len(kept) + 50)
    grid = _grid([found for found in kept.values() if len(found)], limits)
    for index, (name, found) in enumerate(kept.items()):
        base = len(kept) - 1 - index
        if len(found):
            _ridge(axes, grid, found, base, index)
            quarters = np.quantile(found, [0.25, 0.5, 0.75])
            axes.plot(quarters[[0, 2]], [base, base], color=_colour(index), linewidth=3, zorder=4)
            axes.plot(
                [quarters[1]] * 2, [base - 0.09, base + 0.09], color=_INK, linewidth=1.6, zorder=5
            )
        _row_label(axes, base, name)
    _ridge_axes(axes, len(kept), label)
    said = "; ".join(
        f"{name}: median {np.median(found):.4g}" for name, found in kept.items() if len(found)
    )
    return _svg(figure, title, key, said)


def difference_panel(
    title: str,
    differences: Mapping[str, tuple[int, NDArray[np.float64]]],
    *,
    label: str,
    higher_is_better: bool,
    key: str,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Markup:
    """How the paired differences from the first loss are spread over pictures.

    Args:
        title: above the panel, and its accessible name.
        differences: for each loss its number among the losses and its differences, shape (n,).
        label: below the horizontal axis.
        higher_is_better: which side of zero counts as better.
        key: makes the ids inside the SVG unique on the page.
        limits: the least and the greatest possible difference; no curve goes beyond.
    """
    kept = {name: (index, _finite(found)) for name, (index, found) in differences.items()}
    figure, axes = _canvas(50 * len(kept) + 50)
    grid = _grid([found for _, found in kept.values() if len(found)], limits)
    rows = np.arange(len(kept))
    # Row by row, so that the line does not cross the texts between them.
    axes.vlines(np.zeros(len(kept)), rows - 0.17, rows + 0.52, color=_SOFT, linewidth=1, zorder=3)
    said = []
    for place, (name, (index, found)) in enumerate(kept.items()):
        base = len(kept) - 1 - place
        _row_label(axes, base, name)
        if not len(found):
            continue
        _ridge(axes, grid, found, base, index)
        better = float(np.mean(found > 0 if higher_is_better else found < 0))
        text = f"better on {100 * better:.0f} %"
        said.append(f"{name}: {text} of the pictures")
        axes.text(
            1.0,
            base + 0.54,
            text,
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="bottom",
            color=_SOFT,
            fontsize=_TEXT - 0.5,
        )
    _ridge_axes(axes, len(kept), label)
    return _svg(figure, title, key, "; ".join(said))


def line_panel(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    ticks: Sequence[tuple[float, str]],
    key: str,
    zero: bool = False,
) -> Markup:
    """Means with intervals along a few places: octaves, code sizes.

    Args:
        title: above the panel, and its accessible name.
        lines: one for each loss.
        x_label: below the horizontal axis.
        y_label: unit of the values.
        ticks: places and texts on the horizontal axis.
        key: makes the ids inside the SVG unique on the page.
        zero: draw a line at zero.
    """
    figure, axes = _canvas(240)
    if zero:
        axes.axhline(0, color=_SOFT, linewidth=1, zorder=1)
    reach = ticks[-1][0] - ticks[0][0] if len(ticks) > 1 else 1.0
    # Side by side, so that intervals at one place do not hide each other.
    apart = (
        0.018 * reach if any(np.isfinite([*line.low, *line.high]).any() for line in lines) else 0
    )
    for place, line in enumerate(lines):
        x = np.asarray(line.x, dtype=float) + (place - (len(lines) - 1) / 2) * apart
        mean, low, high = (_drawable(part) for part in (line.mean, line.low, line.high))
        whole = np.isfinite(low) & np.isfinite(high)
        axes.vlines(x[whole], low[whole], high[whole], color=_colour(line.index), linewidth=1.2)
        axes.plot(
            x,
            mean,
            color=_colour(line.index),
            linestyle=_STYLES[line.index % len(_STYLES)],
            marker=_MARKERS[line.index % len(_MARKERS)],
            markersize=4,
            linewidth=1.5,
        )
    axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(x_label, parse_math=False)
    axes.set_ylabel(y_label, parse_math=False)
    _grid_lines(axes)
    said = "; ".join(
        f"{line.name}: "
        + ", ".join("—" if np.isnan(value) else f"{value:.4g}" for value in line.mean)
        for line in lines
    )
    return _svg(figure, title, key, said)


def curve_panel(
    title: str,
    curves: Sequence[tuple[int, str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]]],
    *,
    y_label: str,
    key: str,
    log: bool = False,
) -> Markup:
    """Values against training steps: thin lines for single runs, a strong one for their mean.

    Args:
        title: above the panel, and its accessible name.
        curves: for each loss its number, its name and its runs as (steps, values); a loss that
            comes again, later in the training, goes on after a gap.
        y_label: beside the vertical axis.
        key: makes the ids inside the SVG unique on the page.
        log: logarithmic vertical axis.
    """
    figure, axes = _canvas(240)
    last = {}
    for index, name, runs in curves:
        style: Any = {"color": _colour(index), "linestyle": _STYLES[index % len(_STYLES)]}
        if len(runs) > 1:
            for steps, values in runs[:24]:
                axes.plot(steps, values, **style, linewidth=0.7, alpha=0.35)
        steps, values = _mean_curve(runs)
        axes.plot(steps, values, **style, linewidth=1.6)
        if len(values):
            last[name] = f"{name}: {values[-1]:.4g}"
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda _value, _place: ""))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("training step")
    axes.set_ylabel(y_label, parse_math=False)
    _grid_lines(axes)
    return _svg(figure, title, key, f"At the last step: {'; '.join(last.values())}")


def _colour(index: int) -> str:
    return _SERIES[index % palette_size]


def _canvas(height: int) -> tuple[Figure, Axes]:
    # 72 dots per inch: one point is one SVG unit is (about) one CSS pixel.
    figure = Figure(figsize=(_WIDTH / 72, height / 72), dpi=72, layout="constrained")
    figure.patch.set_alpha(0)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=2 / 72, h_pad=2 / 72)  # type: ignore[call-arg]
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_RULE)
    axes.tick_params(which="both", colors=_SOFT, labelsize=_TEXT - 0.5, color=_RULE)
    axes.tick_params(length=3)
    axes.xaxis.label.set(color=_SOFT, fontsize=_TEXT)
    axes.yaxis.label.set(color=_SOFT, fontsize=_TEXT)
    return figure, axes


def _grid_lines(axes: Axes) -> None:
    axes.grid(axis="y", color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.03)


def _ridge_axes(axes: Axes, rows: int, label: str) -> None:
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.24, rows - 0.08)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel(label, parse_math=False)


def _row_label(axes: Axes, base: float, name: str) -> None:
    axes.text(
        0.0,
        base + 0.54,
        name if len(name) <= 24 else f"{name[:23]}…",
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="bottom",
        color=_INK,
        fontsize=_TEXT,
        parse_math=False,
        zorder=6,
    )


def _drawable(values: Sequence[float]) -> NDArray[np.float64]:
    """The values, with NaN, which leaves a gap, where they are not finite."""
    found = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64).ravel()
    return found[np.isfinite(found)]


def _grid(
    groups: Sequence[NDArray[np.float64]], limits: tuple[float, float]
) -> NDArray[np.float64]:
    """Where densities are evaluated; extreme tails (0.2 % on either side) are left out."""
    if not groups:
        return np.linspace(0, 1, 2)
    low = min(float(np.quantile(found, 0.002)) for found in groups)
    high = max(float(np.quantile(found, 0.998)) for found in groups)
    margin = max(0.06 * (high - low), 1e-9 * max(1.0, abs(low)))
    return np.linspace(max(low - margin, limits[0]), min(high + margin, limits[1]), 140)


def _ridge(
    axes: Axes, grid: NDArray[np.float64], values: NDArray[np.float64], base: float, index: int
) -> None:
    density = _density(grid, values)
    top = density.max()
    heights = base + (0.52 * density / top if top > 0 else density)
    axes.fill_between(grid, base, heights, color=_colour(index), alpha=0.28, linewidth=0)
    axes.plot(grid, heights, color=_colour(index), linewidth=1.3)
    if len(values) < _RUG_BELOW:
        axes.vlines(values, base - 0.16, base - 0.05, color=_colour(index), linewidth=0.8)


def _density(grid: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Gaussian kernel estimate with Silverman's bandwidth (1986, eq. 3.31)."""
    spread = min(values.std(), (np.quantile(values, 0.75) - np.quantile(values, 0.25)) / 1.34)
    width = 0.9 * (spread or values.std()) * len(values) ** -0.2
    width = max(float(width), float(grid[1] - grid[0]))
    distance = (grid[:, None] - values[None]) / width
    found: NDArray[np.float64] = np.exp(-0.5 * distance**2).sum(1)
    return found


def _mean_curve(
    runs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean over runs at the steps that all of them have."""
    if not runs:
        return np.empty(0), np.empty(0)
    common = runs[0][0]
    for steps, _ in runs[1:]:
        common = np.intersect1d(common, steps)
    columns = [values[np.searchsorted(steps, common)] for steps, values in runs]
    return common, np.mean(columns, axis=0)


def _svg(figure: Figure, title: str, key: str, description: str) -> Markup:
    """Write the figure, without a trace of matplotlib's global state, as part of a page."""
    target = io.StringIO()
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": key, "text.usetex": False}
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # The browser has the glyphs that matplotlib's own font may lack.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure.savefig(target, format="svg", metadata=nothing)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    for rule in _CLEANERS:
        text = rule(text)
    for code, variable in _VARIABLES.items():
        text = text.replace(code, variable)
    text = re.sub(r'\bid="', f'id="{key}-', text)
    text = re.sub(r'(href="|url\()#', rf"\1#{key}-", text)
    height = round(figure.get_figheight() * 72)
    label = escape(f"{title}. {description}" if description else title)
    head = f'<svg class="panel" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">'
    # The text inside was escaped by matplotlib, the label here.
    return Markup(re.sub(r"<svg[^>]*>", lambda _: head, text, count=1))  # noqa: S704


_CLEANERS: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("xlink:href", "href"),
    lambda text: re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL),
    lambda text: re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.DOTALL),
    # Keep the size, take the font from the page (matplotlib before 3.11 writes both in one).
    lambda text: re.sub(r"font-family: [^;\"]*; ?", "", text),
    lambda text: re.sub(r"font: (?:[a-z0-9]+ )*?([\d.]+px) [^;\"]*", r"font-size: \1", text),
    # Of coordinates two digits are enough; the texts between the tags keep theirs.
    lambda text: re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d+\.\d\d)\d+", r"\1", tag[0]), text),
    lambda text: re.sub(r"\n\s*", "\n", text),
)
