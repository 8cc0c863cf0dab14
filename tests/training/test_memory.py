from __future__ import annotations

import platform

import pytest
import torch

from snellen.training.memory import keep_freed_memory


def test_a_gpu_needs_no_such_thing():
    assert keep_freed_memory(torch.device("cuda")) is False


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_freed_memory_is_used_again():
    """A large tensor comes back at the address of the one that was freed, without a new mapping."""
    assert keep_freed_memory(torch.device("cpu")) is True
    tensor = torch.zeros(64 * 2**20, dtype=torch.uint8)
    del tensor
    with open("/proc/self/statm") as file:
        before = int(file.read().split()[1])
    tensor = torch.empty(64 * 2**20, dtype=torch.uint8)
    with open("/proc/self/statm") as file:
        after = int(file.read().split()[1])
    # Resident pages, of 4 KiB each: they were kept, so that none had to be paged in again.
    assert abs(after - before) < 1000
    assert before * 4096 > 64 * 2**20
    assert len(tensor) == 64 * 2**20
