"""Metrics of a whole data set, batch by batch and over many processes, the same bit for bit.

Each picture is measured alone and counts once; values are added as integers
(:mod:`snellen.metrics.exact_sums`), so that the result depends neither on the order of the
pictures, nor on how they were split into batches, nor on how many processes shared them. The memory
that is needed does not grow with their number.

>>> metric = StreamingSSIM(data_range=1.0)
>>> for height in (32, 40):
...     target = torch.rand(3, 1, height, 48)
...     metric.update(target, target)
>>> metric.compute(), metric.count
(1.0, 6)
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from snellen.metrics.conventions import Convention
from snellen.metrics.exact_sums import SIZE, Totals, add_values, carried, no_values, read
from snellen.metrics.functional import Engine
from snellen.metrics.over_processes import reduce_over_processes
from snellen.metrics.picture_measures import (
    Function,
    Measure,
    Pictures,
    Valid,
    measure_each,
    plain,
    psnr,
    structural,
)

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

__all__ = [
    "StreamingDSSIM",
    "StreamingMAE",
    "StreamingMSDSSIM",
    "StreamingMSE",
    "StreamingMSSSIM",
    "StreamingMean",
    "StreamingPSNR",
    "StreamingSSIM",
    "Summary",
]


@dataclass(frozen=True)
class Summary:
    """What is known of the values of all pictures.

    Attributes:
        count: number of pictures.
        mean: of all values; infinite where one is, NaN where one is or where both infinities are.
        deviation: sample standard deviation; NaN for one picture or where a value is not finite.
        smallest, largest: of the values that are not NaN; NaN where there is none.
        infinite: how many values were infinite, as PSNR is for identical pictures.
        undefined: how many values were NaN.
        finite_mean: mean of the finite values; NaN where there is none.
    """

    count: int
    mean: float
    deviation: float
    smallest: float
    largest: float
    infinite: int
    undefined: int
    finite_mean: float


class StreamingMean:
    """The mean of a measure over all pictures, each counted once.

    Args:
        measure: called as ``measure(preds, target)`` with one pair of pictures, (1, C, H, W), on
            one thread and without gradients; returns one number.
        name: says which measure it is. Only results of one name are put together.

    Raises:
        TypeError: `measure` cannot be called.
        ValueError: it has no name of its own and is given none.

    >>> metric = StreamingMean(lambda x, y: (x - y).abs().max(), name="largest error")
    >>> metric.update(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.75))
    >>> metric.compute()
    0.75
    """

    def __init__(self, measure: Function | Measure, *, name: str | None = None) -> None:
        if not callable(measure) and not isinstance(measure, Measure):
            raise TypeError(
                f"measure must be a function of (preds, target); got {type(measure).__name__}."
            )
        if not isinstance(measure, Measure):
            text = name or str(getattr(measure, "__qualname__", measure))
            if " at 0x" in text:  # an address, which other processes would not know it by
                raise ValueError(f"The measure {text} has no name of its own: give name='...'.")
            measure = Measure(measure, text)
        self._measure = measure
        self.reset()

    def reset(self) -> None:
        """Forget all pictures."""
        self._tally = no_values()
        # The largest value, and minus the smallest: both by a maximum.
        self._extremes = torch.full((2,), -torch.inf, dtype=torch.float64, device="cpu")

    def update(self, preds: Pictures, target: Pictures, *, valid: Valid | None = None) -> None:
        """Measure pictures and count them. A call that fails counts none.

        Args:
            preds: (N, C, H, W), or one picture (C, H, W) or (H, W), any float dtype or uint8, on
                any device; or a list of such, of any sizes. N may be 0.
            target: of the same shapes, dtypes and devices.
            valid: N truth values; pictures that are False are left out. So a sampler that repeats
                pictures, to give every process as many, need not count them twice.

        Raises:
            ValueError, TypeError: as the measure; a `valid` that does not fit.
        """
        values = measure_each(self._measure.function, preds, target, valid)
        if not len(values):
            return
        values = values.cpu()  # Apple's GPUs have no float64
        self._tally = add_values(self._tally, values)
        values = values.double()
        both = torch.stack([values, -values])
        known = torch.where(both.isnan(), -torch.inf, both)
        self._extremes = torch.maximum(self._extremes, known.amax(dim=1))

    @property
    def count(self) -> int:
        """Number of pictures so far."""
        return read(self._tally).count

    def compute(self) -> float:
        """Return the mean over the pictures: the exact one, rounded once.

        NaN where a value is NaN, infinite where one is infinite. In a run of many processes it is
        the mean of this one's pictures: see :meth:`sync`.

        Raises:
            ValueError: there were no pictures.
        """
        return self._some().mean

    def summary(self) -> Summary:
        """Return mean, spread and number of the pictures.

        Raises:
            ValueError: there were no pictures.

        >>> metric = StreamingMSE()
        >>> metric.update(torch.zeros(2, 1, 1, 1), torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1))
        >>> found = metric.summary()
        >>> found.mean, found.smallest, found.largest, round(found.deviation, 4)
        (2.5, 1.0, 4.0, 2.1213)
        """
        totals = self._some()
        largest, smallest = self._extremes.tolist()
        none = totals.undefined == totals.count
        return Summary(
            count=totals.count,
            mean=totals.mean,
            deviation=totals.deviation,
            smallest=float("nan") if none else -smallest,
            largest=float("nan") if none else largest,
            infinite=totals.above + totals.below,
            undefined=totals.undefined,
            finite_mean=totals.finite_mean,
        )

    def _some(self) -> Totals:
        totals = read(self._tally)
        if not totals.count:
            raise ValueError(
                "There are no pictures to average yet: call update(preds, target) first."
            )
        return totals

    def merge(self, other: StreamingMean) -> None:
        """Add the pictures of another metric of the same measure to this one's.

        Raises:
            TypeError, ValueError: not such a metric.

        >>> first, second = StreamingMAE(), StreamingMAE()
        >>> first.update(torch.zeros(4, 4), torch.ones(4, 4))
        >>> second.update(torch.zeros(4, 4), torch.zeros(4, 4))
        >>> first.merge(second)
        >>> first.compute(), first.count
        (0.5, 2)
        """
        if not isinstance(other, StreamingMean):
            raise TypeError(f"Only a streaming metric can be merged; got {type(other).__name__}.")
        self._check_same(other._measure.text, "The other metric")
        self._put(self._tally + other._tally, torch.maximum(self._extremes, other._extremes))

    def sync(self, group: ProcessGroup | None = None) -> Self:
        """Return a metric with the pictures of all processes, the same in each.

        This one remains as it is and can go on. All processes of the group must call it together,
        each after as many updates as it has, be it none. Without torch.distributed it is a copy.

        Args:
            group: the processes; None: all.

        Raises:
            ValueError: the processes do not measure the same.
        """
        tally, extremes = reduce_over_processes(
            self._tally, self._extremes, self._measure.text, group
        )
        whole = copy.copy(self)
        whole._put(tally, extremes)
        return whole

    def _put(self, tally: Tensor, extremes: Tensor) -> None:
        self._tally = carried(tally)
        self._extremes = extremes.clone()

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on: a text and two small tensors."""
        return {
            "measure": self._measure.text,
            "tally": self._tally.clone(),
            "extremes": self._extremes.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, instead of the pictures so far.

        Raises:
            ValueError: the state is of another measure, or of no streaming metric.
        """
        missing = [key for key in ("measure", "tally", "extremes") if key not in state]
        if missing:
            raise ValueError(
                f"This is not the state of a streaming metric: {', '.join(missing)} missing. "
                "Give what state_dict() returned."
            )
        self._check_same(state["measure"], "The state")
        wanted = {"tally": (torch.int64, SIZE), "extremes": (torch.float64, 2)}
        for key, (dtype, size) in wanted.items():
            found = state[key]
            if not (isinstance(found, Tensor) and (found.dtype, *found.shape) == (dtype, size)):
                raise ValueError(
                    f"In the state {key!r} must be a {dtype} tensor of shape ({size},)."
                )
        self._put(state["tally"].cpu(), state["extremes"].cpu())

    def _check_same(self, text: str, whose: str) -> None:
        if text != self._measure.text:
            raise ValueError(
                f"{whose} is of another measure: {text}, where this metric is of "
                f"{self._measure.text}."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._measure.text}, {self.count} pictures>"


class StreamingMSE(StreamingMean):
    """Mean over pictures of their mean squared error: see :func:`snellen.metrics.mse`.

    >>> metric = StreamingMSE()
    >>> metric.update(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    >>> metric.compute()
    0.25
    """

    def __init__(self) -> None:
        super().__init__(plain("mse"))


class StreamingMAE(StreamingMean):
    """Mean over pictures of their mean absolute error: see :func:`snellen.metrics.mae`.

    >>> metric = StreamingMAE()
    >>> metric.update(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    >>> metric.compute()
    0.5
    """

    def __init__(self) -> None:
        super().__init__(plain("mae"))


class StreamingPSNR(StreamingMean):
    """Mean over pictures of their PSNR in dB: see :func:`snellen.metrics.psnr`.

    Identical pictures have an infinite PSNR, and so has then the mean. ``summary()`` tells how many
    there were and what the mean of the others is; `cap` gives them a finite value.

    Args:
        data_range: largest minus smallest possible value; 255 by default for uint8, required else.
        cap: pictures above so many dB count as that many; None: as they are.

    Raises:
        ValueError, TypeError: an unusable `data_range` or `cap`; at the update a missing one.

    >>> target = torch.tensor([0.1, 0.0]).reshape(2, 1, 1, 1)
    >>> metric, capped = StreamingPSNR(data_range=1.0), StreamingPSNR(data_range=1.0, cap=100)
    >>> metric.update(torch.zeros(2, 1, 1, 1), target)
    >>> capped.update(torch.zeros(2, 1, 1, 1), target)
    >>> metric.compute(), metric.summary().infinite, metric.summary().finite_mean, capped.compute()
    (inf, 1, 20.0, 60.0)
    """

    def __init__(self, *, data_range: float | None = None, cap: float | None = None) -> None:
        super().__init__(psnr(data_range, cap))


class _Structural(StreamingMean):
    """What SSIM and its kin share."""

    _function: str

    def __init__(
        self,
        *,
        data_range: float | None = None,
        convention: str | Convention = "wang",
        engine: Engine = "auto",
    ) -> None:
        super().__init__(structural(self._function, data_range, convention, engine))


class StreamingSSIM(_Structural):
    """Mean over pictures of their SSIM: see :func:`snellen.metrics.ssim`.

    Args:
        data_range: largest minus smallest possible value; 255 by default for uint8, required else.
        convention: name or :class:`~snellen.metrics.conventions.Convention`.
        engine: as in :func:`snellen.metrics.ssim`.

    Raises:
        ValueError, TypeError: an unknown convention or engine, an unusable range; at the update
            what :func:`snellen.metrics.ssim` raises.

    >>> metric = StreamingSSIM(data_range=1.0)
    >>> metric.update(torch.ones(2, 1, 16, 16), torch.ones(2, 1, 16, 16))
    >>> metric.compute()
    1.0
    """

    _function = "ssim"


class StreamingDSSIM(_Structural):
    """Mean over pictures of 1 - SSIM: see :func:`snellen.metrics.dssim`.

    Arguments and errors as in :class:`StreamingSSIM`.

    >>> metric = StreamingDSSIM(data_range=1.0)
    >>> metric.update(torch.ones(2, 1, 16, 16), torch.ones(2, 1, 16, 16))
    >>> metric.compute()
    0.0
    """

    _function = "dssim"


class StreamingMSSSIM(_Structural):
    """Mean over pictures of their MS-SSIM: see :func:`snellen.metrics.ms_ssim`.

    Arguments and errors as in :class:`StreamingSSIM`. Under ``levels="auto"`` small pictures have
    fewer levels than large ones, so that a mean over mixed sizes is one of different measures.

    >>> metric = StreamingMSSSIM(data_range=1.0, convention=Convention(levels=2))
    >>> metric.update(torch.ones(2, 1, 32, 32), torch.ones(2, 1, 32, 32))
    >>> metric.compute()
    1.0
    """

    _function = "ms_ssim"


class StreamingMSDSSIM(_Structural):
    """Mean over pictures of 1 - MS-SSIM: see :func:`snellen.metrics.ms_dssim`.

    Arguments and errors as in :class:`StreamingMSSSIM`.

    >>> metric = StreamingMSDSSIM(data_range=1.0, convention=Convention(levels=2))
    >>> metric.update(torch.ones(2, 1, 32, 32), torch.ones(2, 1, 32, 32))
    >>> metric.compute()
    0.0
    """

    _function = "ms_dssim"
