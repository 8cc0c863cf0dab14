"""What we set out to reach, beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.comparison.contenders import MS_SSIM, MSE, OUR_MS_SSIM, OURS, SSIM
from benchmarks.comparison.turns import ratios

OUR_SSIM = f"{OURS} {SSIM}"
LARGE = 3  # the first three shapes of a record are the large ones, the others the small
FLAT_FROM = 512
MODE = "one_gradient"


@dataclass(frozen=True)
class Target:
    """One goal: its words, the bound, what was measured; None where nothing could be."""

    words: str
    bound: float
    measured: float | None
    at_least: bool = True

    @property
    def reached(self) -> bool | None:
        """Whether the measured figure is on the right side of the bound."""
        if self.measured is None:
            return None
        if self.at_least:
            return self.measured >= self.bound
        return self.measured <= self.bound


def targets(numbers: dict[str, Any]) -> list[Target]:
    """Return every goal for the content of benchmarks.json."""
    parts: tuple[Callable[[dict[str, Any]], Iterable[Target]], ...] = (
        _roof,
        _over_pytorch_msssim,
        _over_fastest,
        _between_ours,
        _growth,
        _overhead,
        _memory,
        _demo,
    )
    return [target for part in parts for target in part(numbers)]


def shape_name(shape: Iterable[int]) -> str:
    """Return a shape as the page writes it.

    >>> shape_name([16, 3, 256, 256])
    '16×3×256×256'
    """
    return "×".join(str(side) for side in shape)


def fastest_peer(at: dict[str, Any], metric: str, mode: str = MODE) -> str | None:
    """Return the fastest peer's row of a metric at one shape; None where no peer has one."""
    rows = at[mode]["rows"]
    peers = [
        name
        for name, row in rows.items()
        if "times_ours" in row and name.endswith(f" {metric}") and name.split(" ")[0] != "torch"
    ]
    return min(peers, key=lambda name: rows[name]["times_ours"]["median"], default=None)


def flatness(per_pixel: dict[str, dict[str, float]]) -> float | None:
    """Return the largest over the least median time per pixel, from 512² on."""
    medians = [v["median"] for side, v in per_pixel.items() if int(side) >= FLAT_FROM]
    return max(medians) / min(medians) if medians else None


def _roof(numbers: dict[str, Any]) -> Iterable[Target]:
    for at in numbers["shapes"][:LARGE]:
        share = at[MODE]["rows"][OUR_MS_SSIM]["share_of_roof"]["median"]
        name = shape_name(at["shape"])
        yield Target(f"share of the roof, {OUR_MS_SSIM}, {name} (stretch: 0.85)", 0.65, share)


def _over_pytorch_msssim(numbers: dict[str, Any]) -> Iterable[Target]:
    peer = f"pytorch-msssim {MS_SSIM}"
    for at, bound in zip(numbers["shapes"][:LARGE], (45, 30, 45), strict=True):
        row = at[MODE]["rows"].get(peer)
        measured = row["times_ours"]["median"] if row else None
        yield Target(f"times as fast as {peer}, {shape_name(at['shape'])}", bound, measured)


def _over_fastest(numbers: dict[str, Any]) -> Iterable[Target]:
    for number, at in enumerate(numbers["shapes"]):
        goals = [(MS_SSIM, 30.0)] if number < LARGE else [(MS_SSIM, 30.0), (SSIM, 20.0)]
        for metric, bound in goals:
            peer = fastest_peer(at, metric)
            shape = shape_name(at["shape"])
            if peer is None:
                continue  # no peer takes the size: nothing to be compared with
            measured = at[MODE]["rows"][peer]["times_ours"]["median"]
            yield Target(
                f"times as fast as the fastest peer's {metric} ({peer}), {shape}", bound, measured
            )


def _between_ours(numbers: dict[str, Any]) -> Iterable[Target]:
    for at in numbers["shapes"][:LARGE]:
        rows, shape = at[MODE]["rows"], shape_name(at["shape"])
        both = (rows[name]["seconds"] for name in (OUR_MS_SSIM, OUR_SSIM))
        yield Target(f"our MS-SSIM over our SSIM, {shape}", 1.45, ratios(*both)["median"], False)
        over_mse = rows[OUR_MS_SSIM]["times_mse"]["median"]
        yield Target(f"our MS-SSIM over {MSE}, {shape}", 6.0, over_mse, False)


def _growth(numbers: dict[str, Any]) -> Iterable[Target]:
    for name in (OUR_SSIM, OUR_MS_SSIM):
        words = f"largest over least time per pixel from 512² on, {name}"
        yield Target(words, 1.3, flatness(numbers["growth_ns_per_pixel"][name]), False)


def _overhead(numbers: dict[str, Any]) -> Iterable[Target]:
    for size, name in (("16×16", OUR_SSIM), ("32×32", OUR_MS_SSIM)):
        measured = numbers["overhead_us"][size][name]["median"]
        yield Target(f"µs of a call on {size}, {name}", 100, measured, False)


def _memory(numbers: dict[str, Any]) -> Iterable[Target]:
    for mode, bound, words in (
        ("one_gradient", 2.2, "one gradient"),
        ("both_gradients", 3.5, "both gradients"),
    ):
        for name in (OUR_SSIM, OUR_MS_SSIM):
            peaks = [at["peaks"][name][mode] for at in numbers["memory_in_inputs"]]
            worst = max((peak for peak in peaks if peak is not None), default=math.nan)
            yield Target(
                f"peak memory in inputs, {words}, {name}, worst shape", bound, worst, False
            )


def _demo(numbers: dict[str, Any]) -> Iterable[Target]:
    measured = numbers["demo_step"]["ms_ssim_over_mse"]["median"]
    yield Target("a step of the demo under MS-SSIM over one under MSE", 1.1, measured, False)
