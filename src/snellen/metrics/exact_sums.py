"""Sums of numbers that are the same in whatever order, and in however many parts, they are made.

A sum is an integer, in units of 2^-160 for the values and of 2^-320 for their squares, kept as
words of 32 bits in one int64 tensor. Integers can be added in any order; so the sum of two tallies,
or of those of many processes, is their elementwise sum. Every finite float32 is represented
exactly, and so is every float64 between 2^-107 (6e-33) and 2^128 (3e38); smaller ones are cut at
2^-160, larger ones count as infinite, as they would in float32. There is room for 2^31 values and
more.

>>> tally = add_values(no_values(), torch.tensor([1e30, 1.0, -1e30]))
>>> read(tally).mean == 1 / 3
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SIZE", "Totals", "add_values", "carried", "no_values", "read"]

_STEP_BITS = 160
_TOP_BITS = 128
_WORD_BITS = 32
_WORD = (1 << _WORD_BITS) - 1

# What a tally holds: how many values, how many of them NaN, +inf and -inf, and the two sums.
_COUNTS = 4
_SUM_WORDS = 10
_SQUARE_WORDS = 20
SIZE = _COUNTS + _SUM_WORDS + _SQUARE_WORDS
_PARTS = (_COUNTS, _SUM_WORDS, _SQUARE_WORDS)

# A float64 is a whole number below 2^53 times a power of two; its square is made of two halves.
_DIGITS = 53
_HALF = 27


@dataclass(frozen=True)
class Totals:
    """What a tally says, as Python integers.

    Attributes:
        count: how many values there were.
        undefined: how many of them were NaN.
        above, below: how many were +inf and -inf.
        total: the sum of the finite ones, in units of 2^-160.
        squares: the sum of their squares, in units of 2^-320.
    """

    count: int
    undefined: int
    above: int
    below: int
    total: int
    squares: int

    @property
    def finite(self) -> int:
        """How many values were finite."""
        return self.count - self.undefined - self.above - self.below

    @property
    def mean(self) -> float:
        """The exact mean, rounded once; with NaN or infinities what IEEE arithmetic gives."""
        if not self.count or self.undefined or (self.above and self.below):
            return math.nan
        if self.above or self.below:
            return math.inf if self.above else -math.inf
        return self.finite_mean

    @property
    def finite_mean(self) -> float:
        """The mean of the finite values; NaN where there is none."""
        # Python rounds the quotient of two integers correctly, however long they are.
        return self.total / (self.finite << _STEP_BITS) if self.finite else math.nan

    @property
    def deviation(self) -> float:
        """The sample standard deviation; NaN for one value, or where one is not finite."""
        n = self.count
        if n < 2 or self.finite < n:
            return math.nan
        variance = (n * self.squares - self.total**2) / (n * (n - 1) << 2 * _STEP_BITS)
        return math.sqrt(variance)


def no_values(device: torch.device | str = "cpu") -> Tensor:
    """Return the tally of no values: int64, (SIZE,)."""
    return torch.zeros(SIZE, dtype=torch.int64, device=device)


def add_values(tally: Tensor, values: Tensor) -> Tensor:
    """Return `tally` with `values`, (N,) of any float dtype, counted; on the tally's device.

    Nothing waits for a GPU here.
    """
    if values.device.type == "mps":  # which knows no float64
        values = values.cpu()
    values = values.detach().double()
    infinite = values.abs() >= 2.0**_TOP_BITS
    finite = torch.isfinite(values) & ~infinite
    above, below = infinite & (values > 0), infinite & (values < 0)
    kinds = torch.stack([torch.ones_like(finite), values.isnan(), above, below])
    added = torch.cat([kinds.sum(dim=1), _sums(torch.where(finite, values, 0.0))])
    return carried(tally + added.to(tally.device))


def _sums(values: Tensor) -> Tensor:
    """Return the words of the sum of finite values, then those of the sum of their squares."""
    fraction, exponent = torch.frexp(values)
    whole = (fraction.abs() * 2.0**_DIGITS).long()
    position = exponent.long() + (_STEP_BITS - _DIGITS)
    whole = whole >> (-position).clamp(0, _DIGITS)
    position = position.clamp(min=0)
    high, low = whole >> _HALF, whole & ((1 << _HALF) - 1)
    squares = 2 * position + _SUM_WORDS * _WORD_BITS
    return _placed(
        torch.cat([whole, low * low, 2 * low * high, high * high]),
        torch.cat([position, squares, squares + _HALF, squares + 2 * _HALF]),
        torch.cat([fraction.sign().long(), torch.ones_like(whole).repeat(3)]),
    )


def _placed(whole: Tensor, position: Tensor, sign: Tensor) -> Tensor:
    """Return the words of Σ sign·whole·2^position, for whole in [0, 2^55) and position ≥ 0."""
    index, shift = position // _WORD_BITS, position % _WORD_BITS
    low, high = (whole & _WORD) << shift, (whole >> _WORD_BITS) << shift
    parts = (low & _WORD, (low >> _WORD_BITS) + (high & _WORD), high >> _WORD_BITS)
    words = torch.zeros(_SUM_WORDS + _SQUARE_WORDS, dtype=torch.int64, device=whole.device)
    for number, part in enumerate(parts):
        words.index_add_(0, index + number, sign * part)
    return words


def carried(tally: Tensor) -> Tensor:
    """Hand on what exceeds 32 bits in a word to the next word, so that no word can overflow.

    One step is enough for that; the value does not change.
    """
    counts, *sums = tally.split(_PARTS)
    parts = [counts]
    for words in sums:
        kept = torch.cat([words[:-1] & _WORD, words[-1:]])
        kept[1:] += words[:-1] >> _WORD_BITS
        parts.append(kept)
    return torch.cat(parts)


def read(tally: Tensor) -> Totals:
    """Return what a tally, or an elementwise sum of tallies, holds."""
    counts, total, squares = (part.tolist() for part in tally.split(_PARTS))
    count, undefined, above, below = counts
    return Totals(count, undefined, above, below, _joined(total), _joined(squares))


def _joined(words: list[int]) -> int:
    return sum(word << _WORD_BITS * number for number, word in enumerate(words))
