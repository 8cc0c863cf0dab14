"""Snellen: train image-synthesis networks with perceptual similarity metrics.

>>> import torch
>>> from snellen import MSSSIMLoss, ms_ssim
>>> preds, target = torch.rand(4, 3, 192, 192, requires_grad=True), torch.rand(4, 3, 192, 192)
>>> loss = MSSSIMLoss(data_range=1.0)(preds, target)
>>> loss.backward()
>>> similarity = ms_ssim(preds, target, data_range=1.0)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snellen.enlarging import upscale
    from snellen.experiments.trained import load
    from snellen.metrics import (
        Components,
        Convention,
        Prepared,
        StreamingDSSIM,
        StreamingMAE,
        StreamingMean,
        StreamingMSDSSIM,
        StreamingMSE,
        StreamingMSSSIM,
        StreamingPSNR,
        StreamingSSIM,
        dssim,
        explain,
        fit_levels,
        mae,
        ms_dssim,
        ms_ssim,
        ms_ssim_decibels,
        ms_ssim_map,
        mse,
        prepare,
        psnr,
        ssim,
        ssim_components,
        ssim_decibels,
        ssim_map,
    )
    from snellen.metrics.losses import MixedLoss, MSSSIMLoss, SSIMLoss

__version__ = "0.1.0"

# Public name → module. Imported on first use, so that `import snellen` costs nothing and the
# command line answers before torch is loaded.
_PUBLIC = {
    "Components": "snellen.metrics",
    "Convention": "snellen.metrics",
    "MSSSIMLoss": "snellen.metrics.losses",
    "MixedLoss": "snellen.metrics.losses",
    "Prepared": "snellen.metrics",
    "SSIMLoss": "snellen.metrics.losses",
    "StreamingDSSIM": "snellen.metrics",
    "StreamingMAE": "snellen.metrics",
    "StreamingMSDSSIM": "snellen.metrics",
    "StreamingMSE": "snellen.metrics",
    "StreamingMSSSIM": "snellen.metrics",
    "StreamingMean": "snellen.metrics",
    "StreamingPSNR": "snellen.metrics",
    "StreamingSSIM": "snellen.metrics",
    "dssim": "snellen.metrics",
    "explain": "snellen.metrics",
    "fit_levels": "snellen.metrics",
    "load": "snellen.experiments.trained",
    "mae": "snellen.metrics",
    "ms_dssim": "snellen.metrics",
    "ms_ssim": "snellen.metrics",
    "ms_ssim_decibels": "snellen.metrics",
    "ms_ssim_map": "snellen.metrics",
    "mse": "snellen.metrics",
    "prepare": "snellen.metrics",
    "psnr": "snellen.metrics",
    "ssim": "snellen.metrics",
    "ssim_components": "snellen.metrics",
    "ssim_decibels": "snellen.metrics",
    "ssim_map": "snellen.metrics",
    "upscale": "snellen.enlarging",
}

__all__ = [
    "Components",
    "Convention",
    "MSSSIMLoss",
    "MixedLoss",
    "Prepared",
    "SSIMLoss",
    "StreamingDSSIM",
    "StreamingMAE",
    "StreamingMSDSSIM",
    "StreamingMSE",
    "StreamingMSSSIM",
    "StreamingMean",
    "StreamingPSNR",
    "StreamingSSIM",
    "__version__",
    "dssim",
    "explain",
    "fit_levels",
    "load",
    "mae",
    "ms_dssim",
    "ms_ssim",
    "ms_ssim_decibels",
    "ms_ssim_map",
    "mse",
    "prepare",
    "psnr",
    "ssim",
    "ssim_components",
    "ssim_decibels",
    "ssim_map",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'snellen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
