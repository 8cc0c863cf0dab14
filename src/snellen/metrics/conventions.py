"""Every choice that two SSIM implementations can differ in, as one frozen dataclass.

A metric takes a :class:`Convention` or the name of one. Single changes are made with
:func:`dataclasses.replace`:

>>> from dataclasses import replace
>>> replace(WANG, levels="auto").levels
'auto'
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

__all__ = [
    "CONVENTIONS",
    "POSTER",
    "WANG",
    "WANG_EXPONENTS",
    "Convention",
    "check_window",
    "fit_levels",
    "fitted_exponents",
    "get_convention",
    "min_side",
    "suggestion",
]

# Wang, Simoncelli, Bovik: Multiscale structural similarity for image quality assessment, 2003.
WANG_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# Zhao, Gallo, Frosio, Kautz: Loss functions for image restoration with neural networks, 2017.
ZHAO_SIGMAS = (0.5, 1.0, 2.0, 4.0, 8.0)

Window = Literal["gaussian", "uniform"]
Border = Literal["valid", "reflect", "replicate", "zeros"]
Covariance = Literal["population", "sample"]
Reading = Literal["levels", "pixels", "sigmas"]
OddSizes = Literal["keep", "drop"]
ChannelOrder = Literal["product-then-mean", "mean-then-product"]
NegativePolicy = Literal["clamp", "signed", "smooth"]


@dataclass(frozen=True)
class Convention:
    """How SSIM and MS-SSIM are computed. The defaults are those of ``wang``.

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
        odd_sizes: what the 2×2 mean does with a last odd row or column: ``keep`` it as a mean of
            what is there, or ``drop`` it.
        channel_order: ``product-then-mean``: MS-SSIM of each channel, then their mean.
            ``mean-then-product``: each factor is averaged over channels first.
        negative: what becomes of a factor m ≤ 0 before it is raised to a fractional power.
            ``clamp``: 0, gradient 0. ``signed``: sign(m)·|m|^w. ``smooth``: m where m ≥ 0.1, else
            0.01/(0.2 - m): positive, increasing, continuously differentiable; and where l and cs
            are both negative, which needs pixels below zero, their product counts as negative.
        sigmas: the Gaussians of the ``sigmas`` reading, window 2·⌈2σ⌉+1.

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

    def _check_numbers(self) -> None:
        size = self.window_size
        if not _is_count(size) or size % 2 == 0:
            raise ValueError(f"Convention.window_size must be a positive odd number; got {size!r}.")
        for name in ("sigma", "k1", "k2"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise ValueError(f"Convention.{name} must be a positive number; got {value!r}.")
        if self.covariance == "sample" and size == 1:
            raise ValueError("A sample covariance needs a window of 3 taps or more; got 1.")
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
        if self.reading != "levels" and self.border == "valid":
            raise ValueError(
                f"The {self.reading!r} reading multiplies maps of one size, so it needs a padded "
                "border: set border='replicate', 'reflect' or 'zeros'."
            )
        if self.reading == "sigmas":
            count = self.most_levels
            if count > len(self.sigmas):
                raise ValueError(
                    f"The 'sigmas' reading needs a sigma per level: got {len(self.sigmas)} sigmas "
                    f"for {count} levels."
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


WANG = Convention()
POSTER = Convention(reading="pixels", exponents="ones", border="replicate")

CONVENTIONS: dict[str, Convention] = {"wang": WANG, "poster": POSTER}


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest of `names`, or an empty string."""
    found = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""


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
    if convention.odd_sizes == "keep":
        return (convention.window_size - 1) * halvings + 1
    return convention.window_size * halvings


def fit_levels(convention: Convention, sides: tuple[int, ...]) -> int:
    """Return the number of MS-SSIM levels that `convention` uses on pictures of these sides.

    Args:
        convention: with ``levels="auto"`` the largest number that fits is returned.
        sides: the spatial sizes in pixels, (height, width).

    Raises:
        ValueError: the levels asked for, or even one level, do not fit.

    >>> from dataclasses import replace
    >>> [fit_levels(replace(WANG, levels="auto"), (side, side)) for side in (161, 96, 48, 32)]
    [5, 4, 3, 2]
    """
    side = min(sides)
    most = convention.most_levels
    fitting = max((m for m in range(1, most + 1) if min_side(convention, m) <= side), default=0)
    shape = "×".join(str(s) for s in sides)
    if fitting == most:
        return most
    if fitting == 0:
        raise ValueError(
            f"A window of {min_side(convention, 1)} pixels does not fit into a picture of {shape}: "
            f"give pictures of at least {min_side(convention, 1)} pixels a side or a smaller "
            "window (dataclasses.replace(convention, window_size=...))."
        )
    if convention.levels == "auto" and isinstance(convention.exponents, str):
        return fitting
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


def check_window(convention: Convention, sides: tuple[int, ...]) -> None:
    """Refuse pictures smaller than one window.

    Raises:
        ValueError: the window does not fit.
    """
    if min(sides) < convention.window_size:
        raise ValueError(
            f"A window of {convention.window_size} pixels does not fit into a picture of "
            f"{'×'.join(str(s) for s in sides)}: give larger pictures or a smaller window "
            "(dataclasses.replace(convention, window_size=...))."
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
