"""Which snellen it is, told without importing the rest of the package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["snellen_version"]


def snellen_version() -> str:
    """The installed version; ``unknown`` where snellen is run without being installed."""
    try:
        return version("snellen")
    except PackageNotFoundError:
        return "unknown"
