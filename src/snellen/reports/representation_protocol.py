"""The exact protocol of a representation experiment, in words, from results.json alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.reports.page import readable
from snellen.reports.protocol import counted, made_with, training_terms, weights_judged
from snellen.reports.representation_scores import LEVEL, Facts, Scores, significant_digits
from snellen.reports.tables import number

__all__ = ["representation_protocol"]

_ERRORS = (
    "Of classes the share of wrong answers; of numbers the mean squared error in the unit squared, "
    "its root below. Everything is on pictures that neither the encoder nor the machine saw, "
    "averaged over the trainings."
)
_INTERVALS = (
    "95 %, and p: the corrected resampled t test (Nadeau & Bengio 2003). The J differences of the "
    "pairs (seeds × folds) have variance s²; parts of one set overlap, so that of their mean is "
    "taken as (1/J + n_test/n_train)·s², with t of J − 1 degrees of freedom{}. Differences are "
    "paired by seed and fold, this loss minus the first."
)
_HOLM = (
    "Better and worse: p below {:g} after Holm's correction (1979) over the {} against the first "
    "loss on this page. The best of a column is marked after the same correction over all {} of "
    "two losses. Baselines and the ceiling are compared by their means only."
)
_LAYERS = (
    "A ridge regression on each layer of the networks of seed 0, {}, its penalty chosen by "
    "leave-one-out inside the training part; errors as above."
)


def representation_protocol(scores: Scores) -> list[tuple[str, str]]:
    """What exactly was done, as (term, text) pairs; what results do not say is left out."""
    results = scores.results
    data, config = results.get("data") or {}, results.get("config") or {}
    rates = _rates(config, scores.losses)
    terms = [
        ("Pictures", " ".join([*_pictures(data), *_shifts(config)])),
        ("Left out", _left_out(data.get("left_out"))),
        ("Labels", " ".join(_labels(data.get("columns") or []))),
        ("Splits", " ".join(_splits(scores))),
        ("Network", _network(config, scores.sizes)),
        ("Training", "; ".join(training_terms(results, config, rates)) + "."),
        ("Weights judged", weights_judged(config)),
        ("Codes", " ".join(_codes(scores))),
        ("Read by", " ".join(_machines(config))),
        ("Errors", _ERRORS),
        ("Circular columns", _circular(data.get("columns") or [])),
        ("Intervals", _intervals(scores)),
        ("Many comparisons", _many(scores)),
        ("Layers", _LAYERS.format(scores.first_title) if results.get("layers") else ""),
        ("Edges", (results.get("descriptions") or {}).get("edges", "")),
        *made_with(results),
    ]
    return [(term, text) for term, text in terms if text]


def _pictures(data: Facts) -> Iterator[str]:
    if data.get("spec"):
        count = data.get("pictures")
        yield f"{readable(str(data['spec']))}" + (
            f": {counted(count, 'picture')}." if count is not None else "."
        )
    if (size := data.get("size")) is not None:
        channels = {1: ", gray", 3: ", colour"}.get(data.get("channels") or 0, "")
        yield (
            f"Whole pictures, shrunk to {size}×{size} by area averaging (their aspect "
            f"is not kept){channels}; never cropped."
        )


def _shifts(config: Facts) -> Iterator[str]:
    if (gamma := config.get("gamma", 1)) != 1:
        yield f"Before, each picture, in [0, 1], was raised to the power {_plain(gamma)}."
    if shift := config.get("shift"):
        yield (
            f"In training they are moved by up to {_plural(shift, 'pixel', 'pixels')} either way, "
            "the pixels at the edge repeated."
        )
    if config.get("mirror"):
        yield "Autoencoders are shown half of them mirrored; the supervised encoder is not."


def _left_out(reasons: Facts | None) -> str:
    found = {readable(str(reason)): count for reason, count in (reasons or {}).items() if count}
    listed = ", ".join(f"{count:,} {reason}" for reason, count in found.items())
    return f"{listed}." if listed else ""


def _labels(columns: Sequence[Facts]) -> Iterator[str]:
    for column in columns:
        name, unit = readable(column["name"]), readable(column.get("unit") or "")
        glue = "" if unit in ("°", "") else " "
        if column.get("kind") == "class":
            yield f"{name}: {_plural(column.get('classes'), 'class', 'classes')}."
        elif column.get("kind") == "circular":
            yield f"{name}: circular, period {_plain(column.get('period') or 360)}{glue}{unit}."
        else:
            low, high = (column.get(key) for key in ("low", "high"))
            known = low is not None and high is not None
            reach = f" from {_plain(low)} to {_plain(high)}{glue}{unit}" if known else ""
            yield f"{name}: a number{reach}."


def _plural(count: int | None, one: str, many: str) -> str:
    return many if count is None else f"{count:,} {one if count == 1 else many}"


def _plain(value: float | None) -> str:
    """A number as short as it can be.

    >>> _plain(-130), _plain(0.25), _plain(1e-05)
    ('−130', '0.25', '0.00001')
    """
    if value is None or float(value).is_integer():
        return number(value, 0)
    return number(value, significant_digits(abs(value))).rstrip("0")


def _splits(scores: Scores) -> Iterator[str]:
    """What each split holds out."""
    for name, entry in scores.splits.items():
        title = readable(entry.get("title") or name)
        by = [readable(column) for column in entry.get("held_out_by") or []]
        parts, folds = entry.get("parts"), entry.get("folds")
        what = f"cut by {' and '.join(by)}, whole groups together" if by else "cut at random"
        said = f"{title[:1].upper()}{title[1:]}: {what}"
        if parts:
            said += f", into {counted(parts, 'part')}"
        if folds:
            each = "one of them held out" if folds == 1 else f"{folds} of them held out in turn"
            said += f", {each}" if parts else f", {counted(folds, 'fold')}"
        train, held = entry.get("train"), entry.get("held_out")
        if train is not None and held is not None:
            said += f"; trained on {train:,}, judged on {held:,}"
        if targets := [readable(column) for column in entry.get("targets") or []]:
            said += f"; asked for {', '.join(targets)}"
        yield f"{said}."
    if len(scores.splits) > 1:
        yield "For each split the encoders were trained anew, on its training part alone."


def _network(config: Facts, sizes: Sequence[int]) -> str:
    said = [str(config.get("network") or "")]
    if widths := config.get("widths"):
        said.append(f"widths {'-'.join(str(width) for width in widths)}")
    if sizes:
        said.append(f"code of {', '.join(f'{size:,}' for size in sizes)} numbers")
    text = ", ".join(part for part in said if part)
    return f"{text}; the same under each loss." if text else ""


def _rates(config: Facts, losses: Sequence[str]) -> dict[str, Facts]:
    single = config.get("learning_rates") or {}
    return {
        loss: {"learning_rate": single.get(loss, config.get("learning_rate"))} for loss in losses
    }


def _codes(scores: Scores) -> Iterator[str]:
    yield (
        "Each number of a code is standardised: on the training part its mean becomes 0 and its "
        "standard deviation 1."
    )
    if len(scores.sizes) > 1 and scores.code_size:
        yield f"The tables are for {scores.code_size:,} numbers."


def _machines(config: Facts) -> Iterator[str]:
    """The support vector machines and what inner cross-validation chose among."""
    yield (
        "Support vector machines read the columns from the codes: classification of classes, "
        "regression of numbers."
    )
    grids = [
        ("C of the RBF kernel", config.get("svm_c"), ""),
        ("γ of it", config.get("svm_gamma"), " times 1/(numbers in the code)"),
        ("C of the linear kernel", config.get("svm_linear_c"), " times 1/(numbers in the code)"),
        ("ε of the regression", config.get("svm_epsilon"), " standard deviations"),
    ]
    for name, values, note in grids:
        if values is None:
            continue
        listed = values if isinstance(values, list | tuple) else [values]
        yield f"{name}: {', '.join(_plain(v) for v in listed)}{note}."
    inner = config.get("svm_folds")
    among = f" of {inner} folds" if inner else ""
    yield (
        f"The kernel, linear or RBF, and its parameters were chosen by cross-validation{among} "
        "inside the training part, which holds out whole groups where the split does."
    )
    if most := config.get("svm_pictures"):
        yield f"A machine learns from at most {most:,} pictures."


def _circular(columns: Sequence[Facts]) -> str:
    if not any(column.get("kind") == "circular" for column in columns):
        return ""
    return (
        "Predicted as sine and cosine; the error is the distance around the circle, half the "
        "period at most."
    )


def _intervals(scores: Scores) -> str:
    ratios = {
        readable(entry.get("title") or name): entry["test_train_ratio"]
        for name, entry in scores.splits.items()
        if entry.get("test_train_ratio") is not None
    }
    listed = ", ".join(f"{number(ratio, 3)} for {title}" for title, ratio in ratios.items())
    return _INTERVALS.format(f"; n_test/n_train is {listed}" if listed else "")


def _many(scores: Scores) -> str:
    tested = sum(c.adjusted is not None for c in scores.compared)
    pairs = sum(c.adjusted is not None for c in scores.pairs)
    return _HOLM.format(LEVEL, counted(tested, "comparison"), pairs) if tested else ""
