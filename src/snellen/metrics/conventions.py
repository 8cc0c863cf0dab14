"""The conventions that have a name, and how many levels of a convention fit into a picture.

A metric takes a :class:`Convention` or the name of one. Single changes are made with
:func:`dataclasses.replace`:

>>> from dataclasses import replace
>>> replace(WANG, levels="auto").levels
'auto'

Each name but ``wang`` and ``poster`` stands for what that library returns; docs/conventions.md says
which version of it was measured, and how.
"""

from __future__ import annotations

import math
from dataclasses import replace

from snellen.metrics.choices import (
    WANG_EXPONENTS,
    Convention,
    suggestion,
)

__all__ = [
    "CONVENTIONS",
    "POSTER",
    "WANG",
    "WANG_EXPONENTS",
    "Convention",
    "check_window",
    "downsampling",
    "fit_levels",
    "fitted_exponents",
    "get_convention",
    "min_side",
    "smallest_side",
    "suggestion",
]

WANG = Convention()
POSTER = Convention(reading="pixels", exponents="ones", border="replicate")

CONVENTIONS: dict[str, Convention] = {
    "wang": WANG,
    # Wang's first msssim.m: 2×2 means of whole blocks only, no exponent on the last factor.
    "wang2003": replace(WANG, odd_sizes="drop", exponents=(*WANG_EXPONENTS[:-1], 1.0)),
    # The built-in ssim. For a colour picture it blurs the H×W×3 array as a volume.
    "matlab": replace(
        WANG, border="replicate", channels="window", small_sides="pad", multiscale=False
    ),
    # tf.image.ssim and ssim_multiscale.
    "tensorflow": WANG,
    # structural_similarity(..., channel_axis=...) with its defaults.
    "scikit-image": replace(
        WANG, window="uniform", window_size=7, covariance="sample", multiscale=False
    ),
    # The same with gaussian_weights=True, sigma=1.5, use_sample_covariance=False.
    "scikit-image-gaussian": replace(WANG, multiscale=False),
    # structural_similarity_index_measure and multiscale_structural_similarity_index_measure.
    "torchmetrics": replace(
        WANG,
        border="reflect",
        crop_contrast=True,
        odd_sizes="drop",
        channel_order="mean-then-product",
        small_sides="pad",
    ),
    # ssim and ms_ssim.
    "pytorch-msssim": replace(WANG, precision="single", odd_sizes="zeros", small_sides="skip"),
    # ssim and multi_scale_ssim.
    "piq": replace(WANG, odd_sizes="repeat", downsample_to=256),
    # The mean of kornia.metrics.ssim(..., window_size=11).
    "kornia": replace(WANG, border="reflect", epsilon=1e-12, small_sides="pad", multiscale=False),
    # calculate_ssim(..., crop_border=0).
    "basicsr": replace(WANG, multiscale=False),
    # fused_ssim, whose constants are those of data_range=1.
    "fused-ssim": replace(
        WANG, precision="single", border="zeros", small_sides="pad", multiscale=False
    ),
    "poster": POSTER,
}


def get_convention(convention: str | Convention) -> Convention:
    """Return the convention of that name; a :class:`Convention` is returned as it is.

    Raises:
        ValueError: no convention has that name.
        TypeError: neither a name nor a Convention.

    >>> get_convention("poster").reading
    'pixels'
    """
    if isinstance(convention, Convention):
        return convention
    if not isinstance(convention, str):
        raise TypeError(
            f"convention must be a name or a snellen.Convention; got {type(convention).__name__}."
        )
    if convention not in CONVENTIONS:
        raise ValueError(
            f"There is no convention {convention!r}; there are {', '.join(sorted(CONVENTIONS))}."
            f"{suggestion(convention, CONVENTIONS)}"
        )
    return CONVENTIONS[convention]


def sigma_window(sigma: float) -> int:
    """Taps of the window of a Gaussian in the ``sigmas`` reading."""
    return 2 * math.ceil(2 * sigma) + 1


def min_side(convention: Convention, levels: int) -> int:
    """Smallest side in pixels on which `levels` levels fit: the coarsest still holds a window.

    >>> min_side(WANG, 5), min_side(WANG, 4)
    (161, 81)
    """
    if convention.reading == "sigmas":
        return max(sigma_window(s) for s in convention.sigmas[:levels])
    halvings = 1 << (levels - 1)
    if convention.odd_sizes == "drop":
        return convention.window_size * halvings
    return (convention.window_size - 1) * halvings + 1


def fit_levels(convention: Convention, sides: tuple[int, ...]) -> int:
    """Return the number of MS-SSIM levels that `convention` uses on pictures of these sides.

    Args:
        convention: with ``levels="auto"`` the largest number that fits is returned.
        sides: the spatial sizes in pixels, (height, width).

    Raises:
        ValueError: the convention has no MS-SSIM; the levels asked for, or even one level, do not
            fit.

    >>> from dataclasses import replace
    >>> [fit_levels(replace(WANG, levels="auto"), (side, side)) for side in (161, 96, 48, 32)]
    [5, 4, 3, 2]
    """
    if not convention.multiscale:
        raise ValueError(
            "This convention has no MS-SSIM, as the library whose numbers it gives has none: use "
            f"ssim, or one of {', '.join(n for n, c in CONVENTIONS.items() if c.multiscale)}."
        )
    side = min(sides)
    most = convention.most_levels
    fitting = len([m for m in range(1, most + 1) if min_side(convention, m) <= side])
    if fitting == most:
        return most
    if fitting and convention.levels == "auto" and isinstance(convention.exponents, str):
        return fitting
    # Below, not above: under torch.compile a side may have no value to be written.
    shape = "×".join(str(s) for s in sides)
    if fitting == 0:
        raise ValueError(
            f"A window of {min_side(convention, 1)} pixels does not fit into a picture of {shape}: "
            f"give pictures of at least {min_side(convention, 1)} pixels a side or a smaller "
            "window (dataclasses.replace(convention, window_size=...))."
        )
    ways = (
        "replace(convention, levels='auto')"
        if isinstance(convention.exponents, str)
        else f"{fitting} exponents"
    )
    raise ValueError(
        f"MS-SSIM on {most} levels needs pictures of at least {min_side(convention, most)} pixels "
        f"a side; got {shape}, on which {fitting} {'fit' if fitting > 1 else 'fits'}. Use "
        f"{ways}, a smaller window, or larger pictures."
    )


def downsampling(convention: Convention, sides: tuple[int, ...]) -> int:
    """Return the side of the blocks of pixels whose means SSIM is taken of; 1: of the picture.

    >>> [downsampling(CONVENTIONS["piq"], (side, 999)) for side in (383, 384, 640, 641)]
    [1, 2, 2, 3]
    """
    if convention.downsample_to is None:
        return 1
    return max(1, round(min(sides) / convention.downsample_to))


def smallest_side(convention: Convention) -> int:
    """Smallest side in pixels on which SSIM is computed.

    >>> [smallest_side(CONVENTIONS[name]) for name in ("wang", "kornia", "matlab")]
    [11, 6, 1]
    """
    if convention.small_sides == "refuse":
        return convention.window_size
    if convention.small_sides == "skip":
        return 2
    return convention.window_size // 2 + 1 if convention.border == "reflect" else 1


def check_window(convention: Convention, sides: tuple[int, ...]) -> None:
    """Refuse pictures that are too small for SSIM.

    Raises:
        ValueError: the window, or its border, does not fit.
    """
    least = smallest_side(convention)
    factor = downsampling(convention, sides)
    if min(sides) // factor < least:
        at_least = "" if least == convention.window_size else f" of at least {least} pixels a side"
        means = "" if factor == 1 else f" reduced by {factor}"
        raise ValueError(
            f"A window of {convention.window_size} pixels does not fit into a picture of "
            f"{'×'.join(str(s) for s in sides)}{means}: give larger pictures{at_least} or a "
            "smaller window (dataclasses.replace(convention, window_size=...))."
        )


def fitted_exponents(convention: Convention, levels: int) -> tuple[float, ...]:
    """Exponents of the `levels` levels in use, finest first.

    Five levels have Wang's exponents as published (their sum is 1.0001); fewer levels have the
    first ones, rescaled to sum 1.

    >>> [round(e, 4) for e in fitted_exponents(WANG, 4)]
    [0.0517, 0.3295, 0.3462, 0.2726]
    """
    if convention.exponents == "ones":
        return (1.0,) * levels
    if convention.exponents == "wang":
        if levels == len(WANG_EXPONENTS):
            return WANG_EXPONENTS
        kept = WANG_EXPONENTS[:levels]
        return tuple(e / sum(kept) for e in kept)
    return tuple(float(e) for e in convention.exponents)
