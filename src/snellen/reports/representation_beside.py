"""How the best loss stands to what has no trained loss, to the ceiling and to chance, in words.

By means, without a test: what has no loss is a measure for the losses, not a competitor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from snellen.reports.page import readable
from snellen.reports.representation_scores import Scores, Target, in_units, known

__all__ = ["at_chance", "baselines_ahead", "beside_the_losses", "error_in_words", "title_of"]

_METHODS = {
    "pixels": "the pixels",
    "pca": "PCA",
    "untrained": "the untrained encoder",
    "supervised": "the supervised encoder",
}


def beside_the_losses(scores: Scores, split: str) -> Iterator[str]:
    """How the best loss stands to what has no trained loss and to the ceiling, column by column."""
    others = [name for name, kind in scores.methods.items() if kind != "loss"]
    for target in scores.targets(split):
        means = _means(scores, split, target.column)
        if not any(name in means for name in others):
            continue
        best = _best(scores, means)
        equal = [loss for loss in scores.losses if means.get(loss) == means[best]]
        named = best
        if len(equal) > 1:
            named = " and of ".join(equal)
        elif len(scores.losses) > 1:
            named = f"{best}, the best loss"
        parts = [f"{error_in_words(means[best], target)} from the codes of {named}"]
        parts += [
            f"{in_units(means[name], target)} from {_METHODS.get(name, name)}"
            for name in others
            if name in means
        ]
        yield (
            f"{target.label} on {title_of(scores, split)}: {'; '.join(parts)} (means, not tested)."
        )


def _means(scores: Scores, split: str, column: str) -> dict[str, float]:
    found = {name: scores.of(split, name, column).get("mean") for name in scores.methods}
    return {name: value for name, value in found.items() if value is not None and known(value)}


def _best(scores: Scores, means: dict[str, float]) -> str:
    return min((loss for loss in scores.losses if loss in means), key=means.__getitem__)


def at_chance(scores: Scores, split: str) -> Iterator[str]:
    """Say where no loss's codes tell more than an answer that looks at no picture."""
    for target in scores.targets(split):
        means = _means(scores, split, target.column)
        best = _best(scores, means)
        chance = scores.of(split, best, target.column).get("chance")
        if known(chance) and means[best] >= chance:
            yield (
                f"Of {target.label} on {title_of(scores, split)} no loss's codes tell anything: "
                f"{in_units(means[best], target)} from the best, {in_units(chance, target)} by "
                "always giving the same answer. By the means, without a test."
            )


def baselines_ahead(scores: Scores, split: str) -> Iterator[str]:
    """Say where something without a trained loss has a lower mean error than every loss."""
    clauses: list[str] = []
    for target in scores.targets(split):
        means = _means(scores, split, target.column)
        best = _best(scores, means)
        ahead = [
            f"{_METHODS.get(name, name)} ({in_units(means[name], target)})"
            for name, kind in scores.methods.items()
            if kind == "baseline" and means.get(name, math.inf) < means[best]
        ]
        if ahead:
            than = " than from the codes of any loss" if not clauses else ""
            clauses.append(
                f"{target.label} is predicted with a lower error from {' and from '.join(ahead)}"
                f"{than} ({best}, {in_units(means[best], target)})"
            )
    if clauses:
        yield (
            f"No loss's codes reach what needs no training: on {title_of(scores, split)}, "
            f"{'; '.join(clauses)}. By the means, without a test."
        )


def error_in_words(value: float | None, target: Target) -> str:
    """Return an error as a sentence takes it: ``2.1 % errors``."""
    shown = in_units(value, target)
    return f"{shown} errors" if target.kind == "class" else f"a mean squared error of {shown}"


def title_of(scores: Scores, split: str) -> str:
    """Return how a split is called, such as ``unseen people``."""
    return readable(scores.splits[split].get("title") or split)
