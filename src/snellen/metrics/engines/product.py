"""The product of the levels in double precision, as `definition._product` has it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from snellen.metrics.engines.compiling import compiled

__all__ = ["CLAMP", "SIGNED", "SMOOTH", "power", "product"]

Numbers = NDArray[np.float64]

CLAMP, SIGNED, SMOOTH = range(3)

# As in the definition: below SMOOTH_FROM a factor is handled by the "smooth" policy, and a factor
# under the smallest normal float32 is zero.
SMOOTH_FROM = 0.1
TINY = 1.1754943508222875e-38


@compiled
def power(distance: float, exponent: float, negative: int) -> tuple[float, float, float]:
    """Return log|m^w|, the sign of m^w, and d log|m^w| / d distance, for m = 1 - distance."""
    if exponent == 0.0:
        return 0.0, 1.0, 0.0
    m = 1.0 - distance
    if negative == SMOOTH:
        if m < SMOOTH_FROM:
            inside = SMOOTH_FROM**2 / (2 * SMOOTH_FROM - m)
            slope = inside / (2 * SMOOTH_FROM - m)
            return exponent * math.log(inside), 1.0, -exponent * slope / inside
        return exponent * math.log1p(-distance), 1.0, -exponent / m
    if m > TINY:
        return exponent * math.log1p(-distance), 1.0, -exponent / m
    if m < -TINY and negative == SIGNED:
        return exponent * math.log(-m), -1.0, -exponent / m
    if m != m:
        return m, m, m
    return 0.0, 0.0, 0.0


@compiled
def product(
    distances: Numbers,
    exponents: Numbers,
    negative: int,
    slopes: Numbers,
) -> float:
    """Return 1 - Π m^w, and write its derivative by each distance to `slopes`."""
    log = 0.0
    sign = 1.0
    for level in range(len(distances)):
        part, its_sign, slope = power(distances[level], exponents[level], negative)
        log += part
        sign *= its_sign
        slopes[level] = slope
    value = sign * math.exp(log)
    for level in range(len(distances)):
        slopes[level] *= -value
    if log > -1.0 and sign > 0.0:
        return -math.expm1(log)
    return 1.0 - value
