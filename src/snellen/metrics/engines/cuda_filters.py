"""Blurring and its transpose in Triton: what a program does with a row, and with a column."""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = [
    "blur_lines",
    "blur_row",
    "edge_weights",
    "follow",
    "mapped",
    "no_sums",
    "push",
    "recentre",
    "weights_of_row",
]


@triton.jit
def mapped(i, n, BORDER: tl.constexpr):
    """Index of the pixel that stands at position `i` of the extended row of `n`."""
    if BORDER == "reflect":
        i = tl.where(i < 0, -i, i)
        i = tl.where(i >= n, 2 * (n - 1) - i, i)
    return tl.minimum(tl.maximum(i, 0), n - 1)


@triton.jit
def no_sums(N: tl.constexpr, K: tl.constexpr, M: tl.constexpr):
    """N filters of K sums of nothing yet."""
    filters = ()
    for _ in tl.static_range(N):
        sums = ()
        for _ in tl.static_range(K):
            sums = sums + (tl.full([M, 2], 0.0, tl.float32),)
        filters = filters + (sums,)
    return filters


@triton.jit
def push(filters, rows, weights, N: tl.constexpr, K: tl.constexpr):
    """Add a row to the K sums of each filter; the first of them is then complete."""
    pushed = ()
    for f in tl.static_range(N):
        sums = ()
        for k in tl.static_range(K - 1):
            sums = sums + (filters[f][k + 1] + weights[k] * rows[f],)
        pushed = pushed + (sums + (weights[K - 1] * rows[f],),)
    return pushed


@triton.jit
def recentre(moments, TAILS: tl.constexpr, K: tl.constexpr):
    """Take first and second moments about the mean of the newest rows from now on.

    The means of a², about a centre far away, would lose the digits of a small variance. TAILS[k]
    is the weight of the rows that sum k has so far. Returns the moments and the two steps.
    """
    firsts, seconds, steps = (), (), ()
    for q in tl.static_range(2):
        step = tl.sum(moments[q][K // 2], axis=1, keep_dims=True) * (0.5 / TAILS[K // 2])
        step = tl.where(tl.abs(step) < 3e38, step, 0.0)
        means, squares = (), ()
        for k in tl.static_range(K):
            part = TAILS[k] * step
            means = means + (moments[q][k] - part,)
            squares = squares + (moments[q + 2][k] + step * (part - 2 * moments[q][k]),)
        firsts, seconds, steps = firsts + (means,), seconds + (squares,), steps + (step,)
    return firsts + seconds, steps[0], steps[1]


@triton.jit
def blur_row(
    x_row, y_row, first, inside, W, xw, yw, centre_a, centre_b,
    TAPS: tl.constexpr, K: tl.constexpr, M: tl.constexpr, BORDER: tl.constexpr,
    SUMS: tl.constexpr, PLAIN: tl.constexpr,
):  # fmt: skip
    """Blur sum, difference and their squares along one row: four (M, 2).

    `first` are the first columns of the windows; PLAIN: they and all others exist.
    """
    none = tl.full([M], 0.0, tl.float32)
    evens, odds = (none, none, none, none), (none, none, none, none)
    for s in tl.static_range((K + 1) // 2):
        col = first + 2 * s
        if PLAIN:
            x, y = tl.load(x_row + col * xw), tl.load(y_row + col * yw)
        else:
            at = col
            if BORDER == "reflect":
                at = tl.where(at < 0, -at, at)
                at = tl.where(at >= W, 2 * (W - 1) - at, at)
            at = tl.minimum(tl.maximum(at, 0), W - 1)
            if BORDER == "zeros":
                kept = (col >= 0) & (col < tl.where(inside, W, 0))
                x = tl.load(x_row + at * xw, mask=kept, other=0)
                y = tl.load(y_row + at * yw, mask=kept, other=0)
            else:
                x, y = tl.load(x_row + at * xw), tl.load(y_row + at * yw)
        x, y = x.to(tl.float32), y.to(tl.float32)
        a = (x if SUMS else x + y) - centre_a
        b = (y if SUMS else x - y) - centre_b
        pairs = (a, b, a * a, b * b)
        to_evens, to_odds = (), ()
        for q in tl.static_range(4):
            # Columns 2s and 2s + 1 of the window of each even column, and of the odd ones.
            even, odd = tl.split(pairs[q])
            to_even, to_odd = evens[q] + TAPS[2 * s] * even, odds[q] + TAPS[2 * s] * odd
            if 2 * s + 1 < K:
                to_even += TAPS[2 * s + 1] * odd
            if s > 0:
                to_odd += TAPS[2 * s - 1] * even
            to_evens, to_odds = to_evens + (to_even,), to_odds + (to_odd,)
        evens, odds = to_evens, to_odds
    blurred = ()
    for q in tl.static_range(4):
        blurred = blurred + (tl.join(evens[q], odds[q]),)
    return blurred


@triton.jit
def about(values, step_a, step_b, GRAD: tl.constexpr):
    """Partial derivatives (P, Qa, Qb, Pb), taken about centres that have moved by the steps.

    The gradient P + (a - centre)·Qa + (b - centre)·Qb stays what it is.
    """
    by_a, by_b = step_a * values[1], step_b * values[2]
    if GRAD == "xy":
        return values[0] + by_a, values[1], values[2], values[3] + by_b
    elif GRAD == "x":
        return values[0] + by_a + by_b, values[1], values[2]
    else:
        return values[0] + by_a - by_b, values[1], values[2]


@triton.jit
def follow(filters, step_a, step_b, GRAD: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    """Move the centres of all sums of partial derivatives."""
    moved = ()
    for q in tl.static_range(N):
        sums = ()
        for k in tl.static_range(K):
            if q == 0:
                by_b = step_b * filters[2][k]
                value = filters[0][k] + step_a * filters[1][k]
                if GRAD == "x":
                    value += by_b
                elif GRAD == "y":
                    value -= by_b
            elif q == 3:
                value = filters[3][k] + step_b * filters[2][k]
            else:
                value = filters[q][k]
            sums = sums + (value,)
        moved = moved + (sums,)
    return moved


@triton.jit
def blur_lines(
    lines, centres, bands, col, W,
    GRAD: tl.constexpr, TAPS: tl.constexpr, K: tl.constexpr, M: tl.constexpr, R: tl.constexpr,
    EDGE: tl.constexpr,
):  # fmt: skip
    """Blur R rows of the maps in the scratch along the row, about the centre of each window.

    EDGE: each column has weights of its own, in `bands`. Returns the maps, (R, M, 2) each, and the
    centres of a and b, (1, M, 1) each.
    """
    N: tl.constexpr = 4 if GRAD == "xy" else 3
    SIZE: tl.constexpr = R * 2 * M
    none = tl.full([R, M], 0.0, tl.float32)
    evens, odds = (none, none, none, none), (none, none, none, none)
    centre_a, centre_b = tl.load(centres + K // 4), tl.load(centres + M + K // 4)
    for s in tl.static_range((K + 1) // 2):
        values = (
            tl.load(lines + 2 * s),
            tl.load(lines + SIZE + 2 * s),
            tl.load(lines + 2 * SIZE + 2 * s),
        )
        if GRAD == "xy":
            values = values + (tl.load(lines + 3 * SIZE + 2 * s),)
        step_a = centre_a - tl.load(centres + s)
        step_b = centre_b - tl.load(centres + M + s)
        values = about(values, step_a, step_b, GRAD)
        # Weights of columns 2s and 2s + 1 in the even column, and of 2s - 1 and 2s in the odd one.
        if EDGE:
            own = bands + col * K + 2 * s
            to_0 = tl.load(own, mask=col < W, other=0.0)
            to_1 = tl.load(own + 1, mask=(col < W) & (2 * s + 1 < K), other=0.0)
            from_1 = tl.load(own + K - 1, mask=(col + 1 < W) & (s > 0), other=0.0)
            from_0 = tl.load(own + K, mask=col + 1 < W, other=0.0)
        else:
            to_0 = TAPS[2 * s]
            to_1 = TAPS[2 * s + 1] if 2 * s + 1 < K else 0.0
            from_1 = TAPS[2 * s - 1] if s > 0 else 0.0
            from_0 = TAPS[2 * s]
        to_evens, to_odds = (), ()
        for q in tl.static_range(N):
            even, odd = tl.split(values[q])
            to_even, to_odd = evens[q] + to_0 * even, odds[q] + from_0 * odd
            if 2 * s + 1 < K:
                to_even += to_1 * odd
            if s > 0:
                to_odd += from_1 * even
            to_evens, to_odds = to_evens + (to_even,), to_odds + (to_odd,)
        evens, odds = to_evens, to_odds
    blurred = ()
    for q in tl.static_range(N):
        blurred = blurred + (tl.join(evens[q], odds[q]),)
    return blurred, centre_a, centre_b


@triton.jit
def weights_of_row(bands, c, H, K: tl.constexpr):
    """Weights of map row `c` in the K gradient rows it belongs to."""
    weights = ()
    for m in tl.static_range(K):
        i = c - K // 2 + m
        w = tl.load(bands + i * K + (K - 1 - m), mask=(i >= 0) & (i < H), other=0.0)
        weights = weights + (w,)
    return weights


@triton.jit
def edge_weights(
    bands, H, W,
    TAPS: tl.constexpr, K: tl.constexpr, BORDER: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """Weight of map position i + k - K//2 in the gradient at pixel i: H rows, then W columns.

    Near an edge a pixel stands at several positions of the extended picture, and gets all theirs.
    """
    at = tl.program_id(0) * B + tl.arange(0, B)
    for k in tl.static_range(K):
        n = tl.where(at < H, H, W)
        i = tl.where(at < H, at, at - H)
        c = i + k - K // 2
        w = tl.full([B], 0.0, tl.float32)
        for m in tl.static_range(K):
            # Position of the window that gives tap m to c, and the pixel that stands there.
            pos = c - m + K // 2
            w += tl.where(mapped(pos, n, BORDER) == i, TAPS[m], 0.0)
        w = tl.where((c >= 0) & (c < n), w, 0.0)
        tl.store(bands + at * K + k, w, mask=at < H + W)
