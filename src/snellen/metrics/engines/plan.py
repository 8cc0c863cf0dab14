"""What an engine has to compute, with every choice resolved to a number."""

from __future__ import annotations

from dataclasses import dataclass

from snellen.metrics.choices import Border, ChannelOrder, Convention, NegativePolicy, OddSizes
from snellen.metrics.conventions import downsampling, fit_levels, fitted_exponents
from snellen.metrics.filtering import gaussian_taps, uniform_taps

__all__ = ["MOST_TAPS", "Plan", "make_plan"]

# The widest window that the engines have; wider ones go to the definition.
MOST_TAPS = 33
# Beyond these float32 has no room for the fourth powers that gradients are made of.
LEAST_RANGE, MOST_RANGE = 1e-8, 1e8


@dataclass(frozen=True)
class Plan:
    """One computation, the same for every engine.

    SSIM is the plan of one level with exponent 1 whose negative mean stays as it is.

    Attributes:
        taps: weights of the window along one axis, symmetric, an odd number, of sum 1.
        border: as in :class:`~snellen.metrics.conventions.Convention`.
        c1, c2: the constants, in squared units of the input.
        covariance_scale: what the population variances are multiplied by.
        exponents: one for each level, finest first.
        by_pixels: the product is taken at each pixel of maps of one size, then averaged; else the
            mean of each level (and of its channels, see `channel_order`), then the product.
        odd_sizes: what becomes of a last odd row or column when a level is halved: ``keep`` or
            ``drop``.
        channel_order: see Convention.
        negative: what becomes of a factor m ≤ 0 before it is raised to its power.
        flip: the product of two negative factors l and cs counts as negative.
    """

    taps: tuple[float, ...]
    border: Border
    c1: float
    c2: float
    covariance_scale: float
    exponents: tuple[float, ...]
    by_pixels: bool
    odd_sizes: OddSizes
    channel_order: ChannelOrder
    negative: NegativePolicy
    flip: bool

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.exponents)


def make_plan(
    convention: Convention, sides: tuple[int, int], data_range: float, *, multiscale: bool
) -> Plan | None:
    """Resolve a convention for pictures of (height, width).

    Args:
        convention: for MS-SSIM its levels must fit the sides.
        sides: height and width in pixels.
        data_range: largest minus smallest possible value.
        multiscale: MS-SSIM, else SSIM.

    Returns:
        None where no engine can do it, and the definition must.

    >>> from snellen.metrics import WANG
    >>> make_plan(WANG, (176, 180), 1.0, multiscale=True).levels
    5
    """
    if not LEAST_RANGE <= data_range <= MOST_RANGE:
        return None
    levels = fit_levels(convention, sides) if multiscale else 1
    if not _can_be_planned(convention, sides, levels, multiscale=multiscale):
        return None
    size = convention.window_size
    gaussian = convention.window == "gaussian"
    return Plan(
        taps=gaussian_taps(size, convention.sigma) if gaussian else uniform_taps(size),
        border=convention.border,
        c1=(convention.k1 * data_range) ** 2,
        c2=(convention.k2 * data_range) ** 2,
        covariance_scale=size**2 / (size**2 - 1) if convention.covariance == "sample" else 1.0,
        exponents=fitted_exponents(convention, levels) if multiscale else (1.0,),
        by_pixels=multiscale and convention.reading == "pixels",
        # Another way has no odd side to meet here, so that any will do.
        odd_sizes="keep" if convention.odd_sizes == "keep" else "drop",
        channel_order=convention.channel_order,
        negative=convention.negative if multiscale else "signed",
        flip=convention.negative == "smooth",
    )


def _can_be_planned(
    convention: Convention, sides: tuple[int, int], levels: int, *, multiscale: bool
) -> bool:
    """Whether these sides have nothing to do with what a plan has no words for."""
    if convention.window_size > MOST_TAPS or min(sides) < convention.window_size:
        return False
    # Weights that do not sum to 1 move bright flat pictures by more than float32 does.
    if convention.precision == "single" or convention.channels != "apart" or convention.epsilon:
        return False
    if not multiscale:
        return downsampling(convention, sides) == 1
    if convention.reading == "sigmas" or (convention.crop_contrast and levels > 1):
        return False
    has_odd_level = any(side % (1 << (levels - 1)) for side in sides)
    return convention.odd_sizes in ("keep", "drop") or not has_odd_level
