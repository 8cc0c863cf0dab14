"""What is measured, as one frozen value that operators can carry as text."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from snellen.metrics import definition
from snellen.metrics.checks import as_float
from snellen.metrics.conventions import Convention
from snellen.metrics.engines.plan import Plan, make_plan
from snellen.metrics.weights import average

__all__ = ["Metric", "Pixelwise", "define", "metric_from_text", "plan_of"]

_CONVENTION_FIELDS = tuple(field.name for field in fields(Convention))

Pixelwise = Literal["none", "l1", "mse"]


@dataclass(frozen=True)
class Metric:
    """structural · (1 - similarity) + beside · pixelwise error, for each picture.

    Attributes:
        convention: how SSIM or MS-SSIM is computed.
        data_range: largest minus smallest possible value.
        multiscale: MS-SSIM, else SSIM.
        structural: factor of the dissimilarity.
        pixelwise: mean |x - y| / data_range (``l1``), mean (x - y)² / data_range² (``mse``) or
            nothing beside it.
        beside: factor of that error.
    """

    convention: Convention
    data_range: float
    multiscale: bool
    structural: float = 1.0
    pixelwise: Pixelwise = "none"
    beside: float = 0.0

    def to_text(self) -> str:
        """Return it as text; see :func:`metric_from_text`. Plain enough to be traced."""
        parts = [f"'{name}': {getattr(self.convention, name)!r}" for name in _CONVENTION_FIELDS]
        numbers = f"{self.data_range!r}, {self.multiscale!r}, {float(self.structural)!r}"
        return f"({{{', '.join(parts)}}}, {numbers}, {self.pixelwise!r}, {float(self.beside)!r})"

    def alone(self) -> Metric:
        """Return the dissimilarity without a factor and with nothing beside it."""
        return Metric(self.convention, self.data_range, self.multiscale)

    @property
    def pixelwise_scale(self) -> float:
        """What the mean of |x - y| or (x - y)² is multiplied by."""
        if self.pixelwise == "none":
            return 0.0
        return self.beside / self.data_range ** (1 if self.pixelwise == "l1" else 2)


@lru_cache(maxsize=256)
def metric_from_text(text: str) -> Metric:
    """Return the metric that `to_text` wrote."""
    convention, *others = ast.literal_eval(text)
    return Metric(Convention(**convention), *others)


@lru_cache(maxsize=1024)
def _known_plan(metric: Metric, height: int, width: int) -> Plan | None:
    return _new_plan(metric, height, width)


def _new_plan(metric: Metric, height: int, width: int) -> Plan | None:
    sides = (height, width)
    return make_plan(metric.convention, sides, metric.data_range, multiscale=metric.multiscale)


def plan_of(metric: Metric, height: int, width: int) -> Plan | None:
    """Return the plan for pictures of that size, or None where only the definition will do."""
    if torch.compiler.is_compiling():  # a cache would be traced through, with a warning
        return _new_plan(metric, height, width)
    return _known_plan(metric, height, width)


def define(x: Tensor, y: Tensor, metric: Metric) -> Tensor:
    """Compute the metric of each picture by the definition, differentiably: (N,)."""
    compare = definition.ms_ssim if metric.multiscale else definition.ssim
    found = compare(x, y, metric.data_range, metric.convention).complement
    if metric == metric.alone():
        return found
    return metric.structural * found + pixelwise_error(x, y, metric)


def pixelwise_error(x: Tensor, y: Tensor, metric: Metric, weights: Tensor | None = None) -> Tensor:
    """Compute what the metric adds to the dissimilarity of each picture: (N,)."""
    difference = as_float(x) - as_float(y)
    error = difference.abs() if metric.pixelwise == "l1" else difference * difference
    return metric.pixelwise_scale * average(error, weights, tuple(range(1, x.ndim)))
