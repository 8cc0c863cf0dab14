"""The exact protocol of a run, in words, from results.json and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from snellen.reports.tables import duration

__all__ = [
    "counted",
    "made_with",
    "protocol",
    "skipped_in_words",
    "training_terms",
    "weights_judged",
]

_EVALUATION = (
    "The networks run in float32. Outputs are clipped and rounded to 8 bit before anything is "
    "measured. Each measure is taken for every picture and averaged over pictures and seeds; PSNR "
    "is the mean of per-picture PSNR. MSE and MAE are for a range of [0, 1]."
)
_INTERVALS = (
    "95 %, percentile bootstrap that draws source pictures (with all their crops) and seeds "
    "together; differences are paired by picture and seed, this loss minus the first."
)
_OPTIMIZERS = {
    "adamw": "AdamW",
    "muon": "Muon for weights that are matrices and AdamW for the rest",
}
_PRECISIONS = {
    "bf16": "bf16 autocast of the network, weights and losses in fp32",
    "auto": "precision auto: bf16 where the hardware computes in it, else fp32",
}

Facts = Mapping[str, Any]


def protocol(results: Facts) -> list[tuple[str, str]]:
    """What exactly was done, as (term, text) pairs; what results do not say is left out.

    >>> dict(protocol({"losses": {"mse": {}}, "config": {"steps": 200, "seeds": 1}}))["Training"]
    'The same initial weights, batches and budget under each loss; 200 steps; 1 seed (0).'
    """
    data, config = results.get("data") or {}, results.get("config") or {}
    losses = results["losses"]
    terms = [
        ("Pictures", " ".join(_pictures(data))),
        ("Crops", " ".join(_crops(config))),
        ("Network", _network(config, results.get("code_size"))),
        ("Training", "; ".join(training_terms(results, config, losses)) + "."),
        ("Weights judged", weights_judged(config)),
        ("Evaluation", _EVALUATION),
        ("Intervals", _INTERVALS),
        ("MS-SSIM", _levels(losses)),
    ]
    described = results.get("measures") or {}
    terms += [("Edges F", described.get("edge_f", "")), ("Octaves", described.get("octaves", ""))]
    terms += made_with(results)
    return [(term, text) for term, text in terms if text]


def made_with(results: Facts) -> list[tuple[str, str]]:
    """The machine and the software."""
    hardware = ", ".join(_hardware(results.get("hardware") or {}))
    return [("Machine", hardware), ("Software", _software(results))]


def _pictures(data: Facts) -> Iterator[str]:
    """Both sets counted apart, where the pictures to judge on are from another one."""
    if not data:
        return
    other = data.get("held_out_spec") or data.get("spec")
    held = _of(data.get("held_out_pictures"), "crop", data.get("held_out_sources"))
    if other != data.get("spec"):
        count = data.get("train_pictures", data.get("pictures"))
        train = counted(count, "picture") + _from(data.get("train_sources"))
        yield f"Trained on {data.get('spec', '')}: {train}."
        yield from skipped_in_words(data.get("skipped"))
        yield f"Measured on another set, {other}: {held}."
        yield from skipped_in_words(data.get("held_out_skipped"))
        return
    all_of_them = counted(data.get("pictures"), "picture") + _from(data.get("sources"))
    yield f"{data.get('spec', '')}: {all_of_them}."
    yield from skipped_in_words(data.get("skipped"))
    folds = data.get("folds") or 1
    if folds > 1:
        yield (
            f"Cross-fitted in {folds} folds, split by source picture: each network is measured "
            f"only on sources it never saw, {held} in all."
        )
    else:
        train = _of(data.get("train_pictures"), "picture", data.get("train_sources"))
        yield f"Split by source picture: trained on {train}, measured on {held}."


def skipped_in_words(reasons: Mapping[str, int] | None) -> Iterator[str]:
    """How many pictures were left out, by reason; nothing where none was."""
    found = {reason: count for reason, count in (reasons or {}).items() if count}
    if found:
        listed = ", ".join(f"{count:,} {reason}" for reason, count in found.items())
        yield f"Skipped: {listed}."


def _crops(config: Facts) -> Iterator[str]:
    size = config.get("size")
    if size is None:
        return
    shrink = config.get("max_downscale")
    if shrink is None:
        yield f"{size}×{size} pixels."
    elif shrink > 1:
        yield (
            f"Squares of 1 to {shrink:g} times {size} pixels on a side (as far as the picture "
            f"goes), the factor log-uniform, shrunk to {size}×{size} by area averaging."
        )
    else:
        yield f"{size}×{size} pixels, never resized."
    if (flip := config.get("flip")) is not None:
        yield "Training crops mirrored with probability ½." if flip else "Nothing is mirrored."
    if (each := config.get("crops_per_picture")) is not None:
        yield f"{counted(each, 'fixed, unmirrored crop')} of each held-out picture."


def _network(config: Facts, code_size: int | None) -> str:
    said = [str(config.get("network") or "")]
    for key, label in (("widths", "widths"), ("size", "side"), ("channels", "channels")):
        if (value := config.get(key)) is not None:
            said.append(f"{label} {_plain(value)}")
    if code_size:
        said.append(f"code of {code_size:,} numbers")
    return ", ".join(part for part in said if part)


def training_terms(results: Facts, config: Facts, losses: Facts) -> Iterator[str]:
    """How the networks were trained, part by part."""
    yield "The same initial weights, batches and budget under each loss"
    if (steps := config.get("steps")) is not None:
        yield counted(steps, "step")
    if (batch := config.get("batch_size")) is not None:
        yield f"batches of {_plain(batch)}"
    if (seeds := config.get("seeds")) is not None:
        numbers = list(seeds) if isinstance(seeds, list | tuple) else list(range(seeds))
        shown = ", ".join(str(n) for n in numbers) if len(numbers) < 9 else f"0–{len(numbers) - 1}"
        yield f"{counted(len(numbers), 'seed')} ({shown})"
    yield from _optimiser(config, losses)
    precision = results.get("precision") or config.get("precision")
    if precision:
        yield _PRECISIONS.get(precision, str(precision))


def _optimiser(config: Facts, losses: Facts) -> Iterator[str]:
    rates = {name: found.get("learning_rate") for name, found in losses.items()}
    known = {name: rate for name, rate in rates.items() if rate is not None}
    if known:
        name = config.get("optimizer", "adamw")
        listed = f"{next(iter(known.values())):g}"
        if len(set(rates.values())) > 1:
            listed = ", ".join(f"{rate:g} for {name}" for name, rate in known.items())
        yield f"{_OPTIMIZERS.get(name, name)}, learning rate {listed}"
    if (schedule := config.get("schedule")) is not None:
        yield f"{schedule} schedule" + (" to 0 at the last step" if schedule == "cosine" else "")
    if (warmup := config.get("warmup")) is not None:
        share = f"linear warm-up over the first {100 * warmup:g} % of the steps"
        yield share if warmup else "no warm-up"
    if (decay := config.get("weight_decay")) is not None:
        yield f"weight decay {decay:g}" if decay else "no weight decay"
    if "clip_norm" in config:
        norm = config["clip_norm"]
        yield "no clipping" if norm is None else f"gradients clipped to a norm of {norm:g}"


def weights_judged(config: Facts) -> str:
    """Whether the last weights or their average were measured."""
    if "ema" not in config:
        return ""
    if (decay := config["ema"]) is None:
        return "Those after the last step; no average (EMA)."
    return (
        f"Not those of the last step but their exponential moving average (EMA), decay {decay:g}, "
        "less in the first steps. The validation curves are of the average too."
    )


def _levels(losses: Facts) -> str:
    levels = (next(iter(losses.values())).get("ms_ssim") or {}).get("levels")
    if levels is None:
        return ""
    return f"Mean per level, then the product, with the {counted(levels, 'level')} that fit."


def _hardware(hardware: Facts) -> Iterator[str]:
    for key, value in hardware.items():
        text = str(key).replace("_", " ")
        if isinstance(value, list | tuple):
            yield from (
                f"{value.count(name)} × {name}" if value.count(name) > 1 else str(name)
                for name in dict.fromkeys(value)
            )
        elif not isinstance(value, str | int | float) or value == "":
            continue
        elif text in ("cpu", "gpu", "device", "processor"):
            yield str(value)
        elif text.endswith(" gib"):
            yield f"{text.removesuffix(' gib')} {value} GiB"
        else:
            yield f"{text} {value}"


def _software(results: Facts) -> str:
    said = [f"snellen {results.get('snellen', '')}".strip()]
    if results.get("commit"):
        said.append(f"commit {str(results['commit'])[:12]}")
    if results.get("seconds") is not None:
        said.append(f"training took {duration(results['seconds'])} in all")
    return ", ".join(said)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "-".join(str(part) for part in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _of(count: int | None, word: str, sources: int | None) -> str:
    """``12 crops of 3 source pictures``, as far as it is known."""
    held = counted(sources, "source picture")
    return held if count is None and word == "picture" else f"{counted(count, word)} of {held}"


def _from(sources: int | None) -> str:
    return "" if sources is None else f" from {counted(sources, 'source')}"


def counted(count: int | None, word: str) -> str:
    """A number and its noun; the noun alone where the number is not known.

    >>> counted(1, "step"), counted(2000, "step"), counted(None, "step")
    ('1 step', '2,000 steps', 'steps')
    """
    if count is None:
        return f"{word}s"
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
