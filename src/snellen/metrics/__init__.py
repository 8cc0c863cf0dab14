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
    ms_ssim_decibels,
    mse,
    psnr,
    ssim,
    ssim_decibels,
)
from snellen.metrics.maps import Components, ms_ssim_map, ssim_components, ssim_map
from snellen.metrics.prepared import Prepared, prepare
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
    "Components",
    "Convention",
    "Prepared",
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
    "ms_ssim_decibels",
    "ms_ssim_map",
    "mse",
    "prepare",
    "psnr",
    "ssim",
    "ssim_components",
    "ssim_decibels",
    "ssim_map",
]
