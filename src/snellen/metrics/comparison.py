"""One comparison, checked, and where it is decided which engine computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from snellen.metrics import definition
from snellen.metrics.checks import as_float, check_pair, check_reduction, resolve_range
from snellen.metrics.conventions import (
    Convention,
    check_window,
    fit_levels,
    get_convention,
    suggestion,
)
from snellen.metrics.definition import Similarity
from snellen.metrics.engines.dispatch import ENGINES, Engine, choose_engine, dissimilarity
from snellen.metrics.engines.metric import Metric, pixelwise_error
from snellen.metrics.masks import check_windows, resolve_weights
from snellen.metrics.moments import Kept
from snellen.metrics.weights import clear

__all__ = ["Comparison", "Engine", "Reduction", "check_engine", "checked", "reduced"]

Reduction = Literal["mean", "sum", "none"]


class Keep(Protocol):
    """See :class:`Comparison`."""

    def __call__(self, *, multiscale: bool) -> Sequence[Kept]: ...


@dataclass(frozen=True)
class Comparison:
    """Two batches of pictures or volumes and all options, checked.

    Attributes:
        x: (N, C, H, W) or (N, C, D, H, W), of any float dtype or uint8, as given.
        y: the same; in a batch of one it is compared with every picture of `x`.
        data_range: largest minus smallest possible value.
        convention: how to compare.
        weights: of each pixel, as :func:`snellen.metrics.masks.resolve_weights` returns them.
        engine: the one asked for.
        y_prepared: `y` as the definition takes it, where that has been made before.
        keep: gives what the definition keeps of a prepared y, for SSIM or MS-SSIM; called only
            where the definition computes.
    """

    x: Tensor
    y: Tensor
    data_range: float
    convention: Convention
    weights: Tensor | None = None
    engine: str = "auto"
    y_prepared: Tensor | None = None
    keep: Keep | None = None

    @property
    def sides(self) -> tuple[int, ...]:
        """Height and width in pixels, and before them the depth of a volume."""
        return tuple(self.x.shape[2:])

    def similarity(self, *, multiscale: bool, reduction: str) -> Tensor:
        """SSIM or MS-SSIM of each picture, reduced.

        Raises:
            ValueError: a window or the levels do not fit, the mask leaves a level without a window,
                or the engine that was asked for cannot do this.
        """
        share = -self._share(reduction)
        return reduced(self._compared(multiscale, share, complement=False), reduction)

    def dissimilarity(self, *, multiscale: bool, reduction: str) -> Tensor:
        """1 - SSIM or 1 - MS-SSIM of each picture, reduced; errors as `similarity`."""
        share = self._share(reduction)
        return reduced(self._compared(multiscale, share, complement=True), reduction)

    def mixed(self, metric: Metric, reduction: str) -> Tensor:
        """Compute a metric that has more than the dissimilarity; errors as `similarity`."""
        self._check(metric.multiscale)
        if self.x.shape[0] == 0:
            return reduced(self._nothing(), reduction)
        engine = self._engine_for(metric)
        if engine != "definition":
            found = dissimilarity(self.x, self._whole_y, metric, engine, self._share(reduction))
            return reduced(found, reduction)
        x, y, *_, weights = self.arguments
        structural = self._defined(metric.multiscale).complement
        beside = pixelwise_error(x, y, metric, weights)
        return reduced(metric.structural * structural + beside, reduction)

    def _share(self, reduction: str) -> float:
        """Return the gradient that arrives for each picture where the result is the loss."""
        if reduction != "mean" or torch.compiler.is_compiling():
            return 1.0  # in a graph the number of pictures may be left open
        return 1 / max(self.x.shape[0], 1)

    def _compared(self, multiscale: bool, expected: float, *, complement: bool) -> Tensor:
        """Compare by the engine; `expected` is the gradient by the complement to come."""
        self._check(multiscale)
        if self.x.shape[0] == 0:
            return self._nothing()
        metric = Metric(self.convention, self.data_range, multiscale)
        engine = self._engine_for(metric)
        if engine == "definition":
            found = self._defined(multiscale)
            return found.complement if complement else found.value
        distance = dissimilarity(self.x, self._whole_y, metric, engine, expected)
        return distance if complement else 1 - distance

    def _defined(self, multiscale: bool) -> Similarity:
        compare = definition.ms_ssim if multiscale else definition.ssim
        return compare(*self.arguments, self._kept(multiscale=multiscale))

    def _engine_for(self, metric: Metric) -> str:
        return choose_engine(self.engine, self.x, metric, masked=self.weights is not None)

    @property
    def _whole_y(self) -> Tensor:
        """`y`, as often as there are pictures."""
        return self.y if self.y.shape[0] == self.x.shape[0] else self.y.expand_as(self.x)

    def _check(self, multiscale: bool) -> None:
        if multiscale:
            self.check_ms_ssim()
        else:
            self.check_ssim()

    def check_maps(self) -> None:
        """Refuse an engine that was asked for by name: maps come from the definition.

        Raises:
            ValueError: `engine` is neither ``auto`` nor ``definition``.
        """
        if self.engine not in ("auto", "definition"):
            raise ValueError(
                f"engine={self.engine!r} gives no maps: use engine='auto' or 'definition'."
            )

    @property
    def arguments(self) -> tuple[Tensor, Tensor, float, Convention, Tensor | None]:
        """What the functions of the definition take: float pictures, 0 where the weight is 0."""
        y = self.y_prepared
        if y is None:
            y = clear(as_float(self.y), self.weights)
        x = clear(as_float(self.x), self.weights)
        return x, y, self.data_range, self.convention, self.weights

    def check_ssim(self) -> None:
        """Refuse pictures and masks on which SSIM has no window.

        Raises:
            ValueError: it does not fit.
        """
        check_window(self.convention, self.sides)
        check_windows(self.weights, self.convention, None)

    def check_ms_ssim(self) -> None:
        """Refuse pictures and masks on which a level of MS-SSIM has no window.

        Raises:
            ValueError: it does not fit.
        """
        check_windows(self.weights, self.convention, fit_levels(self.convention, self.sides))

    def _kept(self, *, multiscale: bool) -> Sequence[Kept] | None:
        return None if self.keep is None else self.keep(multiscale=multiscale)

    def _nothing(self) -> Tensor:
        """Return the values of no pictures: shape (0,), part of the graph."""
        return as_float(self.x + self.y).flatten(1).sum(dim=1)


def checked(
    preds: Tensor,
    target: Tensor,
    data_range: float | None,
    convention: str | Convention,
    mask: Tensor | None,
    nan: str,
    engine: str,
    reduction: str = "none",
) -> Comparison:
    """Check everything that all similarities share.

    Raises:
        ValueError, TypeError: see :func:`snellen.metrics.ssim`.
    """
    check_reduction(reduction)
    x, y = check_pair(preds, target)
    peak = resolve_range(data_range, preds)
    options = get_convention(convention)
    check_engine(engine)
    weights = resolve_weights(mask, nan, preds, x, y)
    return Comparison(x, y, peak, options, weights, engine)


def check_engine(engine: str) -> None:
    """Refuse an engine that does not exist.

    Raises:
        ValueError: naming those there are.
    """
    if engine not in ENGINES:
        raise ValueError(
            f"There is no engine {engine!r}; there are {', '.join(ENGINES)}."
            f"{suggestion(str(engine), ENGINES)}"
        )


def reduced(values: Tensor, reduction: str) -> Tensor:
    """Reduce the pictures' values to one, or, for ``none``, do not."""
    if reduction == "none":
        return values
    return values.mean() if reduction == "mean" else values.sum()
