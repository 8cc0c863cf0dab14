"""A picture with NaN or infinity has distance NaN; the others of its batch do not notice."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from snellen.metrics.conventions import POSTER, WANG, Convention

from .comparing import Measure, same_bits
from .pictures import pictures

AUTO = replace(WANG, levels="auto")
PIXELS = replace(POSTER, levels="auto")
MEASURES: dict[str, tuple[Convention, bool]] = {
    **{f"SSIM, {b}": (replace(WANG, border=b), False) for b in ("valid", "reflect", "zeros")},  # type: ignore[arg-type]
    "SSIM, smooth": (replace(WANG, negative="smooth"), False),
    **{f"levels, {p}": (replace(AUTO, negative=p), True) for p in ("clamp", "signed", "smooth")},  # type: ignore[arg-type]
    "levels, drop": (replace(AUTO, odd_sizes="drop"), True),
    "levels, reflect, drop": (replace(AUTO, border="reflect", odd_sizes="drop"), True),
    "levels, mean-then-product": (replace(AUTO, channel_order="mean-then-product"), True),
    **{f"pixels, {p}": (replace(PIXELS, negative=p), True) for p in ("clamp", "signed", "smooth")},  # type: ignore[arg-type]
    "pixels, wang": (replace(PIXELS, exponents="wang"), True),
    "pixels, zeros, drop": (replace(PIXELS, border="zeros", odd_sizes="drop"), True),
}
SHAPE = (3, 2, 53, 167)  # odd sides, two strips of columns, three levels
PLACES = {
    "first corner": (0, 0),
    "last corner": (52, 166),
    "last column": (20, 166),
    "last row": (52, 80),
    "edge": (0, 83),
    "centre": (26, 83),
    "between strips": (26, 95),
}
BAD = [float("nan"), float("inf"), -float("inf")]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", MEASURES)
def test_a_bad_pixel_makes_its_picture_nan_and_no_other(
    name: str, place: str, threads: int
) -> None:
    x, y, _ = pictures("near 1e-1", SHAPE)
    measure = Measure(*MEASURES[name])
    torch.set_num_threads(threads)
    clean = measure.engine(x, y)
    for number in BAD:
        for spoilt in range(2):
            pair = [x.clone(), y.clone()]
            pair[spoilt][(1, 1, *PLACES[place])] = number
            found = measure.engine(*pair)
            assert found.complement.isnan().tolist() == [False, True, False]
            for mine, other in zip(found, clean, strict=True):
                assert mine is not None
                assert other is not None
                assert same_bits(mine[::2], other[::2])
    torch.set_num_threads(1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("number", BAD)
def test_half_precision_has_nan_and_infinity_too(dtype: torch.dtype, number: float) -> None:
    x, y, _ = pictures("near 1e-1", SHAPE)
    x, y = x.to(dtype), y.to(dtype)
    x[2, 0, 31, 100] = number
    found = Measure(AUTO, True).engine(x, y)
    assert found.complement.isnan().tolist() == [False, False, True]


@pytest.mark.parametrize("name", ["SSIM, valid", "SSIM, reflect", "levels, clamp", "pixels, clamp"])
def test_a_picture_of_nothing_but_nan(name: str) -> None:
    x, y, _ = pictures("near 1e-1", SHAPE)
    x[0] = float("nan")
    found = Measure(*MEASURES[name]).engine(x, y)
    assert found.complement.isnan().tolist() == [True, False, False]


def test_a_dropped_last_row_counts_at_the_first_level() -> None:
    x, y, _ = pictures("near 1e-1", (1, 1, 45, 45))
    x[..., -1, :] = float("nan")
    for convention in (replace(AUTO, odd_sizes="drop"), replace(PIXELS, odd_sizes="drop")):
        assert Measure(convention, True).engine(x, y).complement.isnan().all()


@pytest.mark.parametrize("name", ["SSIM, valid", "SSIM, reflect"])
def test_a_bad_pixel_spoils_the_gradient_only_where_its_windows_reach(name: str) -> None:
    x, y, _ = pictures("near 1e-1", (1, 1, 64, 64))
    measure = Measure(*MEASURES[name])
    clean = measure.engine(x, y)
    x[..., 32, 32] = float("nan")
    found = measure.engine(x, y)
    assert found.by_x is not None
    assert clean.by_x is not None
    # 5 pixels to a window's centre and 5 on to its edge.
    bad = found.by_x.isnan()[0, 0].nonzero()
    assert bad.amin(0).tolist() == [22, 22]
    assert bad.amax(0).tolist() == [42, 42]
    far = ~found.by_x.isnan()
    error = (found.by_x - clean.by_x)[far].abs().max()
    assert float(error) < 1e-5 * float(clean.by_x.abs().max())
