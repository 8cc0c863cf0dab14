"""Reading a pair of pictures and measuring how much they differ."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from snellen import metrics
from snellen.cli.score_pairs import Pair
from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images.files import read_image, to_channels
from snellen.metrics.conventions import (
    CONVENTIONS,
    fit_levels,
    get_convention,
    min_side,
    smallest_side,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from snellen.images.colour import Pixels
    from snellen.metrics import Convention

__all__ = [
    "METRICS",
    "Metric",
    "PairScore",
    "ScoreOptions",
    "measure_pair",
    "parse_convention",
    "parse_metrics",
    "ssim_picture",
]

Better = Literal["higher", "lower", "unknown"]


@dataclass(frozen=True)
class ScoreOptions:
    """How pairs are compared: the SSIM convention, and whether in gray (BT.601 luma) or colour."""

    convention: Convention
    gray: bool = False


@dataclass(frozen=True)
class Metric:
    """A named number for two pictures.

    Attributes:
        name: what the user typed.
        better: whether a higher or a lower number is better.
        digits: the format of the number in a table.
        function: (preds, target, data_range, convention) → the number. Pictures are
            (1, C, H, W), float64 in the levels of the file.
    """

    name: str
    better: Better
    digits: str
    function: Callable[[Tensor, Tensor, float, Convention], float]


@dataclass(frozen=True)
class PairScore:
    """What came out for one pair.

    Attributes:
        values: by metric; a metric that could not be computed is missing here.
        problems: one sentence for each thing that went wrong; the pair has failed if there is any.
        width, height, channels: of the pictures as compared; 0 when they were not.
        data_range: 255 or 65535; 0 when the pictures were not compared.
        levels: number of levels of MS-SSIM, None when it was not computed.
    """

    pair: Pair
    values: dict[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    channels: int = 0
    data_range: int = 0
    levels: int | None = None


def _plain(
    measure: Callable[..., Tensor], *, ranged: bool = False
) -> Callable[[Tensor, Tensor, float, Convention], float]:
    """Wrap a metric of ours that knows no convention."""

    def function(preds: Tensor, target: Tensor, data_range: float, _: Convention) -> float:
        options = {"data_range": data_range} if ranged else {}
        return float(measure(preds, target, **options))

    return function


def _similarity(
    measure: Callable[..., Tensor], check: Callable[[Tensor, Convention], None]
) -> Callable[[Tensor, Tensor, float, Convention], float]:
    """Wrap a metric of ours that takes a convention; `check` refuses sizes.

    Where the channels are averaged last they are measured one by one, for the memory's sake: a
    colour photograph of 12 megapixels took 2.3 GB so, and 5.3 GB at once.
    """

    def function(preds: Tensor, target: Tensor, data_range: float, convention: Convention) -> float:
        check(preds, convention)
        apart = (convention.channel_order, convention.channels) == ("product-then-mean", "apart")
        step = 1 if apart else preds.shape[1]
        values = [
            float(measure(x, y, data_range=data_range, convention=convention))
            for x, y in zip(*(torch.split(t, step, dim=1) for t in (preds, target)), strict=True)
        ]
        return math.fsum(values) / len(values)

    return function


def _check_size(picture: Tensor, convention: Convention) -> None:
    height, width = picture.shape[-2:]
    least = smallest_side(convention)
    if min(height, width) < least:
        needs = "" if least == convention.window_size else f", which needs sides of {least}"
        raise UserError(
            f"SSIM looks through a window of {convention.window_size}×{convention.window_size}"
            f" pixels{needs}, and this pair is {width}×{height}: leave SSIM out of --metrics."
        )


def _check_levels(picture: Tensor, convention: Convention) -> None:
    """Refuse in the words of the command line what :func:`fit_levels` refuses in Python's."""
    height, width = picture.shape[-2:]
    if _fitting(convention, (height, width)) >= 2:
        return
    most = convention.most_levels
    fitting = _fitting(replace(convention, levels="auto"), (height, width))
    if fitting >= 2:
        way = f"add --levels auto ({fitting} levels fit), or leave it out of --metrics"
    elif isinstance(convention.exponents, str):
        way = f"two levels need {min_side(convention, 2)}, so leave it out of --metrics"
    else:
        way = "leave it out of --metrics, or take a convention that --levels can change, as wang"
    raise UserError(
        f"MS-SSIM on {most} levels needs sides of at least {min_side(convention, most)} pixels, and"
        f" this pair is {width}×{height}: {way}."
    )


def _fitting(convention: Convention, sides: tuple[int, int]) -> int:
    try:
        return fit_levels(convention, sides)
    except ValueError:
        return 0


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "higher", ".2f", _plain(metrics.psnr, ranged=True)),
        Metric("ssim", "higher", ".4f", _similarity(metrics.ssim, _check_size)),
        Metric("ms-ssim", "higher", ".4f", _similarity(metrics.ms_ssim, _check_levels)),
        Metric("mse", "lower", ".4g", _plain(metrics.mse)),
        Metric("mae", "lower", ".4g", _plain(metrics.mae)),
        Metric("dssim", "lower", ".4g", _similarity(metrics.dssim, _check_size)),
        Metric("ms-dssim", "lower", ".4g", _similarity(metrics.ms_dssim, _check_levels)),
    )
}
_MULTI_SCALE = ("ms-ssim", "ms-dssim")


def parse_metrics(names: str | None, convention: Convention) -> list[Metric]:
    """Return the metrics of a comma-separated list; each is a name or ``package.module:function``.

    None stands for psnr, ssim and, where the convention has it, ms-ssim.

    Raises:
        UserError: an unknown name, a module or function that is not there, a name given twice, an
            MS-SSIM that the convention has not.
    """
    if names is None:
        names = "psnr,ssim,ms-ssim" if convention.multiscale else "psnr,ssim"
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise UserError(f"--metrics is empty: give some of {', '.join(METRICS)}.")
    repeated = [name for name in wanted if wanted.count(name) > 1]
    if repeated:
        raise UserError(f"--metrics names {repeated[0]} twice: name it once.")
    refused = [name for name in wanted if name in _MULTI_SCALE and not convention.multiscale]
    if refused:
        others = ", ".join(name for name, other in CONVENTIONS.items() if other.multiscale)
        raise UserError(
            f"this --convention has no MS-SSIM: leave {' and '.join(refused)} out of --metrics, or"
            f" take one of {others}."
        )
    return [_custom_metric(name) if ":" in name else _own_metric(name) for name in wanted]


def _own_metric(name: str) -> Metric:
    if name not in METRICS:
        raise UserError(
            f"there is no metric {name!r}; there are {', '.join(METRICS)}, or"
            f" package.module:function for one of your own.{nearest(name, METRICS)}"
        )
    return METRICS[name]


def _custom_metric(name: str) -> Metric:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise UserError(
            f"the metric {name!r} cannot be loaded: importing {module_name!r} failed"
            f" ({type(error).__name__}: {error}). It must be installed, or lie in this folder."
        ) from error
    measure = getattr(module, attribute, None)
    if measure is None:
        raise UserError(
            f"the module {module_name!r} has no {attribute!r}.{nearest(attribute, vars(module))}"
        )
    if not callable(measure) or inspect.isclass(measure):
        raise UserError(
            f"{name!r} is not a function: name one that takes (preds, target), tensors of shape"
            " (1, C, H, W), and returns a number."
        )
    return Metric(name, "unknown", ".5g", _scaled(measure))


def _scaled(
    measure: Callable[..., Any],
) -> Callable[[Tensor, Tensor, float, Convention], float]:
    """Give a function from elsewhere what such functions expect: float32 in [0, 1]."""
    try:
        takes_range = "data_range" in inspect.signature(measure).parameters
    except (TypeError, ValueError):  # some built-in callables have no signature
        takes_range = False
    options = {"data_range": 1.0} if takes_range else {}

    def function(preds: Tensor, target: Tensor, data_range: float, _: Convention) -> float:
        scaled = [(picture / data_range).float() for picture in (preds, target)]
        return float(measure(*scaled, **options))

    return function


def parse_convention(name: str, levels: str | None) -> Convention:
    """Return the convention called `name`, with another number of `levels` or ``auto``.

    Raises:
        UserError: an unknown name, or a number of levels that cannot be.
    """
    try:
        convention = get_convention(name)
    except ValueError as error:
        raise UserError(str(error)) from error
    if levels is None:
        return convention
    if not convention.multiscale:
        raise UserError(f"the convention {name!r} has no MS-SSIM: leave --levels out.")
    if not isinstance(convention.exponents, str):
        raise UserError(
            f"the convention {name!r} has {convention.most_levels} levels with exponents of their"
            " own: leave --levels out."
        )
    if levels == "auto":
        return replace(convention, levels="auto")
    if not levels.isdecimal() or int(levels) < 2:
        raise UserError(
            f"--levels must be 'auto' or a number from 2; got {levels!r}. One level of MS-SSIM is"
            " SSIM: use --metrics ssim for that."
        )
    try:
        return replace(convention, levels=int(levels))
    except ValueError as error:
        raise UserError(
            f"the convention {name!r} has at most {convention.most_levels} levels; got --levels"
            f" {levels}: give a smaller number, or auto."
        ) from error


def measure_pair(pair: Pair, wanted: list[Metric], options: ScoreOptions) -> PairScore:
    """Measure one pair; whatever goes wrong is told in `problems`, nothing is raised."""
    if pair.reference is None or pair.distorted is None:
        return PairScore(pair, problems=(pair.problem,))
    try:
        preds, target, data_range = _read_pair(pair.reference, pair.distorted, options)
    except UserError as error:
        return PairScore(pair, problems=(shown(str(error)),))
    except MemoryError:
        return PairScore(pair, problems=("the pictures do not fit into memory.",))
    values: dict[str, float] = {}
    problems: list[str] = []
    for metric in wanted:
        try:
            with torch.no_grad():
                value = metric.function(preds, target, data_range, options.convention)
        except Exception as error:  # a user's function may raise anything
            problems.append(_what_failed(metric, error))
            continue
        if math.isnan(value):
            problems.append(f"{metric.name} gave NaN.")
        else:
            values[metric.name] = value
    height, width = target.shape[-2:]
    levels = None
    if any(name in values for name in _MULTI_SCALE):
        levels = fit_levels(options.convention, (height, width))
    return PairScore(
        pair, values, tuple(problems), width, height, target.shape[1], data_range, levels
    )


def ssim_picture(reference: Path, distorted: Path, options: ScoreOptions) -> NDArray[np.float64]:
    """Return the SSIM map (H, W), mean of the channels; smaller than the pictures if valid.

    Raises:
        UserError: the pair cannot be read or compared.
    """
    preds, target, data_range = _read_pair(reference, distorted, options)
    _check_size(target, options.convention)
    with torch.no_grad():
        values = metrics.ssim_map(
            preds, target, data_range=data_range, convention=options.convention
        )
    picture: NDArray[np.float64] = values.mean(dim=(0, 1)).numpy()
    return picture


def _read_pair(
    reference: Path, distorted: Path, options: ScoreOptions
) -> tuple[Tensor, Tensor, int]:
    """Return (preds, target, data_range): float64 (1, C, H, W) in the levels of the files."""
    target, preds = read_image(reference), read_image(distorted)
    if options.gray:
        target, preds = to_channels(target, 1), to_channels(preds, 1)
    _check_alike((reference, distorted), (target, preds))
    return _tensor(preds), _tensor(target), int(np.iinfo(target.dtype).max)


def _check_alike(paths: tuple[Path, Path], pictures: tuple[Pixels, Pixels]) -> None:
    first, second = paths
    target, preds = pictures
    if target.shape[:2] != preds.shape[:2]:
        raise UserError(
            f"the sizes differ: {first} is {_size(target)} and {second} {_size(preds)} pixels;"
            " the metrics compare pixel by pixel, so bring both to one size first."
        )
    if target.dtype != preds.dtype:
        bits = [8 * picture.dtype.itemsize for picture in pictures]
        raise UserError(
            f"the bit depths differ: {first} has {bits[0]} bits a channel and {second} {bits[1]};"
            " save both with the same."
        )
    channels = [1 if picture.ndim == 2 else picture.shape[2] for picture in pictures]
    if channels[0] != channels[1]:
        raise UserError(
            f"the channels differ: {first} has {channels[0]} and {second} {channels[1]};"
            " add --gray to compare both in gray."
        )


def _tensor(picture: Pixels) -> Tensor:
    planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return torch.from_numpy(planes[None].astype(np.float64))


def _size(picture: Pixels) -> str:
    return f"{picture.shape[1]}×{picture.shape[0]}"


def _what_failed(metric: Metric, error: Exception) -> str:
    ours = metric.name in METRICS and isinstance(error, ValueError)
    if ours or isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return f"{metric.name} needs more memory than there is for pictures of this size."
    words = shown(" ".join(str(error).split()))
    return f"{metric.name} failed ({type(error).__name__}: {words})."
