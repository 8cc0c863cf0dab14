"""What is done to a row of partial derivatives on its way back to the pictures; see `rows`."""

from __future__ import annotations

from typing import Any

from snellen.metrics.engines.rows import blur_rows, ring_rows
from snellen.metrics.engines.vectors import LANES, Emitter, Value, row_operation

__all__ = [
    "add_pull_absolute",
    "add_pull_square",
    "add_upsampled",
    "clear_after",
    "correct_edge",
    "finish_both_gradients",
    "finish_gradient",
    "multiply_row",
    "spread_four",
    "spread_three",
]


@row_operation
def multiply_row(
    emit: Emitter, _taps: int, row: Value, stride: Value, factors: Value, count: Value
) -> None:
    """Multiply four rows by the factors of their columns."""
    rows = emit.rows(row, stride, 4)
    with emit.columns(count) as column:
        factor = emit.load(factors, column)
        for each in rows:
            emit.store(emit.multiply(emit.load(each, column), factor), each, column)


@row_operation
def clear_after(emit: Emitter, _taps: int, row: Value, stride: Value) -> None:
    """Put zeros into 16 columns of four rows."""
    for each in emit.rows(row, stride, 4):
        emit.store(emit.constant(0.0), each, emit.word(0))


def _spread(quantities: int) -> Any:
    @row_operation
    def spread_columns(
        emit: Emitter,
        taps: int,
        partials: Value,
        partial_stride: Value,
        weights: Value,
        out: Value,
        stride: Value,
        count: Value,
    ) -> None:
        """Blur rows of partial derivatives along the row: their way back to the columns."""
        w = emit.weights(weights, taps)
        sources = emit.rows(partials, partial_stride, quantities)
        targets = emit.rows(out, stride, quantities)
        with emit.columns(count) as column:
            for source, target in zip(sources, targets, strict=True):
                values = emit.shifted_loads(source, column, taps)
                emit.store(emit.weighted_sum(values, w), target, column)

    return spread_columns


spread_three, spread_four = _spread(3), _spread(4)


@row_operation
def correct_edge(
    emit: Emitter,
    taps: int,
    partials: Value,
    partial_stride: Value,
    table: Value,
    out: Value,
    stride: Value,
    quantities: Value,
) -> None:
    """Add to 16 columns what columns beyond the picture's edge receive on their behalf.

    `table` holds for each of the K // 2 outermost columns of partial derivatives what it gives to
    each of the 16.
    """
    columns = [emit.load(table, emit.word(0), LANES * k) for k in range(taps // 2)]
    with emit.loop(quantities) as quantity:
        source = emit.row(partials, partial_stride, quantity)
        target = emit.row(out, stride, quantity)
        total = emit.load(target, emit.word(0))
        for k, column in enumerate(columns):
            total = emit.multiply_add(emit.spread(source, k), column, total)
        emit.store(total, target, emit.word(0))


@row_operation
def finish_gradient(
    emit: Emitter,
    taps: int,
    ring: Value,
    stride: Value,
    weights: Value,
    a: Value,
    b: Value,
    out: Value,
    count: Value,
) -> None:
    """Blur across the rows, and return from A, E[a²] and E[b²] to x: T + 2a·Ta + 2b·Tb."""
    rows = ring_rows(emit, taps, ring, stride, 3)
    w = emit.weights(weights, taps)
    two = emit.constant(2.0)
    with emit.columns(count) as column:
        mean, by_a2, by_b2 = (blur_rows(emit, quantity, w, column) for quantity in rows)
        squares = emit.multiply(emit.load(b, column), by_b2)
        squares = emit.multiply_add(emit.load(a, column), by_a2, squares)
        emit.store(emit.multiply_add(two, squares, mean), out, column)


@row_operation
def finish_both_gradients(
    emit: Emitter,
    taps: int,
    ring: Value,
    stride: Value,
    weights: Value,
    a: Value,
    b: Value,
    out: Value,
    out_stride: Value,
    count: Value,
) -> None:
    """The same for both: dx = da + db and dy = da - db, two rows."""
    rows = ring_rows(emit, taps, ring, stride, 4)
    w = emit.weights(weights, taps)
    two = emit.constant(2.0)
    by_x, by_y = emit.rows(out, out_stride, 2)
    with emit.columns(count) as column:
        by_a, by_b, by_a2, by_b2 = (blur_rows(emit, quantity, w, column) for quantity in rows)
        value_a, value_b = emit.load(a, column), emit.load(b, column)
        by_a = emit.multiply_add(two, emit.multiply(value_a, by_a2), by_a)
        by_b = emit.multiply_add(two, emit.multiply(value_b, by_b2), by_b)
        emit.store(emit.add(by_a, by_b), by_x, column)
        emit.store(emit.subtract(by_a, by_b), by_y, column)


def _add_pull(absolute: bool) -> Any:
    @row_operation
    def add_pull(
        emit: Emitter, _taps: int, b: Value, factor: Value, gradient: Value, count: Value
    ) -> None:
        """Add to a row the gradient of |b| or of b² / 2, times a factor."""
        times, zero = emit.spread(factor, 0), emit.constant(0.0)
        with emit.columns(count) as column:
            difference = emit.load(b, column)
            pull = emit.multiply(difference, times)
            if absolute:
                up = emit.where(emit.is_below(zero, difference), times, zero)
                pull = emit.where(emit.is_below(difference, zero), emit.negative(times), up)
            emit.store(emit.add(emit.load(gradient, column), pull), gradient, column)

    return add_pull


add_pull_absolute, add_pull_square = _add_pull(True), _add_pull(False)


@row_operation
def add_upsampled(
    emit: Emitter, _taps: int, fine: Value, coarse: Value, factors: Value, count: Value
) -> None:
    """Fine = f₀·fine + f₁·coarse, each coarse column twice; `count` a multiple of 16."""
    own, other = emit.spread(factors, 0), emit.spread(factors, 1)
    lower = [lane // 2 for lane in range(LANES)]
    upper = [lane + LANES // 2 for lane in lower]
    with emit.columns(count) as column:
        pair = emit.twice(column)
        added = emit.multiply(emit.load(coarse, column), other)
        for offset, lanes in ((0, lower), (LANES, upper)):
            value = emit.multiply(emit.load(fine, pair, offset), own)
            value = emit.add(value, emit.pick(added, added, lanes))
            emit.store(value, fine, pair, offset)
