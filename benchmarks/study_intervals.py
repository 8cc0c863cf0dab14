"""How often a study's intervals cover, and how often its secondary tests err.

    python -m benchmarks.study_intervals --studies 1000

simulates studies of three models with effects of people (SD .5) and of pictures (SD .8), without
and with a true difference, in the designs nested (20 people × 50 pictures each), crossed (20 × the
same 50) and balanced-incomplete (100 × 10 of 200), and writes docs/results/study_intervals.json:

- for each statistic with an interval, how often it covers the statistic's mean over all studies,
  and how wide it is;
- for Friedman's tests, Wilcoxon's (any pair, after Holm) and that of places on the screen, how
  often p is below .05; without a true difference that is their error.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import numpy as np

from benchmarks.keep_results import rounded
from benchmarks.record import record
from snellen.study.config import Design
from snellen.study.design import plan_pictures
from snellen.study.metric_agreement import metric_agreement
from snellen.study.metric_values import MetricTable
from snellen.study.observers import choose
from snellen.study.ratings import Ratings, midranks
from snellen.study.statistics import (
    Bootstrap,
    Estimate,
    agreement,
    friedman,
    pair_tests,
    plackett_luce,
    position_bias,
    rank_distribution,
    win_rates,
)

DESIGNS: dict[Design, tuple[int, int, int]] = {
    "nested": (20, 50, 1000),
    "crossed": (20, 50, 50),
    "balanced-incomplete": (100, 10, 200),
}
"""People, trials of each, pictures."""

MODELS = 3
PERSON_SD, PICTURE_SD, METRIC_SD = 0.5, 0.8, 0.8
LEVEL = 0.95


@cache
def planned(design: Design) -> np.ndarray:
    """Who ranks which picture, (people, trials)."""
    return np.asarray(plan_pictures(design, *DESIGNS[design]))


def simulated(design: Design, gap: float, rng: np.random.Generator) -> tuple[Ratings, MetricTable]:
    """One study, and a metric that knows the pictures but for noise of its own."""
    people, trials, pictures = DESIGNS[design]
    person, picture = np.repeat(np.arange(people), trials), planned(design).ravel()
    likes = PICTURE_SD * rng.standard_normal((pictures, MODELS)) - gap * np.arange(MODELS)
    taste = PERSON_SD * rng.standard_normal((people, MODELS))
    names = tuple(f"x{k}" for k in range(pictures))
    ratings = Ratings(
        models=("A", "B", "C"),
        people=tuple(f"P{k}" for k in range(people)),
        pictures=names,
        sources=names,
        ranks=midranks(choose(likes[picture] + taste[person], rng)),
        person=person,
        picture=picture,
        places=rng.permuted(np.tile(np.arange(MODELS), (len(person), 1)), axis=1),
        numbers=np.tile(np.arange(trials), people),
    )
    noisy = likes + METRIC_SD * rng.standard_normal(likes.shape)
    return ratings, MetricTable("metric", lower=False, scale="", values=noisy)


def statistics(
    ratings: Ratings, table: MetricTable, bootstrap: Bootstrap
) -> Iterator[tuple[str, Estimate]]:
    """Every kind of statistic that has an interval."""
    ranks = rank_distribution(ratings, bootstrap)
    yield "share of first places", ranks.shares[0][0]
    yield "mean rank", ranks.mean_ranks[0]
    yield "win rate", win_rates(ratings, bootstrap)[0].rate
    worths = plackett_luce(ratings, bootstrap)
    yield "log-worth", worths.log_worths[0]
    yield "worth", worths.worths[0]
    metrics = metric_agreement(ratings, [table], bootstrap)
    yield "metric, overall", metrics.metrics[0].overall
    yield "metric, first", metrics.metrics[0].first
    yield "metric, per picture", metrics.metrics[0].per_picture
    yield "metric, to the ceiling", metrics.metrics[0].to_ceiling
    yield "ceiling, between people", metrics.ceiling.between_people
    yield "ceiling, with others", metrics.ceiling.with_others
    people = agreement(ratings, bootstrap)
    yield "Spearman", people.spearman
    yield "Kendall's tau-b", people.kendall_tau
    yield "Krippendorff's alpha", people.alpha


def p_values(ratings: Ratings, bootstrap: Bootstrap) -> Iterator[tuple[str, float | None]]:
    """Every secondary test."""
    yield "Friedman by participant", friedman(ratings, "participant").p
    yield "Friedman by picture", friedman(ratings, "picture").p
    yield "Wilcoxon, any pair", min(p for t in pair_tests(ratings) if (p := t.p_holm) is not None)
    yield "places on the screen", position_bias(ratings, bootstrap).test.p


def measured(design: Design, gap: float, studies: int, resamples: int) -> dict[str, object]:
    """Simulate studies of one design."""
    found: dict[str, list[Estimate]] = defaultdict(list)
    tests: dict[str, list[float]] = defaultdict(list)
    for seed in range(studies):
        rng = np.random.default_rng([seed, int(10 * gap)])
        bootstrap = Bootstrap(design, resamples, LEVEL, seed)
        ratings, table = simulated(design, gap, rng)
        for name, estimate in statistics(ratings, table, bootstrap):
            if estimate.low is not None:
                found[name].append(estimate)
        for name, p in p_values(ratings, bootstrap):
            if p is not None:
                tests[name].append(p)
    intervals = {}
    for name, each in found.items():
        value, low, high = np.array([(e.value, e.low, e.high) for e in each]).T
        truth = value.mean()
        intervals[name] = {
            "studies": len(each),
            "mean": float(truth),
            "covers": float(((low <= truth) & (truth <= high)).mean()),
            "width": float((high - low).mean()),
        }
    return {
        "intervals": intervals,
        "p_below_.05": {name: float(np.mean(np.array(p) < 0.05)) for name, p in tests.items()},
    }


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=500)
    chosen = parser.parse_args()
    numbers = {
        "studies": chosen.studies,
        "resamples": chosen.resamples,
        "effects": {"person_sd": PERSON_SD, "picture_sd": PICTURE_SD, "metric_sd": METRIC_SD},
        "designs": {
            design: {
                "people": DESIGNS[design][0],
                "trials": DESIGNS[design][1],
                "pictures": DESIGNS[design][2],
                **{
                    f"gap {gap:g}": measured(design, gap, chosen.studies, chosen.resamples)
                    for gap in (0.0, 0.4)
                },
            }
            for design in DESIGNS
        },
    }
    record("study_intervals", rounded(numbers))


if __name__ == "__main__":
    main()
