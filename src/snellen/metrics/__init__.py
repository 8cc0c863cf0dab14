"""Perception-based error metrics: SSIM and MS-SSIM beside MSE, MAE and PSNR.

This room imports nothing else of Snellen and can be used alone.
"""

from snellen.metrics.conventions import CONVENTIONS, POSTER, WANG, Convention, fit_levels
from snellen.metrics.explain import explain
from snellen.metrics.functional import (
    dssim,
    mae,
    ms_dssim,
    ms_ssim,
    ms_ssim_map,
    mse,
    psnr,
    ssim,
    ssim_map,
)
from snellen.metrics.streaming import (
    StreamingDSSIM,
    StreamingMAE,
    StreamingMean,
    StreamingMSDSSIM,
    StreamingMSE,
    StreamingMSSSIM,
    StreamingPSNR,
    StreamingSSIM,
    Summary,
)

__all__ = [
    "CONVENTIONS",
    "POSTER",
    "WANG",
    "Convention",
    "StreamingDSSIM",
    "StreamingMAE",
    "StreamingMSDSSIM",
    "StreamingMSE",
    "StreamingMSSSIM",
    "StreamingMean",
    "StreamingPSNR",
    "StreamingSSIM",
    "Summary",
    "dssim",
    "explain",
    "fit_levels",
    "mae",
    "ms_dssim",
    "ms_ssim",
    "ms_ssim_map",
    "mse",
    "psnr",
    "ssim",
    "ssim_map",
]
