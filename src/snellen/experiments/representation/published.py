"""What the poster prints about representations."""

from __future__ import annotations

__all__ = ["POSTER"]

POSTER = (
    {"loss": "mse", "identity": 0.0560, "azimuth": 277.46, "elevation": 51.46},
    {"loss": "mae", "identity": 0.0560, "azimuth": 325.19, "elevation": 50.23},
    {"loss": "ms-ssim", "identity": 0.0353, "azimuth": 234.32, "elevation": 35.60},
)
"""What the poster prints for Extended Yale B; its split, kernel and C are not known."""
