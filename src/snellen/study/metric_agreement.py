"""How often a metric agrees with people.

The unit is a **preference**: one person's order of two models on one picture. The metric agrees if
it puts the same one ahead. A tie of the person is no preference and left out; a tie of the metric
counts half. ½ is chance; above what people reach with each other (`Ceiling`) no metric is better
than another person.

- `overall`: over all preferences.
- `per_picture`: over pictures and pairs of models, against the majority of those who ranked the
  picture; a split majority is left out. Where everyone ranked another picture it is `overall`.

Intervals are those of the design; metrics are compared draw by draw, so that what they have in
common cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.study.metric_values import MetricTable
from snellen.study.ratings import Ratings
from snellen.study.statistics.ceiling import Ceiling, ceiling, with_majority
from snellen.study.statistics.estimates import Estimate, known
from snellen.study.statistics.orders import kendall_tau_b, model_pairs, order_signs
from snellen.study.statistics.overlap import Overlap, not_measurable, overlap_of
from snellen.study.statistics.resampling import (
    Bootstrap,
    draws,
    estimates,
    no_interval,
    ratio_estimates,
)

__all__ = ["MetricAgreement", "MetricDifference", "MetricsAndPeople", "metric_agreement"]


@dataclass(frozen=True)
class MetricAgreement:
    """One metric against people.

    Attributes:
        name, lower, scale: of the metric; `lower`: a lower value is better.
        overall, per_picture: share of preferences, see the module; ½ is chance.
        to_ceiling: `overall` minus `Ceiling.with_others`, over the preferences that can be compared
            with other people's; negative: people predict each other better.
        first: share of rankings that put the metric's best model first; 1/M is chance. Ties on
            either side count in parts.
        model_order: Kendall's tau-b between the models' mean values and mean ranks, -1 to 1.
        by_picture: share of preferences on each picture of `Ratings.pictures`; None without any.
        missing: why none of this can be said; empty where it can.
    """

    name: str
    lower: bool
    scale: str
    overall: Estimate
    to_ceiling: Estimate
    per_picture: Estimate
    first: Estimate
    model_order: float | None
    by_picture: tuple[float | None, ...]
    missing: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it; `by_picture` goes into a CSV instead."""
        about = {"name": self.name, "lower": self.lower, "scale": self.scale}
        if self.missing:
            return about | {"missing": self.missing}
        return about | {
            "overall": self.overall.as_dict(),
            "to_ceiling": self.to_ceiling.as_dict(),
            "per_picture": self.per_picture.as_dict(),
            "first": self.first.as_dict(),
            "model_order": self.model_order,
        }


@dataclass(frozen=True)
class MetricDifference:
    """`a`'s overall agreement minus `b`'s; positive: `a` agrees more often."""

    a: str
    b: str
    difference: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {"a": self.a, "b": self.b, "difference": self.difference.as_dict()}


@dataclass(frozen=True)
class MetricsAndPeople:
    """All metrics against people.

    Attributes:
        preferences: how many there are. ties: pairs of models that people left tied.
        metrics: in the order of the tables. differences: of every two that have values.
        ceiling: what people reach with each other.
    """

    preferences: int
    ties: int
    metrics: tuple[MetricAgreement, ...]
    differences: tuple[MetricDifference, ...]
    ceiling: Ceiling

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "preferences": self.preferences,
            "ties": self.ties,
            "metrics": [metric.as_dict() for metric in self.metrics],
            "differences": [difference.as_dict() for difference in self.differences],
            "ceiling": self.ceiling.as_dict(),
        }


def metric_agreement(
    ratings: Ratings, tables: Sequence[MetricTable], bootstrap: Bootstrap
) -> MetricsAndPeople:
    """Compare metrics with the main trials.

    Args:
        ratings: n rankings of M models on pictures; repeats count for the ceiling alone.
        tables: values (len(ratings.pictures), M) of each metric, from `measure_pictures`.
        bootstrap: the kind of interval.

    Raises:
        ValueError: a table of another shape.
    """
    main = ratings.only("main")
    shape = (len(main.pictures), len(main.models))
    for table in tables:
        if not table.missing and table.values.shape != shape:
            raise ValueError(f"{table.name} has values {table.values.shape}; {shape} is needed.")
    signs = order_signs(main.ranks)
    usable = [table for table in tables if not table.missing]
    costs = np.array([table.values if table.lower else -table.values for table in usable])
    costs = costs.reshape(len(usable), *shape)
    orders = order_signs(costs.reshape(-1, shape[1])).reshape(len(usable), shape[0], signs.shape[1])
    # Of each ranking: preferences, and those that each metric shares.
    given = np.abs(signs).sum(1, keepdims=True)
    agreeing = np.abs(signs) * (1 + signs * orders[:, main.picture]) / 2
    shared = agreeing.sum(2).T
    overlap = overlap_of(main)
    overall = ratio_estimates(shared, given, overlap.clusters, bootstrap, (0.0, 1.0))
    per_picture = overall  # where nobody shares a picture, each is its own majority
    if overlap.pairs:
        judged = orders[:, np.unique(main.picture)]
        per_picture = _per_picture(overlap, signs, judged, bootstrap)
    columns = zip(
        usable,
        overall,
        _to_ceiling(overlap, signs, agreeing, bootstrap),
        per_picture,
        _first(main, costs, overlap, bootstrap),
        _model_order(main, costs),
        _by_picture(main, shared, given),
        strict=True,
    )
    found = iter([MetricAgreement(t.name, t.lower, t.scale, *rest) for t, *rest in columns])
    return MetricsAndPeople(
        preferences=int(given.sum()),
        ties=int((signs == 0).sum()),
        metrics=tuple(_unknown(table) if table.missing else next(found) for table in tables),
        differences=tuple(_differences(usable, shared, given, overlap, bootstrap)),
        ceiling=ceiling(ratings, bootstrap),
    )


def _unknown(table: MetricTable) -> MetricAgreement:
    nothing = Estimate(missing=table.missing)
    return MetricAgreement(
        name=table.name,
        lower=table.lower,
        scale=table.scale,
        overall=nothing,
        to_ceiling=nothing,
        per_picture=nothing,
        first=nothing,
        model_order=None,
        by_picture=(),
        missing=table.missing,
    )


def _to_ceiling(
    overlap: Overlap,
    signs: NDArray[np.float64],
    agreeing: NDArray[np.float64],
    bootstrap: Bootstrap,
) -> list[Estimate]:
    """`agreeing` is (K, n, pairs): what each metric shares with each ranking."""
    if not overlap.pairs:
        return [Estimate(missing=not_measurable(bootstrap.design))] * len(agreeing)
    others, asked = with_majority(overlap, signs)
    ahead = (asked * (agreeing - others)).sum(2).T
    compared = asked.sum(1, keepdims=True)
    return ratio_estimates(ahead, compared, overlap.clusters, bootstrap, (-1.0, 1.0))


def _per_picture(
    overlap: Overlap,
    signs: NDArray[np.float64],
    orders: NDArray[np.float64],
    bootstrap: Bootstrap,
) -> list[Estimate]:
    """Agreement with majorities; `orders` are (K, pictures with a ranking, pairs)."""
    flat = orders.reshape(len(orders), orders.shape[1] * orders.shape[2])

    def shares(people: NDArray[np.float64], sources: NDArray[np.float64]) -> NDArray[np.float64]:
        majority = np.sign(overlap.sums(signs, people)) * sources[:, overlap.source, None]
        majority = majority.reshape(len(people), -1)
        count = np.abs(majority).sum(1, keepdims=True)
        found = np.full((len(people), len(flat)), np.nan)
        np.divide(majority @ flat.T + count, 2 * count, out=found, where=count > 0)
        return found

    clusters = overlap.clusters
    values = shares(np.ones((1, clusters.people)), np.ones((1, clusters.sources)))[0]
    found = [np.empty((0, len(flat)))]
    if not no_interval(clusters, bootstrap):
        found += [shares(*drawn) for drawn in draws(clusters, bootstrap, flat.shape[1])]
    # A resample holds fewer different people than the study, so that its majorities are less sure
    # and agreement with them is nearer to chance: moved back to the value.
    replicates = np.concatenate(found)
    valid = ~np.isnan(replicates).any(1)
    if valid.any():
        replicates = replicates + values - replicates[valid].mean(0)
    return estimates(values, replicates, clusters, bootstrap, (0.0, 1.0))


def _first(
    main: Ratings, costs: NDArray[np.float64], overlap: Overlap, bootstrap: Bootstrap
) -> list[Estimate]:
    """How often the metric's best is the person's; of several, each with the same chance."""
    best, first = (
        least / least.sum(-1, keepdims=True)
        for least in (values == values.min(-1, keepdims=True) for values in (costs, main.ranks))
    )
    same = (best[:, main.picture] * first).sum(2).T
    ones = np.ones((len(main), 1))
    return ratio_estimates(same, ones, overlap.clusters, bootstrap, (0.0, 1.0))


def _model_order(main: Ratings, costs: NDArray[np.float64]) -> list[float | None]:
    judged = np.unique(main.picture)
    if not len(judged):
        return [None] * len(costs)
    with np.errstate(invalid="ignore"):  # a mean of both infinities is NaN, and orders nothing
        means = costs[:, judged].mean(1)
    people = np.broadcast_to(main.ranks.mean(0), means.shape)
    return [known(value) for value in kendall_tau_b(means, people).tolist()]


def _by_picture(
    main: Ratings, shared: NDArray[np.float64], given: NDArray[np.float64]
) -> list[tuple[float | None, ...]]:
    sums = np.zeros((len(main.pictures), shared.shape[1]))
    np.add.at(sums, main.picture, shared)
    counts = np.bincount(main.picture, given[:, 0], minlength=len(main.pictures))
    shares = np.full(sums.shape, np.nan)
    np.divide(sums, counts[:, None], out=shares, where=counts[:, None] > 0)
    return [tuple(known(value) for value in column) for column in shares.T.tolist()]


def _differences(
    usable: Sequence[MetricTable],
    shared: NDArray[np.float64],
    given: NDArray[np.float64],
    overlap: Overlap,
    bootstrap: Bootstrap,
) -> list[MetricDifference]:
    first, second = model_pairs(len(usable))
    found = ratio_estimates(
        shared[:, first] - shared[:, second], given, overlap.clusters, bootstrap, (-1.0, 1.0)
    )
    return [
        MetricDifference(usable[a].name, usable[b].name, difference)
        for a, b, difference in zip(first, second, found, strict=True)
    ]
