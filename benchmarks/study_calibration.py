"""How often the headline of a study is wrong, beside other tests, and whether power is kept.

    OMP_NUM_THREADS=1 python -m benchmarks.study_calibration

simulates studies in which the truth is known: no difference between three models, or utilities in
steps of 0.4; people and pictures that differ (standard deviation 0.5 and 0.8 of the utilities) or
that do not; and pictures that are pieces of fewer photographs, where half of what is peculiar to
a picture (in variance) comes from its photograph. What is in docs/results/study_calibration.json
already is not simulated again; --anew does, and --quick tries it out with few studies, into runs/.
The whole takes about fifteen minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks.keep_results import rounded
from benchmarks.record import RESULTS, record
from snellen.study.config import Design, StudyConfig, parse_config
from snellen.study.design import make_plan, plan_pictures
from snellen.study.headline import mean_rank_differences
from snellen.study.observers import Observers, choose, simulate_answers, simulate_many
from snellen.study.power import gap_utilities, simulate_power
from snellen.study.statistics import holm
from snellen.study.statistics.intervals import Columns, _stretch, _TwoWay, prepare

NAME = "study_calibration"
PAIRS = ((0, 1), (0, 2), (1, 2))
EFFECTS = {"people and pictures": (0.5, 0.8), "none": (0.0, 0.0)}
GAPS = (0.0, 0.4)
POWER_GAPS = (0.2, 0.4)
Shape = tuple[Design, int, int, int]
# people, trials, pictures; the first three are what the goals are about.
SHAPES: tuple[Shape, ...] = (
    ("nested", 20, 50, 1000),
    ("crossed", 20, 50, 50),
    ("balanced-incomplete", 20, 50, 200),
    ("balanced-incomplete", 20, 50, 500),
    ("balanced-incomplete", 100, 10, 200),
    ("nested", 5, 20, 100),
    ("crossed", 5, 20, 20),
    ("balanced-incomplete", 8, 10, 40),
)
PHOTOGRAPHS: tuple[tuple[Shape, int], ...] = (
    (("nested", 20, 50, 1000), 100),
    (("crossed", 20, 50, 50), 10),
    (("balanced-incomplete", 20, 50, 200), 50),
)
"""Pictures that share photographs, and how many of these there are."""
BLOCK = 100  # studies simulated at a time


def expected_difference(utilities: tuple[float, ...], sd: float, a: int, b: int) -> float:
    """Mean rank of a minus that of b over all people and pictures, by quadrature.

    A model's rank is 1 and one more for each that beats it: k beats a with chance 1/(1 + exp(−d)),
    where d = u_k − u_a is normal with standard deviation sd·√2.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def rank(model: int) -> float:
        return sum(
            float(weights @ special.expit(utilities[k] - utilities[model] + sd * 2**0.5 * nodes))
            for k in range(len(utilities))
            if k != model
        )

    return rank(a) - rank(b)


def friedman(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """The p of Friedman's test, corrected for ties, for (studies, blocks, models)."""
    count, models = blocks.shape[1:]
    ranks = stats.rankdata(blocks, axis=2)
    center = (models + 1) / 2
    between = ((ranks.sum(1) - count * center) ** 2).sum(1)
    within = ((ranks - center) ** 2).sum((1, 2))
    found: NDArray[np.float64] = stats.chi2.sf((models - 1) * between / within, models - 1)
    return found


def means_by(ranks: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean ranks of each group of rows, (studies, groups, models)."""
    order = np.argsort(group, kind="stable")
    _, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    sums: NDArray[np.float64] = np.add.reduceat(ranks[:, order], starts, axis=1)
    return sums / sizes[:, None]


def options(two_way: _TwoWay, values: NDArray[np.float64]) -> dict[str, Columns]:
    """Other intervals that were considered, as (estimate, low, high, p with no use)."""
    sums = two_way._sum(values)
    mean = sums.sum(0) / two_way._count
    variance, degrees = two_way._variance(sums - two_way._sum.sizes[:, None] * mean)
    drawn = np.sort(np.concatenate([w @ sums for w in two_way._weights()]) - mean, axis=0)
    draws = len(drawn)
    last = int(0.025 * (draws + 1))
    low, high = drawn[last - 1], drawn[draws - last]
    half = stats.t.isf(0.025, degrees) * np.sqrt(variance)
    scaled = drawn * (np.sqrt(variance) / drawn.std(0))
    fewest = np.full(len(mean), min(two_way._people, two_way._sources) - 1.0)
    share = np.array([last / (draws + 1)])
    slow, shigh = scaled[last - 1], scaled[draws - last]
    stretched = _stretch(share, fewest)[0]
    return {
        "two-way bootstrap, percentiles": (mean, mean + low, mean + high, mean),
        "two-way bootstrap, basic": (mean, mean - high, mean - low, mean),
        "its spread set without bias": (mean, mean + slow, mean + shigh, mean),
        "and t of the smaller number - 1": (
            mean,
            mean + slow * stretched,
            mean + shigh * stretched,
            mean,
        ),
        "t with the unbiased variance alone": (mean, mean - half, mean + half, mean),
    }


def wrong(columns: Columns, truth: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """For each study, over its pairs: how often zero is left out, and how often the truth is in."""
    _, low, high, _ = columns
    shape = (-1, len(PAIRS))
    low, high = low.reshape(shape), high.reshape(shape)
    return {
        "rejects": ((low > 0) | (high < 0)).mean(1),
        "covers": ((low <= truth) & (truth <= high)).mean(1),
        "too_high": (low > truth).mean(1),
        "too_low": (high < truth).mean(1),
        "half_width": (high - low).mean(1) / 2,
    }


def of_photographs(
    observers: Observers,
    person: NDArray[np.intp],
    picture: NDArray[np.intp],
    photograph: NDArray[np.intp],
    studies: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """As `simulate_many`, but half of the pictures' variance is that of their photographs."""
    models = observers.models
    values = np.broadcast_to(np.asarray(observers.utilities), (studies, len(person), models)).copy()
    half = observers.picture_sd / 2**0.5
    for sd, group in (
        (observers.person_sd, person), (half, photograph), (half, picture),
    ):  # fmt: skip
        values += sd * rng.standard_normal((studies, int(group.max()) + 1, models))[:, group]
    return choose(values, rng).astype(np.float64)


def calibration(
    shape: Shape,
    effects: str,
    gap: float,
    studies: int,
    resamples: int,
    seed: int,
    photographs: int = 0,
) -> dict[str, Any]:
    """Simulate and judge `studies` studies of one kind.

    With `photographs` the pictures are pieces of so many, equally many of each.
    """
    design, people, trials, pictures = shape
    chosen = plan_pictures(design, people, trials, pictures, seed)
    person = np.repeat(np.arange(people), trials)
    picture = np.unique(chosen, return_inverse=True)[1].ravel()
    person_sd, picture_sd = EFFECTS[effects]
    utilities = gap_utilities(3, gap)
    observers = Observers(utilities, person_sd=person_sd, picture_sd=picture_sd)
    truth = np.array(
        [expected_difference(utilities, math.hypot(person_sd, picture_sd), *p) for p in PAIRS]
    )
    nested = design == "nested"
    source = picture * photographs // pictures if photographs else picture
    intervals = prepare(
        person,
        source,
        by_participant=nested and not photographs,
        resamples=resamples,
        seed=seed,
    )
    rng = np.random.default_rng([seed, people, trials, pictures])
    found: dict[str, dict[str, list[Any]]] = {}
    naive: dict[str, list[Any]] = {"row": [], "participant": [], "picture": []}
    bias: list[Any] = []
    any_pair: list[Any] = []
    for start in range(0, studies, BLOCK):
        count = min(BLOCK, studies - start)
        if photographs:
            ranks = of_photographs(observers, person, picture, source, count, rng)
        else:
            ranks = simulate_many(observers, person, picture, count, rng)
        values = np.stack([ranks[:, :, a] - ranks[:, :, b] for a, b in PAIRS], axis=2)
        columns = values.transpose(1, 0, 2).reshape(len(person), -1)
        judged = {"headline": intervals.of(columns)}
        if isinstance(intervals, _TwoWay):
            judged |= options(intervals, columns)
        bias.append(judged["headline"][0].reshape(-1, len(PAIRS)) - truth)
        for name, of_these in judged.items():
            kept = found.setdefault(name, {})
            for key, rates in wrong(of_these, truth).items():
                kept.setdefault(key, []).append(rates)
        if gap == 0:
            smallest = judged["headline"][3].reshape(-1, len(PAIRS)).min(1)
            any_pair.append(smallest * len(PAIRS) < 0.05)  # Holm's first step
            naive["row"].append(friedman(ranks) < 0.05)
            naive["participant"].append(friedman(means_by(ranks, person)) < 0.05)
            naive["picture"].append(friedman(means_by(ranks, source)) < 0.05)

    def summary(parts: list[Any]) -> dict[str, float]:
        all_of = np.concatenate(parts).astype(float)
        return {"mean": float(all_of.mean()), "error": float(all_of.std() / len(all_of) ** 0.5)}

    estimates = np.concatenate(bias)
    return {
        "truth": truth.tolist(),
        "mean_error": estimates.mean(0).tolist(),
        "standard_deviation": estimates.std(0).tolist(),
        **{
            name: {key: summary(parts) for key, parts in kept.items()}
            for name, kept in found.items()
        },
        **({"any_pair_after_holm": summary(any_pair)} if gap == 0 else {}),
        **({"friedman_rejects": {k: summary(v) for k, v in naive.items()}} if gap == 0 else {}),
    }


def found_by_analysis(
    shape: Shape, gap: float, studies: int, resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Plan, answer and analyse single studies, each trial by itself; nothing of power's own code.

    Every twentieth study has a new plan.

    Returns:
        p of every two models before and after Holm's correction, each (studies, pairs).
    """
    design, people, trials, pictures = shape
    observers = Observers(gap_utilities(3, gap))
    found = []
    for number in range(studies):
        if number % 20 == 0:
            config = study_config(design, people, trials, seed + number)
            plan = make_plan(config, range(pictures))
        ratings = simulate_answers(plan, observers, np.random.default_rng([seed, number])).ratings
        pairs = mean_rank_differences(ratings, design=design, resamples=resamples, seed=number)
        found.append([pair.p for pair in pairs])
    return np.array(found), np.array([holm(p) for p in found])


def study_config(design: Design, people: int, trials: int, seed: int) -> StudyConfig:
    """A study of three models, with its defaults."""
    texts = dict.fromkeys(("title", "instructions", "consent", "contact"), "not shown")
    return parse_config(
        {
            **texts,
            "models": ["a", "b", "c"],
            "design": design,
            "people": people,
            "trials_per_person": trials,
            "seed": seed,
        }
    )


def kept_promise(shape: Shape, gap: float, studies: int, resamples: int) -> dict[str, Any]:
    """What `snellen study power` promises with its defaults, and what analysed studies find."""
    design, people, trials, pictures = shape
    observers = Observers(gap_utilities(3, gap))
    sizes = {"people": people, "trials": trials, "pictures": pictures, "observers": observers}
    (promise,) = simulate_power([design], **sizes, seed=0)
    alone, corrected = (
        (p < 0.05).mean(0) for p in found_by_analysis(shape, gap, studies, resamples, seed=1000)
    )
    pairs = [
        {
            "pair": (pair.a, pair.b),
            "promised": pair.power,
            "promised_error": pair.power_error,
            "found": float(alone[k]),
            "found_error": math.sqrt(alone[k] * (1 - alone[k]) / studies),
            "promised_corrected": pair.corrected,
            "found_corrected": float(corrected[k]),
        }
        for k, pair in enumerate(promise.pairs)
    ]
    return {
        "promised_from": promise.studies,
        "found_in": studies,
        "pairs": pairs,
        "largest_difference": max(
            abs(pair[f"promised{kind}"] - pair[f"found{kind}"])
            for pair in pairs
            for kind in ("", "_corrected")
        ),
    }


def cases(quick: bool) -> list[dict[str, Any]]:
    """Everything that is simulated."""
    studies, resamples = (200, 400) if quick else (4000, 1000)
    found: list[dict[str, Any]] = [
        {
            "what": "calibration",
            "shape": list(shape),
            "effects": effects,
            "gap": gap,
            "studies": studies,
            "resamples": resamples,
            "seed": 2026,
        }
        for shape in SHAPES
        for effects in EFFECTS
        for gap in GAPS
    ]
    found += [
        {
            "what": "calibration",
            "shape": list(shape),
            "photographs": photographs,
            "effects": "people and pictures",
            "gap": gap,
            "studies": studies,
            "resamples": resamples,
            "seed": 2026,
        }
        for shape, photographs in PHOTOGRAPHS
        for gap in GAPS
    ]
    found += [
        {
            "what": "power",
            "shape": list(shape),
            "gap": gap,
            "studies": 20 if quick else 1000,
            "resamples": 400 if quick else 1000,
        }
        for shape in SHAPES[:5]
        for gap in POWER_GAPS
    ]
    return found


def simulate(case: dict[str, Any]) -> dict[str, Any]:
    """Do what a case says."""
    design, people, trials, pictures = case["shape"]
    shape: Shape = (design, people, trials, pictures)
    if case["what"] == "power":
        return kept_promise(shape, *(case[key] for key in ("gap", "studies", "resamples")))
    keys = ("effects", "gap", "studies", "resamples", "seed")
    return calibration(shape, *(case[key] for key in keys), case.get("photographs", 0))


def line(row: dict[str, Any]) -> str:
    """One row of a table for reading."""
    case, found = row["case"], row["found"]
    design, *sizes = case["shape"]
    named = f"{design} {'×'.join(map(str, sizes))}, gap {case['gap']}"
    if case["what"] == "power":
        pairs = [f"{p['promised']:.3f} → {p['found']:.3f}" for p in found["pairs"]]
        return f"power {named}: {', '.join(pairs)}"
    pieces = f", of {case['photographs']} photographs" if case.get("photographs") else ""
    parts = [f"{named}{pieces}, {case['effects']}"]
    for name, rates in found.items():
        if isinstance(rates, dict) and "covers" in rates:
            parts.append(
                f"  {name}: rejects {rates['rejects']['mean']:.2%} ±{rates['rejects']['error']:.2%}"
                f", covers {rates['covers']['mean']:.2%} ±{rates['covers']['error']:.2%}"
            )
    if "any_pair_after_holm" in found:
        parts.append(f"  any pair after Holm: {found['any_pair_after_holm']['mean']:.2%}")
    if "friedman_rejects" in found:
        rates = found["friedman_rejects"]
        parts.append("  Friedman: " + ", ".join(f"{k} {v['mean']:.1%}" for k, v in rates.items()))
    return "\n".join(parts)


def main() -> None:
    """Simulate what is not there yet, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--anew", action="store_true")
    given = parser.parse_args()
    folder = Path("runs") if given.quick else RESULTS
    path = folder / f"{NAME}.json"
    there = []
    if path.exists() and not given.anew:
        there = json.loads(path.read_text(encoding="utf-8"))["numbers"]["rows"]
    wanted = cases(given.quick)
    rows = [row for row in there if row["case"] in wanted]
    for case in wanted:
        if any(row["case"] == case for row in rows):
            continue
        start = time.process_time()
        found = rounded(simulate(case))
        rows.append({"case": case, "found": found, "cpu_seconds": time.process_time() - start})
        rows.sort(key=lambda row: wanted.index(row["case"]))
        record(NAME, {"rows": rounded(rows)}, folder=folder)
    for row in rows:
        print(line(row))
    print(f"{sum(row['cpu_seconds'] for row in rows) / 60:.1f} minutes of one core")


if __name__ == "__main__":
    main()
