"""The headline's intervals: against textbooks, and by how often they are wrong."""

import math

import numpy as np
import pytest
from scipy import stats

from snellen.study.design import plan_pictures
from snellen.study.headline import mean_rank_differences
from snellen.study.observers import Observers, simulate_many
from snellen.study.ratings import Ratings
from snellen.study.statistics.intervals import _TwoWay, prepare

DESIGNS = {  # people, trials, pictures
    "nested": (20, 50, 1000),
    "crossed": (20, 50, 50),
    "balanced-incomplete": (20, 50, 200),
}


def who_judges(design, people, trials, pictures):
    chosen = plan_pictures(design, people, trials, pictures)
    return np.repeat(np.arange(people), trials), np.unique(chosen, return_inverse=True)[1].ravel()


def ratings(ranks, person, picture, sources=None, **other):
    count = int(picture.max()) + 1 if len(picture) else 0
    names = tuple(f"{k:04d}" for k in range(count))
    people = tuple(f"P{k}" for k in range(int(person.max()) + 1 if len(person) else 0))
    return Ratings(
        models=tuple("abcdef"[: ranks.shape[1]]),
        people=people,
        pictures=names,
        sources=tuple(sources) if sources else names,
        ranks=ranks,
        person=person,
        picture=picture,
        places=np.zeros(ranks.shape, np.intp),
        **other,
    )


def simulated(design, shape, seed=0, utilities=(0.4, 0.0, 0.0), **other):
    person, picture = who_judges(design, *shape)
    rng = np.random.default_rng(seed)
    ranks = simulate_many(Observers(utilities, **other), person, picture, 1, rng)[0]
    return ratings(ranks, person, picture)


def numbers(difference):
    return difference.estimate, difference.low, difference.high, difference.p


def test_nested_is_the_t_test_of_participants_means():
    found = mean_rank_differences(simulated("nested", (8, 5, 40)), design="nested")
    assert [(d.a, d.b) for d in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    study = simulated("nested", (8, 5, 40))
    values = (study.ranks[:, 0] - study.ranks[:, 1]).reshape(8, 5).mean(1)
    expected = stats.ttest_1samp(values, 0)
    limits = expected.confidence_interval(0.95)
    assert numbers(found[0]) == pytest.approx(
        (values.mean(), limits.low, limits.high, expected.pvalue), abs=1e-12
    )
    assert (found[0].people, found[0].pictures) == (8, 40)


def test_in_a_crossed_design_the_variance_is_that_of_the_mean_squares():
    """(MSA + MSB − MSE) / ab, as in any textbook of the two-way layout with random effects."""
    table = np.random.default_rng(1).normal(size=(7, 1)) + np.random.default_rng(2).normal(
        size=(7, 9)
    )
    table += 2 * np.random.default_rng(3).normal(size=(1, 9))
    person, picture = np.indices((7, 9)).reshape(2, -1)
    rows, columns = table.mean(1, keepdims=True), table.mean(0, keepdims=True)
    mean = table.mean()
    people = 9 * ((rows - mean) ** 2).sum() / 6
    pictures = 7 * ((columns - mean) ** 2).sum() / 8
    rest = ((table - rows - columns + mean) ** 2).sum() / 48
    two_way = _TwoWay(person, picture, 100, 0)
    variance, _ = two_way._variance(table.reshape(-1, 1) - mean)
    assert variance[0] == pytest.approx((people + pictures - rest) / 63)


@pytest.mark.parametrize("shape", [(6, 10, 25), (9, 8, 72), (5, 20, 21)])
def test_the_variance_is_unbiased_whoever_judges_what(shape):
    person, picture = who_judges("balanced-incomplete", *shape)
    keep = np.arange(len(person)) % 7 != 3  # as when some have not finished
    person, picture = person[keep], picture[keep]
    rng = np.random.default_rng(4)
    studies = 20_000
    values = (
        0.7 * rng.normal(size=(shape[0], studies))[person]
        + 0.9 * rng.normal(size=(shape[2], studies))[picture]
        + rng.normal(size=(len(person), studies))
    )
    two_way = _TwoWay(person, picture, 100, 0)
    rests = values - values.mean(0)
    squares = np.stack(
        [(two_way._sum_person(rests) ** 2).sum(0), (two_way._sum_source(rests) ** 2).sum(0)]
    )
    expected = two_way._moments @ np.stack([*squares, (rests**2).sum(0)])
    assert expected.mean() == pytest.approx(values.mean(0).var(), rel=0.04)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_p_is_small_just_where_the_interval_leaves_out_zero(design, level):
    people, trials, pictures = 10, 12, {"nested": 120, "crossed": 12}.get(design, 40)
    person, picture = who_judges(design, people, trials, pictures)
    rng = np.random.default_rng(5)
    ranks = simulate_many(Observers((0.5, 0.0, 0.0)), person, picture, 200, rng)
    intervals = prepare(person, picture, by_participant=design == "nested", resamples=1000)
    _, low, high, p = intervals.of((ranks[:, :, 0] - ranks[:, :, 1]).T, level)
    leaves_out = (low > 0) | (high < 0)
    assert 10 < leaves_out.sum() < 190
    assert (leaves_out == (p < 1 - level)).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_without_a_difference_it_rejects_about_as_often_as_it_says(design):
    """The full size, and what it found: docs/results/study_calibration.json."""
    person, picture = who_judges(design, *DESIGNS[design])
    rng = np.random.default_rng(6)
    studies = 400
    ranks = simulate_many(Observers((0.0, 0.0, 0.0)), person, picture, studies, rng)
    intervals = prepare(person, picture, by_participant=design == "nested", resamples=500)
    _, low, high, p = intervals.of((ranks[:, :, 0] - ranks[:, :, 1]).T)
    rejected = int((p < 0.05).sum())
    assert ((low <= 0) & (high >= 0)).sum() == studies - rejected
    fewest, most = stats.binom.ppf(1e-3, studies, 0.035), stats.binom.isf(1e-3, studies, 0.065)
    assert fewest <= rejected <= most


def test_the_interval_covers_a_true_difference():
    person, picture = who_judges("balanced-incomplete", 20, 20, 100)
    rng = np.random.default_rng(7)
    observers = Observers((1.0, 0.0))
    alone = np.arange(200_000)  # of everyone and everything another
    many = simulate_many(observers, alone, alone, 1, rng)[0]
    truth = (many[:, 0] - many[:, 1]).mean()
    ranks = simulate_many(observers, person, picture, 400, rng)
    intervals = prepare(person, picture, by_participant=False, resamples=500)
    _, low, high, _ = intervals.of((ranks[:, :, 0] - ranks[:, :, 1]).T)
    covered = int(((low <= truth) & (truth <= high)).sum())
    assert stats.binom.ppf(1e-3, 400, 0.935) <= covered <= stats.binom.isf(1e-3, 400, 0.97)


def test_photographs_are_named_only_where_any_is_known():
    rng = np.random.default_rng(0)
    person, picture = who_judges("crossed", 4, 6, 6)
    ranks = rng.permuted(np.tile([1.0, 2.0], (24, 1)), axis=1)
    (own,) = mean_rank_differences(ratings(ranks, person, picture), design="crossed", resamples=100)
    assert own.method == "two-way bootstrap over 4 people and 6 pictures (100 resamples)"
    cut = ratings(ranks, person, picture, sources="aabbcc")
    (cut,) = mean_rank_differences(cut, design="crossed", resamples=100)
    assert cut.method == "two-way bootstrap over 4 people and 3 photographs (100 resamples)"


def test_crops_of_one_photograph_are_no_new_evidence():
    study = simulated("crossed", (10, 20, 20))
    (once, *_) = mean_rank_differences(study, design="crossed")
    rows = np.repeat(np.arange(len(study)), 3)
    copied = ratings(
        study.ranks[rows],
        study.person[rows],
        study.picture[rows] * 3 + np.tile(np.arange(3), len(study)),
        sources=[f"photograph {k // 3}" for k in range(60)],
    )
    (crops, *_) = mean_rank_differences(copied, design="crossed")
    assert numbers(crops) == pytest.approx(numbers(once))
    assert crops.pictures == 60
    apart = ratings(copied.ranks, copied.person, copied.picture)
    (wrong, *_) = mean_rank_differences(apart, design="crossed")
    assert wrong.high - wrong.low < 0.95 * (once.high - once.low)


def test_a_nested_study_of_shared_photographs_is_resampled_by_them():
    study = simulated("nested", (6, 10, 60))
    alike = ratings(
        study.ranks, study.person, study.picture, sources=[f"{k % 20}" for k in range(60)]
    )
    methods = [mean_rank_differences(r, design="nested")[0].method for r in (study, alike)]
    assert methods[0] == "t interval over 6 participants"
    assert methods[1].startswith("two-way bootstrap over 6 people and 20 photographs")


def test_repeats_do_not_count():
    study = simulated("crossed", (6, 10, 10))
    kinds = ("main",) * len(study) + ("repeat",) * 6
    rows = np.concatenate([np.arange(len(study)), np.arange(6)])
    more = ratings(
        np.concatenate([study.ranks, study.ranks[:6, ::-1]]),
        study.person[rows],
        study.picture[rows],
        kinds=kinds,
    )
    assert mean_rank_differences(more, design="crossed") == mean_rank_differences(
        study, design="crossed"
    )


def test_the_same_answers_give_the_same_interval_under_any_names():
    study = simulated("balanced-incomplete", (8, 10, 20))
    found = mean_rank_differences(study, design="balanced-incomplete", seed=3)
    assert found == mean_rank_differences(study, design="balanced-incomplete", seed=3)
    turned = ratings(study.ranks, 7 - study.person, 19 - study.picture)
    (other, *_) = mean_rank_differences(turned, design="balanced-incomplete", seed=3)
    assert other.estimate == found[0].estimate
    assert other.high - other.low == pytest.approx(found[0].high - found[0].low, rel=0.1)


@pytest.mark.parametrize("design", DESIGNS)
def test_one_participant_has_an_estimate_but_no_interval(design):
    study = simulated("crossed", (1, 10, 10))
    for found in mean_rank_differences(study, design=design):
        assert math.isfinite(found.estimate)
        assert all(math.isnan(x) for x in (found.low, found.high, found.p))
        assert found.method.startswith("one participant")


def test_an_empty_study_one_picture_and_one_mind_are_told():
    empty = ratings(np.empty((0, 2)), np.empty(0, np.intp), np.empty(0, np.intp))
    (found,) = mean_rank_differences(empty, design="crossed")
    assert math.isnan(found.estimate)
    assert found.method.startswith("no rankings")
    study = simulated("crossed", (5, 1, 1))
    assert mean_rank_differences(study, design="crossed")[0].method.startswith("one picture")
    for design in DESIGNS:
        study = simulated("crossed", (5, 4, 4))
        same = ratings(np.tile([1.0, 2.0, 3.0], (20, 1)), study.person, study.picture)
        found = mean_rank_differences(same, design=design)[1]
        assert found.estimate == -2
        assert math.isnan(found.low)
        assert found.method.startswith("all agree exactly")


def test_disagreement_that_cancels_out_is_not_taken_for_certainty():
    """Everyone's and each picture's mean is the same, but single rankings differ."""
    person, picture = np.indices((4, 4)).reshape(2, -1)
    first = np.where((person + picture) % 2, 1.0, 2.0)
    study = ratings(np.stack([first, 3 - first], axis=1), person, picture)
    (found,) = mean_rank_differences(study, design="crossed")
    assert found.estimate == 0
    assert found.low < -0.3
    assert found.high > 0.3
    assert found.p > 0.5


def test_a_study_where_few_pictures_are_shared_loses_empty_resamples():
    person, picture = np.array([0, 1]), np.array([0, 1])
    study = ratings(np.array([[1.0, 2.0], [2.0, 1.0]]), person, picture)
    (found,) = mean_rank_differences(study, design="balanced-incomplete")
    assert found.low < found.estimate == 0 < found.high


def test_too_few_resamples_are_refused():
    with pytest.raises(ValueError, match="too few"):
        mean_rank_differences(simulated("crossed", (4, 5, 5)), design="crossed", resamples=20)


@pytest.mark.parametrize("apart", [1, 2, 3])
def test_a_few_rankings_among_ties_show_nothing(apart):
    """All are for one model, but so few would be by luck as well: a sign test says at least ¼."""
    person, picture = who_judges("crossed", 20, 50, 50)
    ranks = np.full((1000, 2), 1.5)
    for k in range(apart):
        ranks[(person == k) & (picture == k)] = 1, 2
    (found,) = mean_rank_differences(ratings(ranks, person, picture), design="crossed")
    assert found.estimate == pytest.approx(-apart / 1000)
    assert found.low < 0 < found.high
    assert found.p > 0.05


def test_the_two_way_interval_holds_that_of_t():
    person, picture = who_judges("balanced-incomplete", 20, 50, 200)
    values = np.random.default_rng(0).normal(0.05, 1, (1000, 6)) ** 3  # skewed and heavy
    two_way = _TwoWay(person, picture, 2000, 0)
    estimate, low, high, p = two_way.of(values)
    sums = two_way._sum(values)
    variance, degrees = two_way._variance(sums - two_way._sum.sizes[:, None] * estimate)
    limits = stats.t.interval(0.95, degrees, estimate, np.sqrt(variance))
    assert (low <= limits[0] + 1e-9).all()
    assert (high >= limits[1] - 1e-9).all()
    expected = 2 * stats.t.sf(np.abs(estimate) / np.sqrt(variance), degrees)
    assert (p >= expected - 1e-9).all()
    assert ((p < 0.05) == ((low > 0) | (high < 0))).all()
