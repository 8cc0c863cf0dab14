"""What metrics say of the pictures that people ranked: one number for each picture and model.

Convention: pictures are compared as 8-bit gray levels, 0 to 255, colour as RGB with the mean over
channels, computed in float64; ``mse`` is in squared levels and ``mae`` in levels, lower is better;
``psnr`` is in dB and ``ssim`` and ``ms-ssim`` (as Wang et al., ``ms-ssim`` by as many of its five
levels as fit) are at most 1, higher is better. A function of one's own gets what such functions
expect: tensors (preds, target), float32 (1, C, H, W) in [0, 1], and ``data_range=1.0`` if it takes
that.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snellen import metrics
from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.metrics.conventions import min_side

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "Metric",
    "MetricTable",
    "measure_pictures",
    "parse_metric",
]

_ALL_LEVELS = replace(metrics.WANG, levels="auto")
_SMALLEST = min_side(_ALL_LEVELS, 1)


@dataclass(frozen=True)
class Metric:
    """A number for a picture and its original.

    Attributes:
        name: as the user types it.
        lower: whether a lower number is better.
        scale: its unit and range, in words for a report.
        function: (preds, target), float64 (1, C, H, W) in levels 0 to 255, to the number.
        smallest: side in pixels below which it cannot be computed.
    """

    name: str
    lower: bool
    scale: str
    function: Callable[[Tensor, Tensor], float]
    smallest: int = 1


@dataclass(frozen=True)
class MetricTable:
    """What one metric says of all pictures.

    Attributes:
        name, lower, scale: of the metric.
        values: float64 (pictures, M); may be infinite (PSNR of equal pictures).
        missing: why there are no values; empty where there are.
    """

    name: str
    lower: bool
    scale: str
    values: NDArray[np.float64]
    missing: str = ""


def _ours(measure: Callable[..., Tensor], **options: Any) -> Callable[[Tensor, Tensor], float]:
    return lambda preds, target: float(measure(preds, target, **options))


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("mse", True, "squared gray levels", _ours(metrics.mse)),
            Metric("mae", True, "gray levels", _ours(metrics.mae)),
            Metric("psnr", False, "dB", _ours(metrics.psnr, data_range=255.0)),
            Metric("ssim", False, "at most 1", _ours(metrics.ssim, data_range=255.0), _SMALLEST),
            Metric(
                "ms-ssim",
                False,
                "at most 1, by as many of five levels as fit",
                _ours(metrics.ms_ssim, data_range=255.0, convention=_ALL_LEVELS),
                _SMALLEST,
            ),
        )
    }
)
DEFAULT_METRICS: tuple[str, ...] = tuple(METRICS)


def parse_metric(name: str) -> Metric:
    """Find a metric by its name.

    Args:
        name: one of `METRICS`, or ``package.module:function:lower`` (or ``:higher``) for one's own,
            which says which numbers are better. It is imported also from the current folder.

    Raises:
        UserError: there is no such metric, module or function, or it is not said what is better.

    >>> parse_metric("mse").lower
    True
    >>> parse_metric("math:hypot")
    Traceback (most recent call last):
    snellen.errors.UserError: does a lower or a higher number of 'math:hypot' mean a better picture?
    Type math:hypot:lower or math:hypot:higher.
    """
    if name in METRICS:
        return METRICS[name]
    module_name, _, rest = name.partition(":")
    attribute, _, better = rest.partition(":")
    if not module_name or not attribute:
        raise UserError(
            f"there is no metric {shown(name)!r}; there are {', '.join(METRICS)}, and "
            f"package.module:function:lower (or :higher) for your own.{nearest(name, METRICS)}"
        )
    if better not in ("lower", "higher"):
        own = shown(f"{module_name}:{attribute}")
        raise UserError(
            f"does a lower or a higher number of {own!r} mean a better picture? "
            f"Type {own}:lower or {own}:higher."
        )
    measure = _imported(module_name, attribute)
    scale = "its own scale"
    return Metric(name, better == "lower", scale, _own(f"{module_name}:{attribute}", measure))


def _imported(module_name: str, attribute: str) -> Callable[..., Any]:
    here = str(Path.cwd())
    added = here not in sys.path and "" not in sys.path
    if added:  # as ``python -m`` would
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module's own code runs here
        raise UserError(
            f"the metric {shown(f'{module_name}:{attribute}')!r} cannot be loaded: importing "
            f"{shown(module_name)!r} failed ({type(error).__name__}: {shown(str(error))}). It must "
            "be installed, or lie in this folder."
        ) from error
    finally:
        if added:
            sys.path.remove(here)
    measure: Any = getattr(module, attribute, None)
    if measure is None:
        raise UserError(
            f"the module {shown(module_name)!r} has no {shown(attribute)!r}."
            f"{nearest(attribute, vars(module))}"
        )
    if not callable(measure) or inspect.isclass(measure):
        raise UserError(
            f"{shown(f'{module_name}:{attribute}')!r} is not a function: name one that takes "
            "(preds, target), tensors of shape (1, C, H, W), and returns a number."
        )
    return measure  # type: ignore[no-any-return]


def _own(name: str, measure: Callable[..., Any]) -> Callable[[Tensor, Tensor], float]:
    try:
        takes_range = "data_range" in inspect.signature(measure).parameters
    except (TypeError, ValueError):  # some built-in callables have no signature
        takes_range = False
    options = {"data_range": 1.0} if takes_range else {}

    def function(preds: Tensor, target: Tensor) -> float:
        try:
            return float(measure(*((x / 255).float() for x in (preds, target)), **options))
        except Exception as error:  # a user's function may raise anything
            words = shown(" ".join(str(error).split()))
            raise UserError(
                f"the metric {shown(name)!r} failed on pictures of shape {tuple(preds.shape)} "
                f"({type(error).__name__}: {words})."
            ) from error

    return function


def measure_pictures(
    chosen: Sequence[Metric],
    pictures: Iterable[tuple[NDArray[np.uint8], Sequence[NDArray[np.uint8]]]],
) -> list[MetricTable]:
    """Measure every model on every picture, one pair at a time.

    Args:
        chosen: from `parse_metric`.
        pictures: for each the original and the M models' versions of it in the study's order, uint8
            (H, W) or (H, W, C), all of one shape; read one after the other.

    Returns:
        One table for each metric, (pictures, M). A metric for which a picture is too small, or
        which gave NaN, has no values but says so.

    Raises:
        UserError: a function of the user's own fails, or returns no number.
        ValueError: the arrays of a picture are not uint8 of one shape.

    >>> original = np.zeros((16, 16), np.uint8)
    >>> found = measure_pictures([METRICS["mae"]], [(original, [original, original + 2])])
    >>> found[0].values
    array([[0., 2.]])
    """
    rows: list[list[list[float]]] = [[] for _ in chosen]
    missing = [""] * len(chosen)
    for number, (original, versions) in enumerate(pictures, start=1):
        target = _tensor(original)
        models = [_tensor(version) for version in versions]
        if any(model.shape != target.shape for model in models):
            raise ValueError(f"picture {number}: the models' shapes differ from the original's.")
        side = min(target.shape[-2:])
        for k, metric in enumerate(chosen):
            if side < metric.smallest:
                missing[k] = (
                    f"picture {number} is {side} pixels wide or high; {metric.smallest} are needed"
                )
            if missing[k]:
                continue
            with torch.no_grad():
                values = [metric.function(model, target) for model in models]
            if any(np.isnan(value) for value in values):
                missing[k] = f"it gave NaN on picture {number}"
            rows[k].append(values)
    return [
        MetricTable(
            metric.name,
            metric.lower,
            metric.scale,
            np.empty((0, 0)) if reason else np.array(table, dtype=np.float64),
            reason,
        )
        for metric, table, reason in zip(chosen, rows, missing, strict=True)
    ]


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        raise ValueError(
            f"a picture is {picture.dtype} {picture.shape}; uint8 (H, W) or (H, W, C) is needed."
        )
    planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return torch.from_numpy(planes[None].astype(np.float64))
