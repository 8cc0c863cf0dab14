"""The streaming metrics as torchmetrics' own: for `MetricCollection`, Lightning and others.

    pip install 'snellen[torchmetrics]'

They measure and add as those of :mod:`snellen.metrics.streaming` do, with the same result bit for
bit, over any number of processes. Nothing else of Snellen imports torchmetrics.

>>> from torchmetrics import MetricCollection
>>> metrics = MetricCollection([SSIM(data_range=1.0), PSNR(data_range=1.0)])
>>> metrics.update(torch.zeros(2, 1, 16, 16), torch.full((2, 1, 16, 16), 0.1))
>>> metrics.compute()["PSNR"]
tensor(20., dtype=torch.float64)
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from snellen.metrics.conventions import Convention
from snellen.metrics.exact_sums import add_values, no_values, read
from snellen.metrics.functional import Engine
from snellen.metrics.over_processes import fingerprint
from snellen.metrics.picture_measures import (
    Measure,
    Pictures,
    Valid,
    measure_each,
    plain,
    psnr,
    structural,
)

try:
    from torchmetrics import Metric
except ImportError as error:
    raise ImportError(
        "snellen.metrics.torchmetrics needs the package torchmetrics: "
        "pip install 'snellen[torchmetrics]'"
    ) from error

__all__ = ["DSSIM", "MAE", "MSDSSIM", "MSE", "MSSSIM", "PSNR", "SSIM"]


class _ExactMean(Metric):
    """The mean of a measure over all pictures of all processes, each counted once.

    Not differentiable: train on the losses of :mod:`snellen.metrics.losses`.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(self, measure: Measure, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._measure = measure
        # The measure is part of the state's name: MetricCollection makes one group of metrics whose
        # states have equal names and are alike after the first batch, and no state may be loaded
        # into, or merged with, another measure's.
        self._state_name = f"tally_{fingerprint(measure.text)}"
        self.add_state(self._state_name, no_values(self.device), dist_reduce_fx="sum")

    def update(self, preds: Pictures, target: Pictures, valid: Valid | None = None) -> None:
        """Measure pictures and count them, as :meth:`snellen.metrics.StreamingMean.update`."""
        values = measure_each(self._measure.function, preds, target, valid)
        setattr(self, self._state_name, add_values(self._tally, values))

    def compute(self) -> Tensor:
        """Return the mean over the pictures, float64 without axes; NaN where there are none.

        Float32 on Apple's GPUs, which have no float64.
        """
        dtype = torch.float32 if self._tally.device.type == "mps" else torch.float64
        return torch.tensor(read(self._tally).mean, dtype=dtype, device=self._tally.device)

    @property
    def _tally(self) -> Tensor:
        tally: Tensor = getattr(self, self._state_name)
        return tally

    def set_dtype(self, dst_type: str | torch.dtype) -> Self:  # noqa: ARG002
        """Do nothing: the state is made of integers."""
        return self

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """Plot one value or several: see :meth:`torchmetrics.Metric.plot`."""
        return self._plot(val, ax)

    def extra_repr(self) -> str:
        """Show what is measured."""
        return self._measure.text


class MSE(_ExactMean):
    """:class:`~snellen.metrics.StreamingMSE` for torchmetrics, whose options it takes too.

    >>> metric = MSE()
    >>> metric(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    tensor(0.2500, dtype=torch.float64)
    """

    higher_is_better = False
    plot_lower_bound = 0.0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(plain("mse"), **kwargs)


class MAE(_ExactMean):
    """:class:`~snellen.metrics.StreamingMAE` for torchmetrics, whose options it takes too.

    >>> metric = MAE()
    >>> metric(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = False
    plot_lower_bound = 0.0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(plain("mae"), **kwargs)


class PSNR(_ExactMean):
    """:class:`~snellen.metrics.StreamingPSNR` for torchmetrics, whose options it takes too.

    >>> metric = PSNR(data_range=1.0, cap=100)
    >>> metric(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4))
    tensor(100., dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(
        self, *, data_range: float | None = None, cap: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(psnr(data_range, cap), **kwargs)


class _Structural(_ExactMean):
    """What SSIM and its kin share."""

    _function: str

    def __init__(
        self,
        *,
        data_range: float | None = None,
        convention: str | Convention = "wang",
        engine: Engine = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(structural(self._function, data_range, convention, engine), **kwargs)


class SSIM(_Structural):
    """:class:`~snellen.metrics.StreamingSSIM` for torchmetrics, whose options it takes too.

    >>> metric = SSIM(data_range=1.0)
    >>> metric(torch.ones(2, 1, 16, 16), torch.ones(2, 1, 16, 16))
    tensor(1., dtype=torch.float64)
    """

    higher_is_better = True
    plot_upper_bound = 1.0
    _function = "ssim"


class DSSIM(_Structural):
    """:class:`~snellen.metrics.StreamingDSSIM` for torchmetrics, whose options it takes too.

    >>> metric = DSSIM(data_range=1.0)
    >>> metric(torch.ones(2, 1, 16, 16), torch.ones(2, 1, 16, 16))
    tensor(0., dtype=torch.float64)
    """

    higher_is_better = False
    plot_lower_bound = 0.0
    _function = "dssim"


class MSSSIM(_Structural):
    """:class:`~snellen.metrics.StreamingMSSSIM` for torchmetrics, whose options it takes too.

    >>> metric = MSSSIM(data_range=1.0, convention=Convention(levels=2))
    >>> metric(torch.ones(2, 1, 32, 32), torch.ones(2, 1, 32, 32))
    tensor(1., dtype=torch.float64)
    """

    higher_is_better = True
    plot_upper_bound = 1.0
    _function = "ms_ssim"


class MSDSSIM(_Structural):
    """:class:`~snellen.metrics.StreamingMSDSSIM` for torchmetrics, whose options it takes too.

    >>> metric = MSDSSIM(data_range=1.0, convention=Convention(levels=2))
    >>> metric(torch.ones(2, 1, 32, 32), torch.ones(2, 1, 32, 32))
    tensor(0., dtype=torch.float64)
    """

    higher_is_better = False
    plot_lower_bound = 0.0
    _function = "ms_dssim"
