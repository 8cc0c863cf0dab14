"""Gamma correction of 8-bit pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import exposure

from snellen.images import correct_gamma

LEVELS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("gamma", [0.3, 0.5, 1.0, 2.2])
def test_it_is_the_gamma_of_scikit_image_but_rounded(gamma: float) -> None:
    oracle = exposure.adjust_gamma(LEVELS / 255, gamma) * 255
    assert np.abs(correct_gamma(LEVELS, gamma) - oracle).max() <= 0.5 + 1e-9


@given(st.floats(0.05, 5))
def test_the_order_of_levels_stays_and_so_do_black_and_white(gamma: float) -> None:
    corrected = correct_gamma(LEVELS, gamma).astype(int)
    assert (np.diff(corrected) >= 0).all()
    assert (corrected[0], corrected[255]) == (0, 255)


def test_one_is_the_picture_itself() -> None:
    assert correct_gamma(LEVELS, 1) is LEVELS


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("nan"), float("inf")])
def test_other_powers_are_refused(gamma: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        correct_gamma(LEVELS, gamma)


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match="needs uint8"):
        correct_gamma(LEVELS.astype(np.uint16), 0.5)  # type: ignore[arg-type]
