"""Every choice that two SSIM implementations can differ in, as one frozen dataclass.

The conventions that have a name are in :mod:`snellen.metrics.conventions`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

__all__ = ["WANG_EXPONENTS", "Convention", "suggestion"]

# Wang, Simoncelli, Bovik: Multiscale structural similarity for image quality assessment, 2003.
WANG_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# Zhao, Gallo, Frosio, Kautz: Loss functions for image restoration with neural networks, 2017.
ZHAO_SIGMAS = (0.5, 1.0, 2.0, 4.0, 8.0)

Window = Literal["gaussian", "uniform"]
Border = Literal["valid", "reflect", "replicate", "zeros"]
Covariance = Literal["population", "sample"]
Reading = Literal["levels", "pixels", "sigmas"]
OddSizes = Literal["keep", "drop", "zeros", "repeat"]
ChannelOrder = Literal["product-then-mean", "mean-then-product"]
NegativePolicy = Literal["clamp", "signed", "smooth"]
Channels = Literal["apart", "window"]
Precision = Literal["double", "single"]
SmallSides = Literal["refuse", "pad", "skip"]


@dataclass(frozen=True)
class Convention:
    """How SSIM and MS-SSIM are computed. The defaults are those of ``wang``.

    Single changes are made with :func:`dataclasses.replace`. The last seven attributes are there
    for the named conventions that reproduce a library, its oddities included.

    Attributes:
        window: ``gaussian`` or ``uniform`` weights inside the window.
        window_size: taps of the window along each axis, odd.
        sigma: standard deviation of the Gaussian in pixels; unused by ``uniform``.
        k1, k2: C1 = (k1·data_range)², C2 = (k2·data_range)².
        border: ``valid`` keeps only windows wholly inside the picture; ``reflect`` (mirror
            without repeating the edge), ``replicate`` and ``zeros`` extend the picture by half a
            window, so that maps have the picture's size.
        covariance: ``population`` (weights sum to 1) or ``sample`` (n/(n-1) of that, with n the
            number of pixels in the window).
        reading: what MS-SSIM multiplies. ``levels``: the mean of each level, then the product
            (Wang). ``pixels``: the product at each pixel of maps brought back to full size
            (the poster). ``sigmas``: the same product of five Gaussians at full size, without
            downsampling (Zhao et al. 2017).
        levels: number of levels, or ``auto``: as many (at most five, or as many as `exponents`
            has) as the picture's smaller side allows.
        exponents: ``wang`` (cut to the number of levels and rescaled to sum 1), ``ones``, or a
            sequence with one number per level, never cut.
        odd_sizes: what the 2×2 mean does with an odd number of rows or columns: ``keep`` the last
            as a mean of what is there; ``drop`` it; ``zeros``: put a row or column of zeros before
            the first; ``repeat``: where either number is odd, repeat both the first row and the
            first column, and drop what is then odd.
        channel_order: ``product-then-mean``: MS-SSIM of each channel, then their mean.
            ``mean-then-product``: each factor is averaged over channels first.
        negative: what becomes of a factor m ≤ 0 before it is raised to a fractional power.
            ``clamp``: 0, gradient 0. ``signed``: sign(m)·|m|^w. ``smooth``: m where m ≥ 0.1, else
            0.01/(0.2 - m): positive, increasing, continuously differentiable; and where l and cs
            are both negative, which needs pixels below zero, their product counts as negative.
        sigmas: the Gaussians of the ``sigmas`` reading, window 2·⌈2σ⌉+1.
        channels: ``apart``: the window covers one channel; ``window``: it is as deep as it is wide
            and goes across the channels too, their first and last repeated.
        precision: in which the Gaussian's weights are computed: ``double``, or ``single``, so that
            they do not quite sum to 1 (11 taps: 1 - 3e-8).
        small_sides: what happens where the window is larger than the picture: ``refuse``; ``pad``:
            SSIM is computed as far as the border reaches; ``skip``: SSIM does not blur along that
            axis.
        downsample_to: SSIM (not MS-SSIM) is taken of means of f×f pixels, with f the smaller side
            divided by this number, rounded (half to even), at least 1; a rest is dropped. None: of
            the picture itself.
        epsilon: added to the denominator of l·cs, in fourth powers of the input's unit.
        crop_contrast: under a padded border MS-SSIM averages cs over windows wholly inside the
            picture, l·cs over all.
        multiscale: whether there is an MS-SSIM; if not, it is refused.

    Raises:
        ValueError: a value outside what its field allows.
    """

    window: Window = "gaussian"
    window_size: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03
    border: Border = "valid"
    covariance: Covariance = "population"
    reading: Reading = "levels"
    levels: int | Literal["auto"] = 5
    exponents: tuple[float, ...] | Literal["wang", "ones"] = "wang"
    odd_sizes: OddSizes = "keep"
    channel_order: ChannelOrder = "product-then-mean"
    negative: NegativePolicy = "clamp"
    sigmas: tuple[float, ...] = ZHAO_SIGMAS
    channels: Channels = "apart"
    precision: Precision = "double"
    small_sides: SmallSides = "refuse"
    downsample_to: int | None = None
    epsilon: float = 0.0
    crop_contrast: bool = False
    multiscale: bool = True

    def __post_init__(self) -> None:
        """Refuse values that no computation could use."""
        hints = get_type_hints(Convention)
        for field in fields(self):
            allowed = get_args(hints[field.name])
            if allowed and all(isinstance(value, str) for value in allowed):
                value = getattr(self, field.name)
                if value not in allowed:
                    raise ValueError(
                        f"Convention.{field.name} must be one of {', '.join(allowed)}; "
                        f"got {value!r}.{suggestion(str(value), allowed)}"
                    )
        self._check_numbers()
        self._check_levels()
        self._check_borders()

    def _check_numbers(self) -> None:
        size = self.window_size
        if not _is_count(size) or size % 2 == 0:
            raise ValueError(f"Convention.window_size must be a positive odd number; got {size!r}.")
        for name in ("sigma", "k1", "k2"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise ValueError(f"Convention.{name} must be a positive number; got {value!r}.")
            object.__setattr__(self, name, float(value))  # NumPy's have another text
        if self.covariance == "sample" and size == 1:
            raise ValueError("A sample covariance needs a window of 3 taps or more; got 1.")
        if not _numbers((self.epsilon,)) or self.epsilon < 0:
            raise ValueError(
                f"Convention.epsilon must be 0 or a positive number; got {self.epsilon!r}."
            )
        if self.downsample_to is not None and not _is_count(self.downsample_to):
            raise ValueError(
                "Convention.downsample_to must be a positive number of pixels, or None; got "
                f"{self.downsample_to!r}."
            )
        sigmas = _numbers(self.sigmas)
        if not sigmas or min(sigmas) <= 0:
            raise ValueError(
                f"Convention.sigmas must be a sequence of positive numbers; got {self.sigmas!r}."
            )
        object.__setattr__(self, "sigmas", sigmas)

    def _check_levels(self) -> None:
        levels, exponents = self.levels, self.exponents
        if levels != "auto" and not _is_count(levels):
            raise ValueError(f"Convention.levels must be 1 or more, or 'auto'; got {levels!r}.")
        if isinstance(exponents, str):
            if exponents not in ("wang", "ones"):
                raise ValueError(
                    "Convention.exponents must be 'wang', 'ones' or one number per level; "
                    f"got {exponents!r}.{suggestion(exponents, ('wang', 'ones'))}"
                )
            if exponents == "wang" and levels != "auto" and levels > len(WANG_EXPONENTS):
                raise ValueError(
                    f"Wang's exponents are for five levels at most; got levels={levels}. "
                    "Give exponents='ones' or one number per level."
                )
        else:
            numbers = _numbers(exponents)
            if not numbers or min(numbers) < 0:
                raise ValueError(
                    "Convention.exponents must be 'wang', 'ones' or one number per level, none "
                    f"negative; got {exponents!r}."
                )
            if levels != "auto" and len(numbers) != levels:
                raise ValueError(
                    f"Exponents must be one number per level: got {len(numbers)} for "
                    f"{levels} levels."
                )
            object.__setattr__(self, "exponents", numbers)
        if self.reading == "sigmas":
            count = self.most_levels
            if count > len(self.sigmas):
                raise ValueError(
                    f"The 'sigmas' reading needs a sigma per level: got {len(self.sigmas)} sigmas "
                    f"for {count} levels."
                )

    def _check_borders(self) -> None:
        if self.reading != "levels" and self.border == "valid":
            raise ValueError(
                f"The {self.reading!r} reading multiplies maps of one size, so it needs a padded "
                "border: set border='replicate', 'reflect' or 'zeros'."
            )
        if self.reading == "pixels" and self.odd_sizes in ("zeros", "repeat"):
            raise ValueError(
                f"odd_sizes={self.odd_sizes!r} moves the 2×2 blocks by a pixel, so that levels do "
                "not lie on each other: for the 'pixels' reading give 'keep' or 'drop'."
            )
        if self.reading != "levels" and self.crop_contrast:
            raise ValueError(
                f"The {self.reading!r} reading multiplies maps of one size, so none of them can be "
                "cropped: set crop_contrast=False."
            )
        if self.small_sides == "pad" and self.border == "valid":
            raise ValueError(
                "small_sides='pad' needs a padded border: set border='replicate', 'reflect' or "
                "'zeros'."
            )
        if self.small_sides == "skip" and self.border != "valid":
            raise ValueError(
                f"small_sides='skip' needs border='valid'; got {self.border!r}, for which 'pad' "
                "serves small pictures."
            )

    @property
    def most_levels(self) -> int:
        """Number of levels asked for; with ``auto`` the largest number that may be used."""
        if self.levels != "auto":
            return self.levels
        if not isinstance(self.exponents, str):
            return len(self.exponents)
        return len(self.sigmas) if self.reading == "sigmas" else len(WANG_EXPONENTS)


def _numbers(values: object) -> tuple[float, ...]:
    """Return finite numbers as floats; an empty tuple when `values` are anything else."""
    if not isinstance(values, Iterable) or isinstance(values, str):
        return ()
    listed = tuple(values)
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in listed):
        return ()
    return tuple(float(v) for v in listed)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest of `names`, or an empty string."""
    found = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""
