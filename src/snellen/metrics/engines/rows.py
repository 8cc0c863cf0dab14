"""What is done to one row of a strip, by 16 columns at a time.

A strip is a band of columns narrow enough that its buffers stay near the processor. The rows of
several quantities lie `stride` numbers apart. A ring holds the last K rows of each quantity in
rotating slots; its weights are rotated alike, so that no row has to be moved. Where `count` is no
multiple of 16 the last step goes beyond it: buffers are that much longer.
"""

from __future__ import annotations

from collections.abc import Callable
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
    "blur_columns",
    "blur_rows",
    "compare_joint",
    "compare_joint_both",
    "compare_joint_one",
    "compare_structure",
    "compare_structure_both",
    "compare_structure_one",
    "copy_row",
    "halve_rows",
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


@row_operation
def blur_columns(
    emit: Emitter,
    taps: int,
    a: Value,
    b: Value,
    weights: Value,
    out: Value,
    stride: Value,
    count: Value,
) -> None:
    """Blur a, b, a² and b² along the row."""
    w = emit.weights(weights, taps)
    rows = emit.rows(out, stride, 4)
    with emit.columns(count) as column:
        sums: list[Value] = []
        for k in range(taps):
            values = [emit.load(row, column, k) for row in (a, b)]
            parts = [emit.multiply(value, w[k]) for value in values]
            if not sums:
                squares = [emit.multiply(p, v) for p, v in zip(parts, values, strict=True)]
                sums = parts + squares
                continue
            squares = [
                emit.multiply_add(p, v, total)
                for p, v, total in zip(parts, values, sums[2:], strict=True)
            ]
            sums = [emit.add(t, p) for t, p in zip(sums[:2], parts, strict=True)] + squares
        for row, total in zip(rows, sums, strict=True):
            emit.store(total, row, column)


def ring_rows(
    emit: Emitter, taps: int, ring: Value, stride: Value, quantities: int
) -> list[list[Value]]:
    """Return the rows of a ring: for each quantity one in each slot."""
    rows = emit.rows(ring, stride, taps * quantities)
    return [rows[q::quantities] for q in range(quantities)]


def blur_rows(emit: Emitter, rows: list[Value], weights: list[Value], column: Value) -> Value:
    """Blur one quantity across the rows of its ring."""
    return emit.weighted_sum([emit.load(row, column) for row in rows], weights)


class _Variance(NamedTuple):
    value: Value
    was_negative: Value


def _variance(emit: Emitter, square: Value, mean: Value, scale: Value) -> _Variance:
    """scale·(E[a²] - A²), 0 where rounding made it negative."""
    zero = emit.constant(0.0)
    value = emit.subtract(square, emit.multiply(mean, mean))
    negative = emit.is_below(value, zero)
    return _Variance(emit.multiply(emit.where(negative, zero, value), scale), negative)


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
        ring: Value,
        stride: Value,
        weights: Value,
        table: Value,
        flip: Value,
        distances: Value,
        partials: Value,
        partial_stride: Value,
        count: Value,
    ) -> None:
        rows = ring_rows(emit, taps, ring, stride, 4)
        w = emit.weights(weights, taps)
        c1, c2, shift_a, shift_b, scale = (emit.spread(table, k) for k in range(5))
        flips = emit.flag(flip)
        one, two = emit.constant(1.0), emit.constant(2.0)
        outputs = emit.rows(partials, partial_stride, 4)
        with emit.columns(count) as column:
            a, b, a2, b2 = (blur_rows(emit, quantity, w, column) for quantity in rows)
            var_a, var_b = _variance(emit, a2, a, scale), _variance(emit, b2, b, scale)
            spread = emit.add(emit.add(var_a.value, var_b.value), c2)
            v, inverse_q = _part(emit, var_b.value, spread)
            distance = v
            if joint:
                mean_a, mean_b = emit.add(a, shift_a), emit.add(b, shift_b)
                b_squared = emit.multiply(mean_b, mean_b)
                whole = emit.add(emit.multiply_add(mean_a, mean_a, b_squared), c1)
                u, inverse_p = _part(emit, b_squared, whole)
                rest_u, rest_v = emit.subtract(one, u), emit.subtract(one, v)
                distance = emit.multiply_add(u, rest_v, v)
                # The product of two negatives counts as negative where `flip` says so.
                zero = emit.constant(0.0)
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
            zero = emit.constant(0.0)
            by_a2 = emit.where(var_a.was_negative, zero, emit.multiply(by_a2, scale))
            by_b2 = emit.where(var_b.was_negative, zero, emit.multiply(by_b2, scale))
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
