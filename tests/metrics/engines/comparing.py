"""Calling the CPU engine, and the definition in float64 that it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from snellen.metrics import definition
from snellen.metrics.conventions import Convention
from snellen.metrics.engines import cpu
from snellen.metrics.engines.plan import Plan, make_plan


class Outcome(NamedTuple):
    """Complement of each picture and the gradients of their sum."""

    complement: Tensor
    by_x: Tensor | None
    by_y: Tensor | None


@dataclass(frozen=True)
class Measure:
    """SSIM or MS-SSIM under a convention, for values of a range."""

    convention: Convention
    multiscale: bool
    data_range: float = 1.0

    def plan(self, x: Tensor) -> Plan:
        height, width = x.shape[-2:]
        plan = make_plan(
            self.convention, (height, width), self.data_range, multiscale=self.multiscale
        )
        assert plan is not None
        return plan

    def engine(
        self,
        x: Tensor,
        y: Tensor,
        *,
        need_x: bool = True,
        need_y: bool = True,
        weight: float = 1.0,
    ) -> Outcome:
        """What the engine says."""
        found = cpu.similarity(x, y, self.plan(x), need_x=need_x, need_y=need_y, weight=weight)
        return Outcome(*found)

    def definition(self, x: Tensor, y: Tensor, dtype: torch.dtype = torch.float64) -> Outcome:
        """What the definition says, by autograd."""
        measure: Callable[..., definition.Similarity]
        measure = definition.ms_ssim if self.multiscale else definition.ssim
        x = x.detach().to(dtype).requires_grad_()
        y = y.detach().to(dtype).requires_grad_()
        complement = measure(x, y, self.data_range, self.convention).complement
        by_x, by_y = torch.autograd.grad(complement.sum(), (x, y))
        return Outcome(complement.detach(), by_x, by_y)


class Errors(NamedTuple):
    """The largest over the pictures: of the complement, relative; of a gradient, to its largest."""

    complement: float
    gradient: float


def relative_error(found: Tensor, truth: Tensor) -> float:
    """|found - truth| / |truth|, the largest of all; 0 where both are 0."""
    difference = (found.double() - truth).abs()
    return float(torch.where(difference == 0, 0, difference / truth.abs()).max())


def gradient_error(found: Tensor, truth: Tensor) -> float:
    """Of each picture the largest error over the gradient's largest entry; the largest of all."""
    error = (found.double() - truth).abs().amax(dim=(1, 2, 3))
    return float(torch.where(error == 0, 0, error / truth.abs().amax(dim=(1, 2, 3))).max())


def identical(found: Outcome, other: Outcome) -> bool:
    """Whether two outcomes have the same bits; NaN is NaN."""
    return all(
        (a is None and b is None) or (a is not None and b is not None and same_bits(a, b))
        for a, b in zip(found, other, strict=True)
    )


def same_bits(found: Tensor, other: Tensor) -> bool:
    """Whether two float32 tensors have one shape and the same bits; NaN is NaN."""
    if found.dtype != other.dtype or found.shape != other.shape:
        return False
    bits = [t.contiguous().view(torch.int32) for t in (found, other)]
    return bool(((bits[0] == bits[1]) | (found.isnan() & other.isnan())).all())
