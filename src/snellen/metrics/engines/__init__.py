"""SSIM and MS-SSIM fast: the numbers of :mod:`snellen.metrics.definition`, value and gradient."""
