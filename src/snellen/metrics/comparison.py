"""One comparison, checked, and where it is decided which engine computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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
from snellen.metrics.masks import check_windows, resolve_weights
from snellen.metrics.moments import Kept
from snellen.metrics.weights import clear

__all__ = ["Comparison", "Engine", "Reduction", "check_engine", "checked", "reduced"]

Reduction = Literal["mean", "sum", "none"]
Engine = Literal["auto", "definition"]

ENGINES = ("auto", "definition")


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

    def ssim(self) -> Similarity:
        """SSIM of each picture: (N,).

        Raises:
            ValueError: a window does not fit, or the mask leaves none.
        """
        self.check_ssim()
        if len(self.x) == 0:
            return self._nothing()
        return definition.ssim(*self.arguments, self._kept(multiscale=False))

    def ms_ssim(self) -> Similarity:
        """MS-SSIM of each picture: (N,).

        Raises:
            ValueError: the levels do not fit, or the mask leaves one without a window.
        """
        self.check_ms_ssim()
        if len(self.x) == 0:
            return self._nothing()
        return definition.ms_ssim(*self.arguments, self._kept(multiscale=True))

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

    def _nothing(self) -> Similarity:
        """Return the similarity of no pictures: shape (0,), part of the graph."""
        empty = as_float(self.x + self.y).flatten(1).sum(dim=1)
        return Similarity(empty, empty)


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
