"""Readings, exponents and borders of MS-SSIM as training losses, to choose the defaults from.

    snellen reconstruct --data $SNELLEN_DATA/BSDS500/train \
        --held-out-data $SNELLEN_DATA/BSDS500/val --losses \
        mse,benchmarks.loss_variants:levels_wang,benchmarks.loss_variants:pixels_ones,...

from the root of the checkout. The results are in docs/results/loss_defaults.json.
"""

from dataclasses import replace

from snellen.metrics import POSTER, WANG
from snellen.metrics.losses import MSSSIMLoss, SSIMLoss

LEVELS = replace(WANG, levels="auto", negative="smooth")
PIXELS = replace(POSTER, levels="auto", negative="smooth")
SIGMAS = replace(PIXELS, reading="sigmas", border="reflect")


def levels_wang() -> MSSSIMLoss:
    """Mean per level, Wang's exponents, valid borders."""
    return MSSSIMLoss(convention=LEVELS)


def levels_ones() -> MSSSIMLoss:
    """Mean per level, exponents 1, valid borders."""
    return MSSSIMLoss(convention=replace(LEVELS, exponents="ones"))


def levels_wang_replicate() -> MSSSIMLoss:
    """Mean per level, Wang's exponents, replicated borders."""
    return MSSSIMLoss(convention=replace(LEVELS, border="replicate"))


def pixels_ones() -> MSSSIMLoss:
    """The poster: product at each pixel, exponents 1, replicated borders."""
    return MSSSIMLoss(convention=PIXELS)


def pixels_wang() -> MSSSIMLoss:
    """Product at each pixel, Wang's exponents, replicated borders."""
    return MSSSIMLoss(convention=replace(PIXELS, exponents="wang"))


def sigmas_ones() -> MSSSIMLoss:
    """Zhao et al.: five Gaussians at full size, exponents 1, reflected borders."""
    return MSSSIMLoss(convention=SIGMAS)


def ssim_valid() -> SSIMLoss:
    """SSIM, valid borders."""
    return SSIMLoss(convention=replace(WANG, negative="smooth"))


def ssim_replicate() -> SSIMLoss:
    """SSIM, replicated borders."""
    return SSIMLoss(convention=replace(WANG, border="replicate", negative="smooth"))
