"""Sums of integers: exact, in any order, in any number of parts."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from snellen.metrics.exact_sums import SIZE, Totals, add_values, carried, no_values, read

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
FLOAT64 = st.floats(-(2.0**127), 2.0**127).filter(lambda v: v == 0 or abs(v) > 2.0**-107)


def tally_of(*values: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return add_values(no_values(), torch.tensor(values, dtype=dtype))


def read_values(*values: float) -> Totals:
    return read(tally_of(*values))


def exact_mean(values: list[float]) -> Fraction:
    return sum(map(Fraction, values), Fraction(0)) / len(values)


@given(st.lists(FLOAT32, min_size=1, max_size=8))
def test_the_mean_of_float32_is_the_exact_one_rounded_once(values: list[float]) -> None:
    assert read(tally_of(*values, dtype=torch.float32)).mean == float(exact_mean(values))


@given(st.lists(FLOAT64, min_size=1, max_size=8))
def test_the_mean_of_float64_is_the_exact_one_rounded_once(values: list[float]) -> None:
    assert read_values(*values).mean == float(exact_mean(values))


@given(st.lists(FLOAT64, min_size=2, max_size=8))
def test_the_deviation_is_the_exact_one_rounded(values: list[float]) -> None:
    mean = exact_mean(values)
    variance = sum((Fraction(v) - mean) ** 2 for v in values) / (len(values) - 1)
    assert read_values(*values).deviation == math.sqrt(float(variance))


@pytest.mark.parametrize("seed", range(5))
def test_order_and_parts_do_not_matter(seed: int) -> None:
    generator = random.Random(seed)
    values = [generator.gauss(0, 1) * 10.0 ** generator.randint(-30, 30) for _ in range(50)]
    values += [math.inf, math.nan, -math.inf]
    expected = read_values(*values)
    generator.shuffle(values)
    cuts = sorted(generator.sample(range(len(values)), 4))
    parts = [values[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    assert read(torch.stack([tally_of(*part) for part in parts]).sum(0)) == expected
    one_by_one = no_values()
    for value in values:
        one_by_one = add_values(one_by_one, torch.tensor([value], dtype=torch.float64))
    assert read(one_by_one) == expected


@pytest.mark.parametrize("value", [2.0**-160, -(2.0**-149), 1 / 3, -math.pi, 2.0**127 * 1.5])
def test_there_is_room_for_two_to_the_31_values(value: float) -> None:
    one = read_values(value)
    many = tally_of(value)
    for _ in range(31):  # what so many processes with as many values add up to
        many = carried(many + many)
    found = read(many)
    assert found.count == 2**31
    assert (found.total, found.squares) == (one.total << 31, one.squares << 31)
    assert found.mean == value


def test_words_stay_small() -> None:
    tally = tally_of(2.0**127)
    for _ in range(100):
        tally = add_values(tally, torch.full((100,), -1.7e38))
        assert tally[:-1].abs().max() < 2**40


def test_what_lies_outside_the_range() -> None:
    assert read_values(2.0**-161, -(2.0**-161)).total == 0  # cut towards zero
    assert read_values(1.5 * 2.0**-160).total == 1
    found = read_values(2.0**128, -(2.0**128), 1e300, 1.0)
    assert (found.above, found.below, found.finite, found.finite_mean) == (2, 1, 1, 1.0)


@pytest.mark.parametrize(
    "values",
    [
        (math.nan, 1.0),
        (math.inf, 1.0),
        (-math.inf, 1.0),
        (math.inf, -math.inf),
        (math.inf, math.nan),
        (1.0, 2.0),
    ],
)
def test_nan_and_infinities_as_ieee_would(values: tuple[float, ...]) -> None:
    expected = sum(values) / len(values)
    found = read_values(*values).mean
    assert found == expected or (math.isnan(found) and math.isnan(expected))


def test_the_finite_values_are_kept_apart() -> None:
    found = read_values(math.inf, -math.inf, math.nan, 2.0, 4.0)
    assert (found.above, found.below, found.undefined, found.count) == (1, 1, 1, 5)
    assert found.finite_mean == 3.0
    assert math.isnan(found.deviation)


def test_no_values() -> None:
    nothing = read(add_values(no_values(), torch.empty(0)))
    assert nothing == Totals(0, 0, 0, 0, 0, 0)
    assert math.isnan(nothing.mean)
    assert math.isnan(nothing.finite_mean)
    assert math.isnan(read_values(1.0).deviation)


def test_a_tally_is_a_few_integers_however_many_values_there_were() -> None:
    tally = add_values(no_values(), torch.rand(10_000))
    assert (tally.dtype, tally.shape) == (torch.int64, (SIZE,))
    assert SIZE < 64
