"""The plot of the page: time per pixel over the picture's size, and times at the five shapes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.comparison.contenders import MS_SSIM, MSE, OURS, SSIM
from benchmarks.comparison.targets import MODE, shape_name
from snellen.files import atomic_write

COLOURS = {
    OURS: "#0072b2",
    "torch": "#555555",
    "pytorch-msssim": "#d55e00",
    "torchmetrics": "#009e73",
    "kornia": "#cc79a7",
    "piqa": "#e69f00",
    "piq": "#56b4e9",
}
"""A colour a library, from a palette that colour-blind readers can tell apart."""


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Write the plot as PNG."""
    figure = Figure(figsize=(10, 4.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    _growth(left, numbers["growth_ns_per_pixel"])
    _shapes(right, numbers["shapes"])
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, buffer.getvalue())


def _style(name: str) -> dict[str, Any]:
    """Return colour by library, line by metric."""
    solid = name.endswith((f" {MS_SSIM}", MSE))
    return {
        "color": COLOURS[name.split(" ")[0]],
        "linestyle": "solid" if solid else "dotted",
        "marker": "o" if solid else "s",
        "markersize": 3.5,
        "linewidth": 2 if name.startswith(OURS) else 1.2,
    }


def _growth(axes: Axes, growth: dict[str, Any]) -> None:
    for name, per_pixel in growth.items():
        if not name.endswith((f" {SSIM}", f" {MS_SSIM}", MSE)):
            continue
        sides = [int(side) for side in per_pixel]
        axes.plot(sides, [v["median"] for v in per_pixel.values()], label=name, **_style(name))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda side, _: f"{side:.0f}²"))
    axes.set_title("Forward and backward, ns per pixel, by size", fontsize=10)
    _calm(axes)


def _shapes(axes: Axes, shapes: list[dict[str, Any]]) -> None:
    places = range(len(shapes))
    for name in shapes[0][MODE]["rows"]:
        if not name.endswith((f" {SSIM}", f" {MS_SSIM}", MSE)):
            continue
        rows = [at[MODE]["rows"].get(name) for at in shapes]
        seen = [(p, row["ms"]["median"]) for p, row in zip(places, rows, strict=True) if row]
        axes.plot(*zip(*seen, strict=True), **{**_style(name), "linewidth": 0, "markersize": 6})
    axes.set_yscale("log")
    labels = ["\n".join(shape_name(part) for part in _halves(at["shape"])) for at in shapes]
    axes.set_xticks(list(places), labels)
    axes.set_title("Forward and backward, ms, at each shape", fontsize=10)
    _calm(axes)


def _halves(shape: list[int]) -> tuple[list[int], list[int]]:
    return shape[:2], shape[2:]


def _calm(axes: Axes) -> None:
    axes.tick_params(labelsize=8)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
