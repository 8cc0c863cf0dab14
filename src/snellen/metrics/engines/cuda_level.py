"""The Triton kernel that does one level: value, gradient and the halved pictures in one launch.

A program marches down a strip of one plane. Along a row it blurs by loading pairs of columns at
each shift (neighbours share a cache line); down the columns each new row is added to the K sums
that it belongs to, which move up by one (a transposed filter): no row is kept and nothing is moved,
because a fused multiply-add writes another register than it reads. The partial derivatives go
through the same filter, then a few rows at a time through a scratch of some kilobytes that belongs
to the program and stays in the cache, where the last blur along the row reads them shifted.

Why so, by count; not measured on a GPU. A pixel moves 12 bytes of device memory for 14·K
multiply-adds and about as many other instructions, so that arithmetic is the limit with 11 taps,
and neither device memory nor shared memory, of which there is none. A product with a banded matrix
in full float32 would multiply by the band's zeros too. Each thread has two columns, which share
half their loads and sums; the price is many registers, so that few warps run at a time, each with
many instructions that do not wait for one another.
"""

from __future__ import annotations

import triton
import triton.language as tl

from snellen.metrics.engines.cuda_filters import (
    blur_lines,
    blur_row,
    follow,
    mapped,
    no_sums,
    push,
    recentre,
    weights_of_row,
)

__all__ = ["level"]


@triton.jit
def _sum_and_difference(x, y, SUMS: tl.constexpr):
    x, y = x.to(tl.float32), y.to(tl.float32)
    if SUMS:
        return x, y
    else:
        return x + y, x - y


@triton.jit
def _derivatives(mean_a, mean_b, dev_a, dev_b, raw_a, raw_b, c1, c2, cov, g,
                 LUMINANCE: tl.constexpr, FLIP: tl.constexpr):  # fmt: skip
    """Distance map, and g times its derivatives.

    Returns (d, Pa, Qa, Pb, Qb): the gradient is blur(Pa) + a·blur(Qa) in a, the same in b.
    """
    # As snellen.metrics.definition has it: variances are never negative, their gradient 0 there.
    var_a, var_b = tl.where(raw_a < 0, 0.0, raw_a) * cov, tl.where(raw_b < 0, 0.0, raw_b) * cov
    over_v = 1.0 / (var_a + var_b + 2 * c2)
    v = 2 * var_b * over_v
    d, dv = v, g
    from_a, from_b = 0.0, 0.0
    if LUMINANCE:
        over_u = 1.0 / (mean_a * mean_a + mean_b * mean_b + 2 * c1)
        u = 2 * mean_b * mean_b * over_u
        d = u + v - u * v
        if FLIP:
            both = (u > 1) & (v > 1)
            d = tl.where(both, 2 - d, d)
            g = tl.where(both, -g, g)
        dv = (1 - u) * g
        du = (1 - v) * g * 2 * over_u
        from_a = -du * mean_a * u
        from_b = du * mean_b * (2 * mean_a * mean_a + 4 * c1) * over_u
    q = 2 * cov * over_v * dv
    # 2 - v without the subtraction, and 2 - u above.
    rest = (2 * var_a + 4 * c2) * over_v
    q_a, q_b = tl.where(raw_a < 0, 0.0, -v * q), tl.where(raw_b < 0, 0.0, rest * q)
    return d, from_a - q_a * dev_a, q_a, from_b - q_b * dev_b, q_b


@triton.jit
def _halve(
    x, y, half_a, half_b, i0, j0, end, H, W, xh, xw, yh, yw, pitch,
    M: tl.constexpr, R: tl.constexpr, WO: tl.constexpr, SUMS: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """Write the 2×2 means of R rows of the sum and of the difference."""
    row = i0 + 2 * tl.arange(0, R // 2)[:, None]
    col = j0 + 2 * tl.arange(0, M)[None, :]
    kept = (row < end) & (col < W) & (col < j0 + WO)
    if not KEEP:
        kept = kept & (row + 1 < H) & (col + 1 < W)
    sum_a = tl.full([R // 2, M], 0.0, tl.float32)
    sum_b = tl.full([R // 2, M], 0.0, tl.float32)
    for k in tl.static_range(4):
        # A last odd row or column counts twice: the mean of what is there.
        r, c = tl.minimum(row + k // 2, H - 1).to(tl.int64), tl.minimum(col + k % 2, W - 1)
        px = tl.load(x + r * xh + c * xw, mask=kept, other=0)
        py = tl.load(y + r * yh + c * yw, mask=kept, other=0)
        a, b = _sum_and_difference(px, py, SUMS)
        sum_a += a
        sum_b += b
    out = (row // 2).to(tl.int64) * pitch + col // 2
    tl.store(half_a + out, 0.25 * sum_a, mask=kept)
    tl.store(half_b + out, 0.25 * sum_b, mask=kept)


@triton.jit
def _gradient_rows(
    x, y, scratch, bands, grad_x, grad_y, i0, j0, end, W, edge,
    xh, xw, yh, yw, gxh, gxw, gyh, gyw,
    TAPS: tl.constexpr, K: tl.constexpr, M: tl.constexpr, R: tl.constexpr, WO: tl.constexpr,
    GRAD: tl.constexpr, SUMS: tl.constexpr, FOLD: tl.constexpr,
):  # fmt: skip
    """Blur R rows of the scratch along the row, and write that many rows of gradient."""
    N: tl.constexpr = 4 if GRAD == "xy" else 3
    down = tl.arange(0, R)[:, None, None]
    across = 2 * tl.arange(0, M)[None, :, None] + tl.arange(0, 2)[None, None, :]
    lines = scratch + down * (2 * M) + across
    centres = scratch + N * R * 2 * M + tl.arange(0, M)[None, :, None]
    even = j0 + 2 * tl.arange(0, M)[None, :]
    if FOLD:
        if edge:
            of, near_a, near_b = blur_lines(
                lines, centres, bands, even, W, GRAD, TAPS, K, M, R, True
            )
        else:
            of, near_a, near_b = blur_lines(
                lines, centres, bands, even, W, GRAD, TAPS, K, M, R, False
            )
    else:
        of, near_a, near_b = blur_lines(lines, centres, bands, even, W, GRAD, TAPS, K, M, R, False)
    row, col = (i0 + down).to(tl.int64), j0 + across
    kept = (row < end) & (col < W) & (across < WO)
    px = tl.load(x + row * xh + col * xw, mask=kept, other=0)
    py = tl.load(y + row * yh + col * yw, mask=kept, other=0)
    a, b = _sum_and_difference(px, py, SUMS)
    of_a, of_b = of[0] + (a - near_a) * of[1], (b - near_b) * of[2]
    if GRAD == "xy":
        of_b += of[3]
    if GRAD != "y":
        to_x = (of_a + of_b).to(grad_x.dtype.element_ty)
        tl.store(grad_x + row * gxh + col * gxw, to_x, mask=kept)
    if GRAD != "x":
        to_y = (of_a - of_b).to(grad_y.dtype.element_ty)
        tl.store(grad_y + row * gyh + col * gyw, to_y, mask=kept)


@triton.jit
def level(
    x, y, upstream, row_bands, col_bands, scratch, sums, maps, grad_x, grad_y, half_a, half_b,
    C, H, W, rows, segments, strips, tiles, pitch,
    xn, xc, xh, xw, yn, yc, yh, yw, gxn, gxc, gxh, gxw, gyn, gyc, gyh, gyw, un, uc,
    c1, c2, cov, scale,
    TAPS: tl.constexpr, TAILS: tl.constexpr, K: tl.constexpr, BORDER: tl.constexpr,
    GRAD: tl.constexpr, LUMINANCE: tl.constexpr, FLIP: tl.constexpr,
    SUMS: tl.constexpr, UPSTREAM: tl.constexpr, MAP: tl.constexpr, POOL: tl.constexpr,
    M: tl.constexpr, R: tl.constexpr, WO: tl.constexpr,
):  # fmt: skip
    """One level of (N·C) planes; a program does `rows` × WO pixels of one plane.

    GRAD: "", "x", "y" or "xy". POOL: "", "keep" or "drop". SUMS: `x` and `y` hold the sum and the
    difference of the pictures, as the level before halved them: rounded apart, the halves of
    near-identical pictures would lose their difference. MAP: the distances are stored as a map.
    UPSTREAM: the gradient starts from a map. With neither, each program stores the sum of its
    distances, and the gradient starts from `scale`.
    """
    RADIUS: tl.constexpr = K // 2
    BLOCK: tl.constexpr = 2 * M
    PADDED: tl.constexpr = BORDER != "valid"
    FOLD: tl.constexpr = (BORDER == "reflect" or BORDER == "replicate") and GRAD != ""
    # Input column of a program's first lane, relative to its first pixel: even, for aligned pairs.
    LEAD: tl.constexpr = 2 * RADIUS if GRAD != "" else (RADIUS + RADIUS % 2 if PADDED else 0)
    REACH: tl.constexpr = RADIUS if PADDED else 2 * RADIUS
    SHIFT: tl.constexpr = RADIUS if GRAD != "" and PADDED else 0
    LAG: tl.constexpr = 4 * RADIUS if GRAD != "" else 2 * RADIUS
    WARM: tl.constexpr = (LAG + R - 1) // R * R
    # Maps of partial derivatives: three for one gradient, four for both.
    N: tl.constexpr = 4 if GRAD == "xy" else (3 if GRAD != "" else 0)

    pid = tl.program_id(0)
    plane = pid // (segments * strips)
    i0 = pid // strips % segments * rows
    j0 = pid % strips * WO
    n, c = (plane // C).to(tl.int64), (plane % C).to(tl.int64)
    plane = plane.to(tl.int64)
    x += n * xn + c * xc
    y += n * yn + c * yc
    end = tl.minimum(i0 + rows, H)
    map_h = H if PADDED else H - 2 * RADIUS
    map_w = W if PADDED else W - 2 * RADIUS
    lane = 2 * tl.arange(0, M)[:, None] + tl.arange(0, 2)[None, :]
    col = j0 - LEAD + lane
    map_col = col + RADIUS if PADDED else col
    plain = (j0 >= LEAD) & (j0 - LEAD + BLOCK + K <= W)
    if GRAD != "":
        scratch += pid.to(tl.int64) * ((N * R + 1) * BLOCK)
        edge = (j0 <= RADIUS) | (j0 + WO + RADIUS >= W)
    if UPSTREAM:
        upstream += n * un + c * uc

    # Moments are taken about a value nearby, at first a pixel, so that E[a²] - A² keeps its digits.
    # About once a window: chunks between two moves of the centres.
    EVERY: tl.constexpr = (K - 3) // R if K >= R + 3 else 1
    some_col = j0 - LEAD + RADIUS + 2 * tl.arange(0, M)[:, None]
    some_col = tl.minimum(tl.maximum(some_col, 0), W - 1)
    some_x = tl.load(x + i0.to(tl.int64) * xh + some_col * xw)
    some_y = tl.load(y + i0.to(tl.int64) * yh + some_col * yw)
    centre_a, centre_b = _sum_and_difference(some_x, some_y, SUMS)
    centre_a = tl.where(tl.abs(centre_a) < 3e38, centre_a, 0.0)
    centre_b = tl.where(tl.abs(centre_b) < 3e38, centre_b, 0.0)

    moments = no_sums(4, K, M)
    partials = no_sums(N, K, M)
    total = tl.full([M, 2], 0.0, tl.float32)
    for chunk in range((WARM + end - i0 + R - 1) // R):
        e0 = i0 - WARM + chunk * R
        part = tl.full([M, 2], 0.0, tl.float32)
        if chunk % EVERY == 0:
            moments, step_a, step_b = recentre(moments, TAILS, K)
            centre_a += step_a
            centre_b += step_b
            if GRAD != "":
                partials = follow(partials, step_a, step_b, GRAD, N, K)
        for r in range(R):
            # Row of the map that becomes complete, and the input row that completes it.
            at = e0 + r + SHIFT
            p = at + REACH
            row = mapped(p, H, BORDER).to(tl.int64)
            inside = row == p
            x_row, y_row = x + row * xh, y + row * yh
            if plain & (inside | (BORDER != "zeros")):
                blurred = blur_row(
                    x_row, y_row, col, inside, W, xw, yw, centre_a, centre_b,
                    TAPS, K, M, BORDER, SUMS, True,
                )  # fmt: skip
            else:
                blurred = blur_row(
                    x_row, y_row, col, inside, W, xw, yw, centre_a, centre_b,
                    TAPS, K, M, BORDER, SUMS, False,
                )  # fmt: skip
            moments = push(moments, blurred, TAPS, 4, K)
            # Columns of this row that the map has, and that no other program has.
            last = tl.where((at >= 0) & (at < map_h), map_w, 0)
            last_own = tl.where((at >= i0) & (at < end), tl.minimum(j0 + WO, last), 0)
            here = (map_col >= 0) & (map_col < last)
            own = (map_col >= j0) & (map_col < last_own)
            index = at.to(tl.int64) * map_w + map_col
            g = scale
            if UPSTREAM:
                g = tl.load(upstream + index, mask=here, other=0.0)
            from_a, from_b = moments[0][0], moments[1][0]
            d, pa, qa, pb, qb = _derivatives(
                from_a + centre_a, from_b + centre_b, from_a, from_b,
                moments[2][0] - from_a * from_a, moments[3][0] - from_b * from_b,
                c1, c2, cov, g, LUMINANCE, FLIP,
            )  # fmt: skip
            if MAP:
                tl.store(maps + plane * map_h * map_w + index, d, mask=own)
            elif not UPSTREAM:
                part += tl.where(own, d, 0.0)
            if GRAD != "":
                if GRAD == "x":
                    pa = pa + pb
                elif GRAD == "y":
                    pa = pa - pb
                pa, pb = tl.where(here, pa, 0.0), tl.where(here, pb, 0.0)
                fresh = (pa, tl.where(here, qa, 0.0), tl.where(here, qb, 0.0), pb)
                if FOLD:
                    weights = weights_of_row(row_bands, at, H, K)
                    partials = push(partials, fresh, weights, N, K)
                else:
                    partials = push(partials, fresh, TAPS, N, K)
                for q in tl.static_range(N):
                    tl.store(scratch + (q * R + r) * BLOCK + lane, partials[q][0])
        total += part

        if GRAD != "":
            pairs = scratch + N * R * BLOCK + tl.arange(0, M)[:, None]
            tl.store(pairs, centre_a)
            tl.store(pairs + M, centre_b)
            tl.debug_barrier()
            if e0 >= i0:
                if GRAD != "y":
                    to_x = grad_x + n * gxn + c * gxc
                else:
                    to_x = None
                if GRAD != "x":
                    to_y = grad_y + n * gyn + c * gyc
                else:
                    to_y = None
                _gradient_rows(
                    x, y, scratch, col_bands, to_x, to_y, e0, j0, end, W, edge,
                    xh, xw, yh, yw, gxh, gxw, gyh, gyw, TAPS, K, M, R, WO, GRAD, SUMS, FOLD,
                )  # fmt: skip
            tl.debug_barrier()
        if POOL != "":
            if e0 >= i0:
                half = plane * ((H + 1) // 2 if POOL == "keep" else H // 2) * pitch
                _halve(
                    x, y, half_a + half, half_b + half, e0, j0, end, H, W, xh, xw, yh, yw, pitch,
                    M, R, WO, SUMS, POOL == "keep",
                )  # fmt: skip
    if not (MAP or UPSTREAM):
        tl.store(
            sums + plane * tiles + pid % (segments * strips), tl.sum(tl.sum(total, axis=1), axis=0)
        )
