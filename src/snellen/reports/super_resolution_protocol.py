"""The exact protocol of a super-resolution comparison, in words, from results.json alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from snellen.reports.protocol import (
    counted,
    made_with,
    skipped_in_words,
    training_terms,
    weights_judged,
)

__all__ = ["super_resolution_protocol"]

_INTERVALS = (
    "95 %, percentile bootstrap that draws pictures (those of one scene together) and seeds "
    "together; differences are paired by picture and seed, this loss minus the first. The spread "
    "over seeds is the standard deviation of the seeds' means."
)
_PUBLISHED = (
    "Copied as printed, each with its own protocol, training pictures and budget; the poster's MSE "
    "network is the model that Dong et al. released. No interval pairs them with ours. Sources: {}."
)

Facts = Mapping[str, Any]


def super_resolution_protocol(results: Facts) -> list[tuple[str, str]]:
    """What exactly was done, as (term, text) pairs; what does not apply is left out."""
    data, config, budget = results["data"], results["config"], results["budget"]
    steps = {**config, "steps": budget["steps"]}
    terms = [
        ("Judged by", _measure(results["protocol"], results["scale"])),
        ("Judged on", " ".join(_judged(results))),
        ("Trained on", " ".join(_trained(data))),
        ("Leaks", data.get("leaks", "")),
        ("Patches", " ".join(_patches(config, budget))),
        ("Network", _network(config, budget)),
        ("Budget", _budget(budget)),
        ("Training", "; ".join(training_terms(results, steps, results["training"])) + "."),
        ("Weights judged", weights_judged(config)),
        ("Intervals", _INTERVALS),
        ("Published", _published(results.get("published") or [])),
        *made_with(results),
    ]
    return [(term, text) for term, text in terms if text]


def _measure(judged: Facts, scale: int) -> str:
    return (
        f"Protocol {judged['name']}: {judged['words']} ({judged['source']}). MATLAB's bicubic "
        f"shrinks and enlarges by {scale}; PSNR with peak 255 and SSIM of Y, for every picture, "
        "averaged over the pictures of a set."
    )


def _network(config: Facts, budget: Facts) -> str:
    options = ", ".join(f"{key} {value}" for key, value in config["network_options"].items())
    said = f"{config['network']} ({options})" if options else config["network"]
    return f"{said}, {counted(budget['parameters'], 'weight')}."


def _budget(budget: Facts) -> str:
    return (
        f"{counted(budget['output_pixels'], 'output pixel')} for each loss and seed: "
        f"{counted(budget['steps'], 'step')} of {budget['batch_size']:,} patches."
    )


def _published(anchors: Sequence[Facts]) -> str:
    named = dict.fromkeys(f"{anchor['by']}: {anchor['source']}" for anchor in anchors)
    return _PUBLISHED.format("; ".join(named)) if anchors else ""


def _judged(results: Facts) -> Iterator[str]:
    for name, held in results["sets"].items():
        yield f"{name}: {counted(held['pictures'], 'picture')}."
    if not results["config"].get("benchmarks"):
        yield "Scenes of the training folders that no network saw."


def _trained(data: Facts) -> Iterator[str]:
    yield f"{', '.join(data['train'])}: {counted(data['train_pictures'], 'picture')}."
    yield from skipped_in_words(data.get("skipped"))


def _patches(config: Facts, budget: Facts) -> Iterator[str]:
    side, output = budget["patch"], budget["output_side"]
    yield f"{side}×{side} pixels, cut at random, large pictures more often by their area."
    if output != side:
        yield f"The network returns their middle {output}×{output}, on which the loss is taken."
    if levels := budget.get("levels"):
        found = (f"{counted(count, 'level')} under {loss}" for loss, count in levels.items())
        yield f"MS-SSIM has {', '.join(found)} there."
    turned = [
        word
        for key, word in (("flip", "mirrored"), ("rotate", "turned by quarters"))
        if config[key]
    ]
    yield f"At random {' and '.join(turned)}." if turned else "Never mirrored or turned."
    if shrunk := [f"{factor:g}" for factor in config["rescales"] if factor != 1]:
        also = "also " if 1 in config["rescales"] else ""
        yield f"Each picture is {also}shown shrunk by {', '.join(shrunk)}."
