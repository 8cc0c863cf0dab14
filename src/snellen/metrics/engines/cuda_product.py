"""The Triton kernels that multiply the levels and bring their gradients together."""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["combine", "halve_upstream", "product_of_maps", "product_of_means"]

# As in snellen.metrics.definition: where a factor counts as zero, and where "smooth" bends it.
_TINY = tl.constexpr(1.1754943508222875e-38)
_SMOOTH_FROM = tl.constexpr(0.1)


@triton.jit
def _log1m(d, DOUBLE: tl.constexpr):
    """log(1 - d), to the last digits of d where d is small."""
    if DOUBLE:
        return tl.log(1 - d)
    else:
        z = d / (2 - d)
        z2 = z * z
        series = 1 + z2 * (1 / 3 + z2 * (1 / 5 + z2 * (1 / 7 + z2 * (1 / 9 + z2 * (1 / 11)))))
        return tl.where(tl.abs(d) < 0.25, -2 * z * series, tl.log(1 - d))


@triton.jit
def _expm1(t, DOUBLE: tl.constexpr):
    """e^t - 1 for t ≤ 0, to the last digits of t where t is small."""
    if DOUBLE:
        return tl.exp(t) - 1
    else:
        series = 1 / 120 + t * (1 / 720 + t * (1 / 5040 + t * (1 / 40320)))
        series = t * (1 + t * (1 / 2 + t * (1 / 6 + t * (1 / 24 + t * series))))
        return tl.where(tl.abs(t) < 0.35, series, tl.exp(t) - 1)


@triton.jit
def _power(d, W: tl.constexpr, NEGATIVE: tl.constexpr, DOUBLE: tl.constexpr):
    """log|m^W| of the factor m = 1 - d, its sign, and minus the derivative of that log by d."""
    m = 1 - d
    nan = m != m
    if W == 0:
        log, sign, slope = m * 0, m * 0 + 1, m * 0
    elif NEGATIVE == "smooth":
        low = m < _SMOOTH_FROM
        bent = 2 * _SMOOTH_FROM - tl.where(low, m, _SMOOTH_FROM)
        log = tl.log((1 / bent) * (_SMOOTH_FROM * _SMOOTH_FROM))
        log = tl.where(low, log, _log1m(tl.where(low, 0.0, d), DOUBLE))
        sign, slope = tl.where(nan, m, 1.0), 1 / tl.where(low, bent, m)
    else:
        positive = m > _TINY
        log = _log1m(tl.where(positive | nan, d, 0.0), DOUBLE)
        sign = tl.where(positive, 1.0, 0.0)
        slope = tl.where(positive, 1 / tl.where(positive, m, 1.0), 0.0)
        if NEGATIVE == "signed":
            negative = m < -_TINY
            log = tl.where(negative, tl.log(tl.where(negative, -m, 1.0)), log)
            sign = tl.where(negative, -1.0, sign)
            slope = tl.where(negative, 1 / tl.where(negative, m, 1.0), slope)
        sign, slope = tl.where(nan, m, sign), tl.where(nan, m, slope)
    return W * log, sign, W * slope


@triton.jit
def _complement(log, sign, DOUBLE: tl.constexpr):
    """1 - sign·e^log."""
    near = (log > -1) & (sign > 0)
    small = _expm1(tl.where(near, log, 0.0), DOUBLE)
    return tl.where(near, -small, 1 - sign * tl.exp(log))


@triton.jit
def _mean(sums, tiles, count, B: tl.constexpr):
    """Sum of one plane's programs over the number of its pixels; float64, in a fixed order."""
    total = tl.zeros([B], tl.float64)
    for start in range(0, tiles, B):
        at = start + tl.arange(0, B)
        total += tl.load(sums + at, mask=at < tiles, other=0.0).to(tl.float64)
    return tl.sum(total, axis=0) / count


@triton.jit
def _store_scales(scales, logs, sign, slopes, weight, LEVELS: tl.constexpr):
    for j in tl.static_range(LEVELS):
        tl.store(scales + j, (weight * sign * tl.exp(logs) * slopes[j]).to(tl.float32))


@triton.jit(do_not_specialize=["H", "W", "planes"])
def product_of_means(
    sums, scales, complement,
    C, H, W, planes, tiles, weight,
    EXPONENTS: tl.constexpr, LEVELS: tl.constexpr, MARGIN: tl.constexpr, KEEP: tl.constexpr,
    NEGATIVE: tl.constexpr, LINEAR: tl.constexpr, CHANNELS_FIRST: tl.constexpr,
    SCALES: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """One picture's complement, and what each plane's unit gradients are multiplied by.

    `sums` is (LEVELS, planes, tiles), `scales` (planes, LEVELS). LINEAR: the mean of the only level
    is the complement. CHANNELS_FIRST: a level's mean is taken over the channels before the product.
    """
    n = tl.program_id(0).to(tl.int64)
    each = weight / C
    result = tl.zeros([], tl.float64)
    for group in range(1 if CHANNELS_FIRST else C):
        log, sign = tl.zeros([], tl.float64), tl.zeros([], tl.float64) + 1.0
        slopes = ()
        h, w = H, W
        for j in tl.static_range(LEVELS):
            count = (h - MARGIN).to(tl.float64) * (w - MARGIN).to(tl.float64)
            level = sums + (j * planes + n * C) * tiles
            if CHANNELS_FIRST:
                d = tl.zeros([], tl.float64)
                for c in range(C):
                    d += _mean(level + c * tiles, tiles, count, B)
                d = d / C
            else:
                d = _mean(level + group * tiles, tiles, count, B)
            h, w = ((h + 1) // 2, (w + 1) // 2) if KEEP else (h // 2, w // 2)
            if LINEAR:
                result += d
            else:
                more, its_sign, slope = _power(d, EXPONENTS[j], NEGATIVE, True)
                log += more
                sign *= its_sign
                slopes = slopes + (slope,)
        if not LINEAR:
            result += _complement(log, sign, True)
            if SCALES:
                at = scales + n * C * LEVELS
                if CHANNELS_FIRST:
                    for c in range(C):
                        _store_scales(at + c * LEVELS, log, sign, slopes, each, LEVELS)
                else:
                    _store_scales(at + group * LEVELS, log, sign, slopes, each, LEVELS)
    if not CHANNELS_FIRST:
        result = result / C
    tl.store(complement + n, result.to(tl.float32))


@triton.jit(do_not_specialize=["H", "W", "planes"])
def combine(
    parts, scales, out,
    C, H, W, planes, on, oc, oh, ow,
    LEVELS: tl.constexpr, KEEP: tl.constexpr, SCALED: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """s₀·G₀ + up(s₁·G₁ + up(…)), up being the transpose of the 2×2 mean.

    `parts` holds the levels' gradients one after another, (planes, h, w) each.
    """
    blocks = tl.cdiv(W, B)
    pid = tl.program_id(0)
    col = pid % blocks * B + tl.arange(0, B)
    line = pid // blocks
    row = line % H
    plane = (line // H).to(tl.int64)
    kept = col < W
    out += (plane // C) * on + (plane % C) * oc + row.to(tl.int64) * oh + col * ow
    value = tl.zeros([B], tl.float32)
    share = tl.where(kept, 1.0, 0.0)
    h, w = H, W
    for j in tl.static_range(LEVELS):
        scale = tl.load(scales + plane * LEVELS + j) if SCALED else 1.0
        at = parts + (plane * h + row) * w + col
        value += share * (scale * tl.load(at, mask=kept, other=0.0))
        parts += planes.to(tl.int64) * h * w
        if KEEP:
            # A last odd row or column is the mean of fewer pixels.
            share *= tl.where((row == h - 1) & (h % 2 == 1), 0.5, 0.25)
            share *= tl.where((col == w - 1) & (w % 2 == 1), 2.0, 1.0)
            h, w = (h + 1) // 2, (w + 1) // 2
        else:
            h, w = h // 2, w // 2
            kept = kept & (col // 2 < tl.where(row // 2 < h, w, 0))
            share *= 0.25
        row, col = row // 2, col // 2
    tl.store(out, value.to(out.dtype.element_ty), mask=pid % blocks * B + tl.arange(0, B) < W)


@triton.jit(do_not_specialize=["H", "W", "planes"])
def product_of_maps(
    maps, upstream, slopes_of, sums,
    H, W, planes, scale,
    EXPONENTS: tl.constexpr, LEVELS: tl.constexpr, KEEP: tl.constexpr, NEGATIVE: tl.constexpr,
    GRAD: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """One program's sum of 1 - Π m_j^w_j over B pixels of a plane, and the gradient's start.

    `maps` holds the levels' distances one after another, (planes, h, w) each. `slopes_of` gets the
    derivative of each pixel by the log of its product, `upstream` that by the finest distance.
    """
    blocks = tl.cdiv(W, B)
    pid = tl.program_id(0)
    col = pid % blocks * B + tl.arange(0, B)
    line = pid // blocks
    row = line % H
    plane = (line // H).to(tl.int64)
    kept = col < W
    own = (plane * H + row) * W + col
    log, sign, slope = tl.zeros([B], tl.float32), tl.zeros([B], tl.float32) + 1.0, 0.0
    h, w = H, W
    for j in tl.static_range(LEVELS):
        d = tl.load(maps + (plane * h + row) * w + col, mask=kept, other=0.0)
        more, its_sign, its_slope = _power(d, EXPONENTS[j], NEGATIVE, False)
        log += more
        sign *= its_sign
        if j == 0:
            slope = its_slope
        maps += planes.to(tl.int64) * h * w
        h, w = ((h + 1) // 2, (w + 1) // 2) if KEEP else (h // 2, w // 2)
        # An odd last row that was dropped on the way down takes the last that there is.
        row, col = tl.minimum(row // 2, h - 1), tl.minimum(col // 2, w - 1)
    value = tl.where(kept, _complement(log, sign, False), 0.0)
    tl.store(sums + pid, tl.sum(value, axis=0))
    if GRAD:
        q = scale * sign * tl.exp(log)
        tl.store(slopes_of + own, q, mask=kept)
        tl.store(upstream + own, q * slope, mask=kept)


@triton.jit
def halve_upstream(
    fine, coarse, maps, upstream,
    H, W, h, w,
    EXPONENT: tl.constexpr, KEEP: tl.constexpr, NEGATIVE: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """Sum what the pixels under each coarse pixel hand down, and go on to its own distance."""
    blocks = tl.cdiv(w, B)
    pid = tl.program_id(0)
    col = pid % blocks * B + tl.arange(0, B)
    line = pid // blocks
    row = line % h
    plane = (line // h).to(tl.int64)
    kept = col < w
    total = tl.zeros([B], tl.float32)
    for i in tl.static_range(2 if KEEP else 3):
        for j in tl.static_range(2 if KEEP else 3):
            r, c = 2 * row + i, 2 * col + j
            # Only the last coarse row and column have three below, where an odd one was dropped.
            has_row = (r < H) & ((i < 2) | (row == h - 1))
            under = kept & (c < tl.where(has_row, W, 0))
            if j == 2:
                under = under & (col == w - 1)
            total += tl.load(fine + (plane * H + r) * W + c, mask=under, other=0.0)
    at = (plane * h + row) * w + col
    slope = _power(tl.load(maps + at, mask=kept, other=0.0), EXPONENT, NEGATIVE, False)[2]
    tl.store(coarse + at, total, mask=kept)
    tl.store(upstream + at, total * slope, mask=kept)
