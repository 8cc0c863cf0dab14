"""Letting the C library keep the memory of one step for the next."""

from __future__ import annotations

import ctypes
import sys

import torch

__all__ = ["keep_freed_memory"]

# From glibc's malloc.h; its own defaults give every large tensor back to the system when it is
# freed, and the next one is then paged in anew, which took a fifth of a training step.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**30


def keep_freed_memory(device: torch.device) -> bool:
    """Stop returning freed memory to the system, for trainings on the CPU under glibc.

    It holds for the whole process and until its end: the peak of one step stays reserved, and is
    used again in the next. Returns whether it was done; elsewhere it is not possible or not needed.

    >>> keep_freed_memory(torch.device("meta"))
    False
    """
    if device.type != "cpu" or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, LARGEST)) and bool(mallopt(M_MMAP_THRESHOLD, LARGEST))
