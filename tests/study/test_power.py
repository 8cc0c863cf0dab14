"""What a study could show: power that is kept, and designs that do not fit."""

import numpy as np
import pytest
from scipy import stats

from snellen.errors import UserError
from snellen.study.observers import Observers
from snellen.study.power import gap_utilities, simulate_headlines, simulate_power
from snellen.study.statistics.wilcoxon import holm

SHAPES = {"nested": (10, 20, 200), "crossed": (20, 20, 20), "balanced-incomplete": (20, 15, 60)}


@pytest.mark.parametrize("design", SHAPES)
def test_the_power_that_is_promised_is_kept(design):
    """The full size, within 5 points: docs/results/study_calibration.json."""
    observers = Observers((0.5, 0.0))
    shape = SHAPES[design]
    (promise,) = simulate_power(
        [design], *shape, observers=observers, studies=400, resamples=300, seed=1
    )
    *_, p = simulate_headlines(
        design, *shape, observers=observers, studies=400, resamples=600, seed=2
    )
    promised, kept = promise.pairs[0].power, float((p < 0.05).mean())
    assert 0.2 < promised < 0.95
    assert abs(promised - kept) < 4 * np.hypot(
        *[np.sqrt(x * (1 - x) / 400) for x in (promised, kept)]
    )
    assert promise.pairs[0].power_error == pytest.approx(np.sqrt(promised * (1 - promised) / 400))


def test_power_without_a_difference_is_the_level():
    (found,) = simulate_power(
        ["nested"], 8, 10, 80, observers=Observers((0.0, 0.0, 0.0)), studies=600, seed=3
    )
    for pair in found.pairs:
        rejected = round(pair.power * 600)
        assert stats.binom.ppf(1e-4, 600, 0.05) <= rejected <= stats.binom.isf(1e-4, 600, 0.05)


def test_corrected_power_is_what_a_report_would_say():
    """As often as Holm's correction of a study's own p finds the pair, and never more."""
    observers, shape = Observers((0.5, 0.25, 0.0)), (12, 20, 240)
    (found,) = simulate_power(["nested"], *shape, observers=observers, studies=120, seed=5)
    *_, p = simulate_headlines(
        "nested", *shape, observers=observers, studies=120, resamples=1000, seed=5
    )
    expected = np.mean([np.array(holm(row.tolist())) < 0.05 for row in p], axis=0)
    assert [pair.corrected for pair in found.pairs] == pytest.approx(expected.tolist())
    assert all(pair.corrected <= pair.power for pair in found.pairs)
    assert any(pair.corrected < pair.power for pair in found.pairs)


def test_more_people_are_better_than_more_trials():
    observers = Observers(gap_utilities(3, 0.4))
    few, many = (
        simulate_power(
            ["balanced-incomplete"], *shape, observers=observers, studies=60, resamples=300
        )[0]
        for shape in ((10, 40, 100), (40, 10, 100))
    )
    assert all(
        b.half_width < 0.8 * a.half_width for a, b in zip(few.pairs, many.pairs, strict=True)
    )
    assert few.judges == many.judges == 4


def test_every_pair_has_its_difference_and_its_interval():
    (found,) = simulate_power(
        ["crossed"], 6, 8, 30, observers=Observers((2.0, 1.0, 0.0)), studies=30, resamples=200
    )
    assert [(pair.a, pair.b) for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert found.pictures == 8
    assert found.judges == 6
    differences = [pair.difference for pair in found.pairs]
    assert differences[1] == pytest.approx(differences[0] + differences[2])
    assert differences[1] < differences[0] < 0
    assert all(0 < pair.half_width_error < pair.half_width for pair in found.pairs)


def test_a_design_that_does_not_fit_says_so_beside_the_others():
    nested, crossed = simulate_power(
        ["nested", "crossed"], 20, 5, 60, observers=Observers((1.0, 0.0)), studies=20,
        resamples=200, typed={"people": "--people "},
    )  # fmt: skip
    assert "20 people × 5 trials need 100 pictures; there are 60" in nested.misfit
    assert "or --people 12" in nested.misfit
    assert nested.pairs == ()
    assert crossed.misfit == ""
    assert len(crossed.pairs) == 1


def test_blocks_do_not_change_the_numbers(monkeypatch):
    from snellen.study import power

    values = {"observers": Observers((0.4, 0.0)), "studies": 12, "resamples": 100}
    once = simulate_headlines("crossed", 5, 4, 4, **values)
    told = []
    monkeypatch.setattr(power, "_BLOCK", 5 * 4 * 2 * 12)
    again = simulate_headlines("crossed", 5, 4, 4, **values, step=told.append)
    assert np.array_equal(once, again)
    assert sum(told) == 12


def test_impossible_requests_are_refused():
    observers = Observers((1.0, 0.0))
    with pytest.raises(UserError, match="no design 'crosed'"):
        simulate_power(["crosed"], 5, 5, 5, observers=observers)
    with pytest.raises(UserError, match="one participant"):
        simulate_power(["crossed"], 1, 5, 5, observers=observers)
    with pytest.raises(UserError, match="at least 1"):
        simulate_power(["crossed"], 5, 5, 5, observers=observers, studies=0)
