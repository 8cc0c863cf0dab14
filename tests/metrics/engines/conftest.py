"""The kernels run on a GPU where there is one, else in Triton's interpreter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet_numpy() -> Iterator[None]:
    """The interpreter computes with NumPy, on lanes that are thrown away too."""
    with np.errstate(all="ignore"):
        yield
