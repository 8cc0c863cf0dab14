"""What is done to one row of a strip, by 16 columns at a time.

A strip is a band of columns narrow enough that its buffers stay in the first-level cache. The rows
of several quantities lie `stride` numbers apart. A ring holds the last K rows of each quantity in
rotating slots; its weights are rotated alike, so that no row has to be moved. Where `count` is no
multiple of 16 the last step goes beyond it: buffers are that much longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from snellen.metrics.engines.vectors import LANES, Emitter, Value, row_operation

__all__ = [
    "C1",
    "C2",
    "SCALE",
    "SHIFT_A",
    "SHIFT_B",
    "accumulate_absolute",
    "accumulate_row",
    "accumulate_square",
    "blur_rows",
    "compare_joint",
    "compare_joint_both",
    "compare_joint_one",
    "compare_structure",
    "compare_structure_both",
    "compare_structure_one",
    "copy_row",
    "fetch_to_read",
    "fetch_to_write",
    "halve_rows",
    "moments_across",
    "ring_rows",
    "shifted_pair",
    "sum_and_difference",
]

# Where the constants of a comparison lie in its table: 2·C1, 2·C2, what was taken off the sums and
# off the differences, and the scale of the variances.
C1, C2, SHIFT_A, SHIFT_B, SCALE = range(5)


@row_operation
def sum_and_difference(
    emit: Emitter, _taps: int, x: Value, y: Value, a: Value, b: Value, table: Value, count: Value
) -> None:
    """X + y and x - y, less their shifts: `count` columns, 16 or more."""
    shift_a, shift_b = emit.spread(table, SHIFT_A), emit.spread(table, SHIFT_B)
    with emit.columns(count, inside=True) as column:
        left, right = emit.load(x, column), emit.load(y, column)
        emit.store(emit.subtract(emit.add(left, right), shift_a), a, column)
        emit.store(emit.subtract(emit.subtract(left, right), shift_b), b, column)


@row_operation
def shifted_pair(
    emit: Emitter, _taps: int, x: Value, y: Value, a: Value, b: Value, table: Value, count: Value
) -> None:
    """The same where x and y already are the sum and the difference."""
    shifts = emit.spread(table, SHIFT_A), emit.spread(table, SHIFT_B)
    with emit.columns(count, inside=True) as column:
        for source, target, shift in zip((x, y), (a, b), shifts, strict=True):
            emit.store(emit.subtract(emit.load(source, column), shift), target, column)


def _fetch(*, for_writing: bool) -> Any:
    @row_operation
    def fetch(emit: Emitter, _taps: int, address: Value, count: Value) -> None:
        """Bring the memory of `count` float32 near, before it is needed."""
        with emit.columns(count) as column:
            emit.fetch(address, column, for_writing=for_writing)

    return fetch


fetch_to_read, fetch_to_write = _fetch(for_writing=False), _fetch(for_writing=True)


class _Moments(NamedTuple):
    """A weighted mean, and the weighted variance about it."""

    mean: Value
    variance: Value


def _moments(
    emit: Emitter,
    values: Iterable[Value],
    variances: Iterable[Value] | None,
    centre: Value,
    weights: Sequence[Value],
) -> _Moments:
    """Mean and variance of values, or of means with variances of their own, about any centre.

    About a centre that lies near, the variance of a flat part of a picture keeps its digits however
    far from the mean of the whole that part lies.
    """
    mean = square = emit.constant(0.0)
    # Loads are emitted where they are used: there are not registers for all of them.
    own = repeat(None) if variances is None else variances
    for value, its_own, weight in zip(values, own, weights, strict=False):
        distance = emit.subtract(value, centre)
        if its_own is None:
            part = emit.multiply(distance, weight)
            mean = emit.add(mean, part)
            square = emit.multiply_add(part, distance, square)
        else:
            spread = emit.multiply_add(distance, distance, its_own)
            mean = emit.multiply_add(weight, distance, mean)
            square = emit.multiply_add(weight, spread, square)
    variance = emit.subtract(square, emit.multiply(mean, mean))
    return _Moments(emit.add(centre, mean), variance)


def ring_rows(
    emit: Emitter, taps: int, ring: Value, stride: Value, quantities: int
) -> list[list[Value]]:
    """Return the rows of a ring: for each quantity one in each slot."""
    rows = emit.rows(ring, stride, taps * quantities)
    return [rows[q::quantities] for q in range(quantities)]


def blur_rows(emit: Emitter, rows: list[Value], weights: list[Value], column: Value) -> Value:
    """Blur one quantity across the rows of its ring."""
    return emit.weighted_sum([emit.load(row, column) for row in rows], weights)


@row_operation
def moments_across(
    emit: Emitter,
    taps: int,
    ring: Value,
    stride: Value,
    middle: Value,
    weights: Value,
    out: Value,
    count: Value,
) -> None:
    """Means and variances of a and b across the rows of their ring, column by column: four rows.

    `middle` is the slot of the window's middle row.
    """
    w = emit.weights(weights, taps)
    results = emit.rows(out, stride, 4)
    slots, middles = ring_rows(emit, taps, ring, stride, 2), emit.rows(middle, stride, 2)
    with emit.columns(count) as column:
        for quantity in range(2):
            values = (emit.load(row, column) for row in slots[quantity])
            found = _moments(emit, values, None, emit.load(middles[quantity], column), w)
            emit.store(found.mean, results[quantity], column)
            emit.store(found.variance, results[quantity + 2], column)


class _Window(NamedTuple):
    """Mean and variance in a window; the variance is never below 0."""

    mean: Value
    variance: Value
    was_negative: Value


def _window(
    emit: Emitter,
    means: Value,
    variances: Value,
    weights: list[Value],
    scale: Value,
    column: Value,
) -> _Window:
    """Put columns together.

    The variance in a window is the mean of the columns' own variances and the variance of their
    means.
    """
    taps = len(weights)
    centre = emit.load(means, column, taps // 2)
    along = _moments(
        emit,
        (emit.load(means, column, k) for k in range(taps)),
        (emit.load(variances, column, k) for k in range(taps)),
        centre,
        weights,
    )
    zero = emit.constant(0.0)
    negative = emit.is_below(along.variance, zero)
    kept = emit.multiply(emit.where(negative, zero, along.variance), scale)
    return _Window(along.mean, kept, negative)


class _Part(NamedTuple):
    """u = 1 - l or v = 1 - cs: 2·difference / whole, with 1 / whole kept for the derivatives."""

    distance: Value
    inverse: Value


def _part(emit: Emitter, difference: Value, whole: Value) -> _Part:
    inverse = emit.divide(emit.constant(1.0), whole)
    return _Part(emit.multiply(emit.add(difference, difference), inverse), inverse)


def _comparison(*, joint: bool, gradients: int) -> Callable[..., None]:
    """Build the comparison of two pictures in one row; the arithmetic of definition.py.

    Args:
        joint: the distance is 1 - l·cs; else 1 - cs.
        gradients: 0; 1: three rows of partial derivatives from which the gradient by x is made;
            2: four rows, by A, B, E[a²] and E[b²].
    """

    def compare(
        emit: Emitter,
        taps: int,
        moments: Value,
        stride: Value,
        weights: Value,
        table: Value,
        flip: Value,
        distances: Value,
        partials: Value,
        count: Value,
    ) -> None:
        means_a, means_b, variances_a, variances_b = emit.rows(moments, stride, 4)
        w = emit.weights(weights, taps)
        c1, c2, shift_a, shift_b, scale = (emit.spread(table, k) for k in range(5))
        flips = emit.flag(flip)
        zero, one, two = (emit.constant(number) for number in (0.0, 1.0, 2.0))
        outputs = emit.rows(partials, stride, 4)
        with emit.columns(count) as column:
            window_a = _window(emit, means_a, variances_a, w, scale, column)
            window_b = _window(emit, means_b, variances_b, w, scale, column)
            a, b = window_a.mean, window_b.mean
            spread = emit.add(emit.add(window_a.variance, window_b.variance), c2)
            v, inverse_q = _part(emit, window_b.variance, spread)
            distance = v
            if joint:
                mean_a, mean_b = emit.add(a, shift_a), emit.add(b, shift_b)
                b_squared = emit.multiply(mean_b, mean_b)
                whole = emit.add(emit.multiply_add(mean_a, mean_a, b_squared), c1)
                u, inverse_p = _part(emit, b_squared, whole)
                rest_u, rest_v = emit.subtract(one, u), emit.subtract(one, v)
                distance = emit.multiply_add(u, rest_v, v)
                # The product of two negatives counts as negative where `flip` says so.
                flipped = emit.where(
                    flips, emit.where(emit.is_below(rest_u, zero), rest_v, one), one
                )
                flipped = emit.is_below(flipped, zero)
                distance = emit.where(flipped, emit.subtract(two, distance), distance)
            emit.store(distance, distances, column)
            if gradients == 0:
                return

            # By E[a²] and E[b²]; A and B come in again through the variances.
            by_a2 = emit.negative(emit.multiply(v, inverse_q))
            by_b2 = emit.multiply(emit.subtract(two, v), inverse_q)
            if joint:
                sign = emit.where(flipped, emit.constant(-1.0), one)
                by_a2, by_b2 = (
                    emit.multiply(emit.multiply(d, rest_u), sign) for d in (by_a2, by_b2)
                )
            by_a2 = emit.where(window_a.was_negative, zero, emit.multiply(by_a2, scale))
            by_b2 = emit.where(window_b.was_negative, zero, emit.multiply(by_b2, scale))
            minus_two = emit.constant(-2.0)
            by_a = emit.multiply(emit.multiply(by_a2, a), minus_two)
            by_b = emit.multiply(emit.multiply(by_b2, b), minus_two)
            if joint:
                slope = emit.multiply(emit.multiply(rest_v, sign), emit.add(inverse_p, inverse_p))
                by_a = emit.subtract(by_a, emit.multiply(slope, emit.multiply(u, mean_a)))
                toward = emit.multiply(mean_b, emit.subtract(two, u))
                by_b = emit.multiply_add(slope, toward, by_b)
            means = [emit.add(by_a, by_b)] if gradients == 1 else [by_a, by_b]
            for value, row in zip([*means, by_a2, by_b2], outputs, strict=False):
                emit.store(value, row, column)

    return compare


def _compare(*, joint: bool, gradients: int) -> Any:
    return row_operation(_comparison(joint=joint, gradients=gradients))


compare_structure, compare_joint = (_compare(joint=joint, gradients=0) for joint in (False, True))
compare_structure_one, compare_joint_one = (
    _compare(joint=joint, gradients=1) for joint in (False, True)
)
compare_structure_both, compare_joint_both = (
    _compare(joint=joint, gradients=2) for joint in (False, True)
)


@row_operation
def accumulate_row(emit: Emitter, _taps: int, row: Value, totals: Value, count: Value) -> None:
    """Add a row to the totals of its columns."""
    with emit.columns(count) as column:
        emit.store(emit.add(emit.load(totals, column), emit.load(row, column)), totals, column)


def _accumulate_error(absolute: bool) -> Any:
    @row_operation
    def accumulate_error(
        emit: Emitter, _taps: int, b: Value, table: Value, totals: Value, count: Value
    ) -> None:
        """Add |x - y| or (x - y)² to the totals of the columns."""
        shift = emit.spread(table, SHIFT_B)
        with emit.columns(count) as column:
            difference = emit.add(emit.load(b, column), shift)
            error = emit.multiply(difference, difference)
            if absolute:
                below = emit.is_below(difference, emit.constant(0.0))
                error = emit.where(below, emit.negative(difference), difference)
            emit.store(emit.add(emit.load(totals, column), error), totals, column)

    return accumulate_error


accumulate_absolute, accumulate_square = _accumulate_error(True), _accumulate_error(False)


@row_operation
def copy_row(
    emit: Emitter, _taps: int, row: Value, factor: Value, out: Value, count: Value
) -> None:
    """Write `count` columns, 16 or more and none beyond, times the factor at that address."""
    scale = emit.spread(factor, 0)
    with emit.columns(count, inside=True) as column:
        emit.store(emit.multiply(emit.load(row, column), scale), out, column)


@row_operation
def halve_rows(
    emit: Emitter, _taps: int, upper: Value, lower: Value, shift: Value, out: Value, count: Value
) -> None:
    """Means of 2×2 of two rows, plus a shift: `count` columns of half as many, 16 or more."""
    added, quarter = emit.spread(shift, 0), emit.constant(0.25)
    even, odd = list(range(0, 2 * LANES, 2)), list(range(1, 2 * LANES, 2))
    with emit.columns(count, inside=True) as column:
        pair = emit.twice(column)
        left, right = (
            emit.add(emit.load(upper, pair, offset), emit.load(lower, pair, offset))
            for offset in (0, LANES)
        )
        total = emit.add(emit.pick(left, right, even), emit.pick(left, right, odd))
        emit.store(emit.multiply_add(total, quarter, added), out, column)
