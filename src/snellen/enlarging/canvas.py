"""The kind of an enlarged picture, before its pixels are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Canvas"]


@dataclass(frozen=True)
class Canvas:
    """Sides in pixels, channels (1 gray, 2 gray and alpha, 3 RGB, 4 RGBA), uint8 or uint16."""

    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)
