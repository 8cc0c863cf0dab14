"""Peak extra memory of one call: each case in a process of its own.

In the process: warm up on one picture, make inputs of 64 MiB or more, give freed memory back to the
system, set the kernel's peak to what is held now (5 into /proc/self/clear_refs), call, and read the
peak (VmHWM). glibc is told to map every block from 128 KiB on by itself, so that what is freed
leaves the process at once and does not hide in a heap.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.comparison.contenders import (
    MS_SSIM,
    OUR_MS_SSIM,
    OURS,
    PEERS,
    SSIM,
    Contender,
    our_contenders,
    peer_contenders,
    peer_state,
)
from benchmarks.comparison.speed import MODES, pair, step_of

BOTH = (f"{OURS} {SSIM}", OUR_MS_SSIM, f"pytorch-msssim {MS_SSIM}")
KNOWN = {"one copy": 1, "three copies": 3}
"""Calls whose memory is known, in inputs: what they measure off it is the method's error."""


@dataclass(frozen=True)
class Sizes:
    """Least bytes of one input; peers hold tens of inputs, so they get smaller ones."""

    ours: int
    peers: int


@dataclass(frozen=True)
class Case:
    """What one process measures."""

    name: str
    shape: tuple[int, ...]
    mode: str
    stand_in: bool


def enlarged(shape: Sequence[int], least: int) -> tuple[int, ...]:
    """Return the shape with as many pictures as fill `least` bytes of float32.

    >>> enlarged((8, 3, 64, 64), 2**20), enlarged((1, 3, 1080, 1920), 2**20)
    ((22, 3, 64, 64), (1, 3, 1080, 1920))
    """
    picture = 4 * math.prod(shape[1:])
    return (max(shape[0], math.ceil(least / picture)), *shape[1:])


def memory_at(
    shape: Sequence[int], sizes: Sizes, names: Sequence[str], stand_in: bool
) -> dict[str, Any]:
    """Return the peak of each contender in inputs: one gradient, and both where `BOTH` says so."""
    peaks: dict[str, dict[str, float | None]] = {}
    for name in names:
        measured = enlarged(shape, sizes.peers if _library(name) else sizes.ours)
        modes = MODES[1:] if name in BOTH else MODES[1:2]
        peaks[name] = {mode: in_process(Case(name, measured, mode, stand_in)) for mode in modes}
    return {"shape": list(shape), "peaks": peaks}


def method_error(sizes: Sizes) -> list[dict[str, Any]]:
    """Return what the known cases measure beside what they take."""
    found = []
    for least in (sizes.ours, sizes.peers):
        shape = enlarged((1, 1, 512, 512), least)
        found += [
            {
                "case": name,
                "input_mib": round(4 * math.prod(shape) / 2**20, 1),
                "true": true,
                "measured": in_process(Case(name, shape, MODES[1], stand_in=False)),
            }
            for name, true in KNOWN.items()
        ]
    return found


def in_process(case: Case) -> float | None:
    """Measure one case in a fresh process; None where the contender refuses the shape."""
    command = [sys.executable, "-m", "benchmarks.comparison.memory", json.dumps(asdict(case))]
    surroundings = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**17)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=surroundings)
    answer = json.loads(done.stdout.splitlines()[-1])
    return None if answer is None else float(answer)


def peak_of(step: Callable[[], object]) -> int:
    """Return by how many bytes the process grew at most while `step` ran."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    kept = step()  # held until the peak is read
    peak = _status("VmHWM") - before
    del kept
    return peak


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {key}")


def _library(name: str) -> str | None:
    """Return the peer that a contender's name begins with; None for ours and PyTorch's."""
    return next((library for library in PEERS if name.startswith(f"{library} ")), None)


def _contender(case: Case) -> Contender:
    found = our_contenders(case.shape)
    if library := _library(case.name):
        peer_state(library, case.stand_in)  # imports it
        found = peer_contenders([library], case.shape[1])
    return next(c for c in found if c.name == case.name)


def _copies(preds: Tensor, count: int) -> Callable[[], object]:
    return lambda: [preds.detach().clone() for _ in range(count)]


def measure(case: Case) -> float | None:
    """Return the peak of a case in inputs, measured in this process."""
    steps: list[Callable[[], object]] = []
    for shape in ((1, *case.shape[1:]), case.shape):
        preds, target = pair(shape)
        target.requires_grad_(case.mode == "both_gradients")
        if case.name in KNOWN:
            steps.append(_copies(preds, KNOWN[case.name]))
        else:
            steps.append(step_of(_contender(case), preds, target, case.mode))
        if len(steps) == 1:
            try:
                steps[0]()
            except Exception:  # it refuses this shape; the times say why
                return None
            preds.grad = target.grad = None
    return round(peak_of(steps[1]) / (4 * math.prod(case.shape)), 3)


def main() -> None:
    """Measure the case that the command line gives as JSON."""
    given = json.loads(sys.argv[1])
    case = Case(**{**given, "shape": tuple(given["shape"])})
    torch.manual_seed(0)
    print(json.dumps(measure(case)))


if __name__ == "__main__":
    main()
