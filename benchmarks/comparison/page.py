"""docs/benchmarks.md as text: nothing in it that is not in benchmarks.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.comparison.contenders import MSE, OUR_LOSS, OUR_MS_SSIM
from benchmarks.comparison.speed import MODES, MULTIPLY_ADDS
from benchmarks.comparison.targets import (
    FLAT_FROM,
    MODE,
    OUR_SSIM,
    Target,
    flatness,
    shape_name,
    targets,
)

NOTHING = "–"


def page(record: dict[str, Any], image: str) -> str:
    """Return the page for the content of benchmarks.json; `image` is the plot's relative path."""
    numbers = record["numbers"]
    goals = targets(numbers)
    parts = [
        "# Benchmarks",
        (
            "Written by `python -m benchmarks.write_benchmarks_page` from "
            "[results/benchmarks.json](results/benchmarks.json); `make bench` measures anew and "
            "writes both."
        ),
        *_circumstances(record),
        f"![Time by picture size and shape, ours and peers]({image})",
        (
            "*Solid lines and circles: MS-SSIM and MSE; dotted lines and squares: SSIM. Lower is "
            "faster; both axes of the left plot and the vertical axis of the right are "
            "logarithmic.*"
        ),
        "## What was to be reached",
        *_goals(goals),
        "## Where we lose",
        *_losses(numbers, goals),
        "## Time and memory, by shape",
        *_explanation(numbers),
        *(part for at in numbers["shapes"] for part in _shape(at, numbers)),
        "## Growth",
        *_growth(numbers["growth_ns_per_pixel"]),
        "## A tiny picture",
        *_overhead(numbers["overhead_us"]),
        "## A training step",
        *_demo(numbers["demo_step"]),
        "## The blur",
        *_blur(numbers["blur_conv2d_over_additions"]),
    ]
    return "\n\n".join(parts) + "\n"


def _circumstances(record: dict[str, Any]) -> list[str]:
    numbers, hardware, versions = record["numbers"], record["hardware"], record["versions"]
    machine = numbers["machine"]
    loads = [
        ", ".join(f"{value:g}" for value in machine[f"load_average_{when}"])
        for when in ("before", "after")
    ]
    commit = (record["commit"] or "unknown")[:12]
    rounds = f"{numbers['rounds']} round{'s' if numbers['rounds'] > 1 else ''}"
    found = [
        (
            f"{record['date'][:10]}, commit {commit}, `{record['command']}`: {rounds}. "
            f"{hardware['cpu']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB; "
            f"torch threads: {machine['torch_threads']}; "
            f"Python {numbers['python']}, torch {versions['torch']}, "
            f"numba {numbers['numba']}, float32. Load (1, 5 and 15 minutes) before: {loads[0]}; "
            f"after, our own part included: {loads[1]}. Of the CPU time of all cores in these "
            f"{machine['seconds'] / 60:.0f} minutes, {machine['share_of_cpu_ours']:.0%} was ours "
            f"and {machine['share_of_cpu_others']:.1%} other processes' (nice {machine['nice']})."
        ),
        _table(
            ("peer", "version", "state"),
            [
                (name, state["version"] or NOTHING, state["state"])
                for name, state in numbers["peers"].items()
            ],
        ),
    ]
    if numbers["quick"]:
        found.insert(0, "**A trial with few pictures, not a record.**")
    return found


def _goals(goals: Sequence[Target]) -> list[str]:
    rows = []
    for goal in goals:
        sign = "≥" if goal.at_least else "≤"
        verdict = {True: "reached", False: "**not reached**", None: "not measured"}[goal.reached]
        measured = NOTHING if goal.measured is None else _number(goal.measured)
        rows.append((goal.words, f"{sign} {goal.bound:g}", measured, verdict))
    reached = sum(goal.reached is True for goal in goals)
    return [
        (
            f"{reached} of {len(goals)} reached. Medians over rounds; a ratio is taken within its "
            "round. Forward and backward, one gradient, where nothing else is said."
        ),
        _table(("", "goal", "measured", ""), rows),
    ]


def _losses(numbers: dict[str, Any], goals: Sequence[Target]) -> list[str]:
    """Say every row in which somebody is faster or lighter, and how many goals were missed."""
    lines = []
    for at in numbers["shapes"]:
        slower = [
            f"{name} ({_words(mode)}: {_number(row['times_ours']['median'])} of our time)"
            for mode in MODES
            for name, row in at[mode]["rows"].items()
            if row.get("times_ours", {"median": 2})["median"] < 1
        ]
        if slower:
            lines.append(f"- {shape_name(at['shape'])}: faster than ours is {'; '.join(slower)}.")
        over = at[MODE]["rows"][OUR_MS_SSIM]["times_mse"]["median"]
        lines.append(
            f"- {shape_name(at['shape'])}: our MS-SSIM takes {_number(over)} times as long as "
            f"{MSE}."
        )
    lines += [_memory_loss(at) for at in numbers["memory_in_inputs"] if _lighter(at)]
    missed = sum(goal.reached is False for goal in goals)
    if missed:
        lines.append(f"- {missed} of the {len(goals)} goals above are not reached.")
    missing = [name for name, state in numbers["peers"].items() if not state["measured"]]
    if missing:
        lines.append(
            f"- Not compared with {', '.join(missing)}, which did not import; “the fastest peer” "
            "is "
            "the fastest of those that did."
        )
    return ["\n".join(lines)]


def _lighter(at: dict[str, Any]) -> list[str]:
    """Return who needs less memory than our measure of the same name, `mse_loss` included."""
    peaks = at["peaks"]
    found = []
    for name, peak in peaks.items():
        ours = OUR_SSIM if name.endswith(" SSIM") else OUR_MS_SSIM
        if name in (OUR_SSIM, OUR_MS_SSIM, OUR_LOSS) or peak[MODE] is None:
            continue
        if peak[MODE] < peaks[ours][MODE]:
            found.append(f"{name} ({peak[MODE]:.2f} against {peaks[ours][MODE]:.2f} inputs)")
    return found


def _memory_loss(at: dict[str, Any]) -> str:
    return f"- {shape_name(at['shape'])}: lighter in memory than ours: {'; '.join(_lighter(at))}."


def _explanation(numbers: dict[str, Any]) -> list[str]:
    error = "; ".join(
        f"{known['case']} of {known['input_mib']:g} MiB: {known['measured']:.3f} instead of "
        f"{known['true']}"
        for known in numbers["memory_method_error"]
    )
    sizes = numbers["memory_input_mib"]
    return [
        (
            "Milliseconds: median [least–largest] over the rounds; every contender once a round, "
            "in an "
            "order that rotates, in one process, after two calls to warm up; a call shorter than "
            "20 ms "
            "is repeated within its reading. Forward is without a graph; one gradient is forward "
            "and "
            "backward to `preds`; both, to `target` as well. × ours: their time over that of our "
            "measure of the same name, round by round. Peers: window 11, sigma 1.5, range 1, "
            "objects "
            "made once; kornia with valid borders, piq without its downsampling. Kornia's MS-SSIM "
            "is "
            "another measure and is left out. On sizes that Wang's five levels do not fit, ours "
            "takes "
            "as many as fit, and the peers refuse."
        ),
        (
            "Roof: half the operations a second of a 2048³ float32 `torch.mm` in the same round, "
            "as "
            f"multiply-adds; the work is {MULTIPLY_ADDS['MS-SSIM']} of them a pixel and channel "
            "for "
            f"MS-SSIM with its gradient, {MULTIPLY_ADDS['SSIM']} for SSIM. For one gradient only."
        ),
        (
            "Memory: what the process grows by at most during one call, in inputs, the gradient "
            "included; each in a fresh process, once, on the same shape with as many pictures as "
            "fill "
            f"{sizes['ours']} MiB an input ({sizes['peers']} MiB for the peers). What the method "
            "is "
            f"off: {error}."
        ),
    ]


def _shape(at: dict[str, Any], numbers: dict[str, Any]) -> list[str]:
    peaks = next(m["peaks"] for m in numbers["memory_in_inputs"] if m["shape"] == at["shape"])
    rows = []
    for name in at[MODE]["rows"]:
        forward, one, both = (at[mode]["rows"].get(name) for mode in MODES)
        peak = peaks.get(name, {})
        rows.append(
            (
                name,
                _spread(forward, "ms"),
                _spread(one, "ms"),
                _spread(one, "times_ours"),
                _spread(both, "ms"),
                _percent(one),
                _peak(peak),
            )
        )
    head = (
        "",
        "forward, ms",
        "one gradient, ms",
        "× ours",
        "both, ms",
        "roof",
        "memory, one / both",
    )
    roof = at[MODE]["roof"]["gigaflops"]
    refused = [f"{name} refuses: {why}" for name, why in at[MODE]["refused"].items()]
    values = ", ".join(f"{name} {value:.4f}" for name, value in at["similarity"].items())
    return [
        f"### {shape_name(at['shape'])}",
        _table(head, rows),
        f"`torch.mm`: {_three(roof)} GFLOP/s. The values: {values}.",
        *([" ".join(f"{line.rstrip('.')}." for line in refused)] if refused else []),
    ]


def _growth(growth: dict[str, Any]) -> list[str]:
    sides = list(dict.fromkeys(side for per_pixel in growth.values() for side in per_pixel))
    rows = []
    for name, per_pixel in growth.items():
        flat = flatness(per_pixel)
        cells = [_number(per_pixel[s]["median"]) if s in per_pixel else NOTHING for s in sides]
        rows.append((name, *cells, NOTHING if flat is None else f"{flat:.2f}"))
    return [
        (
            "Forward and backward of one picture of one channel, one gradient: nanoseconds per "
            "pixel, "
            f"median. Last column: the largest over the least from {FLAT_FROM}² on, over the sizes "
            "that were measured."
        ),
        _table(("", *(f"{side}²" for side in sides), "flat"), rows),
    ]


def _overhead(overhead: dict[str, Any]) -> list[str]:
    rows = [
        (size, name, _three(value))
        for size, found in overhead.items()
        for name, value in found.items()
    ]
    return [
        (
            "Microseconds of forward and backward together, on one picture of one channel; "
            "MS-SSIM on "
            "the levels that fit."
        ),
        _table(("size", "", "µs"), rows),
    ]


def _demo(step: dict[str, Any]) -> list[str]:
    mse, ms_ssim = (_three(step["ms"][loss]) for loss in ("mse", "ms-ssim"))
    return [
        (
            "The network, data and options of `snellen reconstruct --preset demo`, "
            f"{step['steps_a_round']} steps a round, in turn: {mse} ms a step under MSE, "
            f"{ms_ssim} ms "
            f"under MS-SSIM; ratio {_three(step['ms_ssim_over_mse'])}."
        )
    ]


def _blur(blurs: Iterable[dict[str, Any]]) -> list[str]:
    rows = [(shape_name(blur["shape"]), _three(blur["ratio"])) for blur in blurs]
    return [
        (
            "The plain definition blurs by adding shifted pictures; the same blur by depthwise "
            "`conv2d` takes so many times as long:"
        ),
        _table(("shape", "conv2d over additions"), rows),
    ]


def _words(mode: str) -> str:
    return mode.replace("_", " ")


def _percent(row: dict[str, Any] | None) -> str:
    share = (row or {}).get("share_of_roof")
    return f"{share['median']:.0%}" if share else NOTHING


def _peak(peak: dict[str, float | None]) -> str:
    known = [f"{value:.2f}" for value in (peak.get(mode) for mode in MODES) if value is not None]
    return f"{' / '.join(known)}" if known else NOTHING


def _spread(row: dict[str, Any] | None, key: str) -> str:
    return _three(row[key]) if row and key in row else NOTHING


def _three(value: dict[str, float]) -> str:
    median, least, largest = (_number(value[key]) for key in ("median", "min", "max"))
    return f"{median} [{least}–{largest}]"


def _number(value: float) -> str:
    """Return three digits, and more only before the point.

    >>> _number(0.01234), _number(1.5), _number(1234.5)
    ('0.0123', '1.50', '1234')
    """
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
