"""Every choice of a :class:`Convention` in plain words, and why it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from snellen.metrics.choices import Convention

__all__ = ["CHOICES", "Choice"]


@dataclass(frozen=True)
class Choice:
    """Something that two conventions may do differently.

    Attributes:
        title: what is chosen.
        names: the attributes of :class:`Convention` that hold it; they change together.
        words: what a convention does.
        why: what hangs on it.
        only_multiscale: it has no part in SSIM.
    """

    title: str
    names: tuple[str, ...]
    words: Callable[[Convention], str]
    why: str
    only_multiscale: bool = False


BORDERS = {
    "valid": "only windows wholly inside the picture count",
    "reflect": "the picture is mirrored at its edges, the edge itself not repeated",
    "replicate": "the pixels at the edges are repeated outwards",
    "zeros": "the picture is surrounded by zeros",
}
COVARIANCES = {
    "population": "weights sum to 1",
    "sample": "n/(n-1) times that, n the number of pixels in the window",
}
CHANNELS = {
    "apart": "each is compared by itself, then the mean is taken",
    "window": "the window goes across them as it goes across rows and columns",
}
READINGS = {
    "levels": "the mean of each level, then the product of the means",
    "pixels": "the product at each pixel of maps brought back to full size, then the mean",
    "sigmas": "the product at each pixel under Gaussians of several widths, without downsampling",
}
ODD_SIZES = {
    "keep": "the last row or column stays, as a mean of what is there",
    "drop": "the last row or column is dropped",
    "zeros": "a row or column of zeros is put before the first",
    "repeat": "if either side is odd, the first row and the first column are repeated, and what is"
    " then left over is dropped",
}
ORDERS = {
    "product-then-mean": "MS-SSIM of each channel, then the mean",
    "mean-then-product": "each factor is averaged over the channels, then the product is taken",
}
NEGATIVES = {
    "clamp": "count as 0",
    "signed": "keep their sign: sign(m)·|m|^w",
    "smooth": "become small and positive, so that a gradient is left",
}


def _window(convention: Convention) -> str:
    size = convention.window_size
    if convention.window == "uniform":
        return f"{size}×{size} pixels, all of one weight"
    return f"{size}×{size} pixels, Gaussian, σ = {convention.sigma:g}"


def _precision(convention: Convention) -> str:
    if convention.window == "gaussian" and convention.precision == "single":
        return "computed in float32: they do not quite sum to 1"
    return "computed in float64"


def _border(convention: Convention) -> str:
    words = BORDERS[convention.border]
    if convention.border != "valid" and convention.crop_contrast and convention.multiscale:
        words += "; MS-SSIM takes only l·cs so, and cs from windows wholly inside"
    if convention.small_sides == "skip":
        words += "; SSIM does not blur along an axis shorter than the window"
    if convention.small_sides == "pad":
        words += "; SSIM takes pictures smaller than the window too"
    return words


def _reduction(convention: Convention) -> str:
    if convention.downsample_to is None:
        return "SSIM is taken of the picture as it is"
    return (
        "SSIM is taken of means of f×f pixels, f = the smaller side / "
        f"{convention.downsample_to}, rounded"
    )


def _exponents(convention: Convention) -> str:
    if isinstance(convention.exponents, str):
        numbers = {"wang": "Wang's exponents", "ones": "exponents 1"}[convention.exponents]
    else:
        numbers = "exponents " + " ".join(f"{e:g}" for e in convention.exponents)
    most = convention.most_levels
    levels = f"as many as fit, at most {most}" if convention.levels == "auto" else str(most)
    if convention.reading == "sigmas":
        numbers += ", σ = " + " ".join(f"{s:g}" for s in convention.sigmas[:most])
    return f"{levels}, {numbers}"


CHOICES = (
    Choice(
        "window",
        ("window", "window_size", "sigma"),
        _window,
        "it says how far apart two pixels may be and still be compared together",
    ),
    Choice(
        "weights of the window",
        ("precision",),
        _precision,
        "what is missing from the sum looks like variance where a picture is bright and flat",
    ),
    Choice(
        "constants",
        ("k1", "k2"),
        lambda c: f"C1 = ({c.k1:g}·range)², C2 = ({c.k2:g}·range)²",
        "C2 decides how much noise in flat regions counts",
    ),
    Choice(
        "border",
        ("border", "small_sides", "crop_contrast"),
        _border,
        "the smaller the picture, or the level of MS-SSIM, the more of it is border",
    ),
    Choice(
        "variances",
        ("covariance",),
        lambda c: COVARIANCES[c.covariance],
        "larger variances weigh more against the constant C2",
    ),
    Choice(
        "channels",
        ("channels",),
        lambda c: CHANNELS[c.channels],
        "colours blurred into each other are compared as brightness; one channel is one channel",
    ),
    Choice(
        "reduction before SSIM",
        ("downsample_to",),
        _reduction,
        "a reduced picture has lost its finest detail, and most of its noise",
    ),
    Choice(
        "epsilon",
        ("epsilon",),
        lambda c: f"{c.epsilon:g} is added to the denominator of l·cs" if c.epsilon else "none",
        "it holds identical pictures below 1, most where they are black",
    ),
    Choice(
        "MS-SSIM",
        ("multiscale",),
        lambda c: "there is one" if c.multiscale else "there is none, ms_ssim refuses",
        "what a library does not have cannot be compared with it",
    ),
    Choice(
        "reading of MS-SSIM",
        ("reading",),
        lambda c: READINGS[c.reading],
        "a product at each pixel is lower than a product of means, and has a map",
        only_multiscale=True,
    ),
    Choice(
        "levels of MS-SSIM",
        ("levels", "exponents", "sigmas"),
        _exponents,
        "an exponent is the weight of its level; exponents that sum to more than 1 lower the value",
        only_multiscale=True,
    ),
    Choice(
        "odd sides of a level",
        ("odd_sizes",),
        lambda c: ODD_SIZES[c.odd_sizes] if c.reading != "sigmas" else "no level is downsampled",
        "coarser levels then show other pixels, or pixels that are not in the picture",
        only_multiscale=True,
    ),
    Choice(
        "channels in MS-SSIM",
        ("channel_order",),
        lambda c: ORDERS[c.channel_order],
        "a product of means is not a mean of products; with one channel they are the same",
        only_multiscale=True,
    ),
    Choice(
        "negative factors of MS-SSIM",
        ("negative",),
        lambda c: NEGATIVES[c.negative],
        "pictures that are each other's negative have them",
        only_multiscale=True,
    ),
)
