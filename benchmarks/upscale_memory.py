"""What enlarging takes: the peak memory of a process, above its imports, for a large output.

    python -m benchmarks.upscale_memory

Each case runs in a process of its own, which imports everything, opens the method, sets the
kernel's peak to what is held now (5 into /proc/self/clear_refs), enlarges a file of noise and waves
into another, and reads the peak (VmHWM). What PyTorch sets up at its first convolution counts.
Without ``--weights`` the network has random weights: memory does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.record import record

LIMIT = 1.0  # GB that a 100-megapixel output may take


@dataclass(frozen=True)
class Case:
    """What one process enlarges: an original of side × side pixels."""

    suffix: str
    scale: int = 4
    side: int = 2500
    channels: int = 3
    bits: int = 8


CASES = (
    Case(".png"),
    Case(".jpg"),
    Case(".tif"),
    Case(".webp"),
    # The largest WebP with transparency that is written, 29,986,576 pixels.
    Case(".webp", side=1369, channels=4),
    Case(".png", channels=4),
    Case(".png", bits=16),
    Case(".png", scale=2, side=5000),
    Case(".png", scale=2, side=5000, channels=4, bits=16),
)


def megabytes_above_imports(case: Case, method: str) -> float:
    """Enlarge in this process and return the peak above what it held before, in MB of 10⁶ bytes."""
    import numpy as np

    from benchmarks.comparison.memory import peak_of
    from snellen.enlarging import enlarge_file, open_method
    from snellen.images import write_png
    from snellen.networks import SRCNN

    most = 2**case.bits - 1
    waves = np.add.outer(np.sin(np.arange(case.side) / 9), np.cos(np.arange(case.side) / 7))
    planes = (waves[..., None] + 2) / 4 * np.linspace(0.5, 1, case.channels)
    planes += np.random.default_rng(0).normal(0, 0.02, planes.shape)
    pixels = (planes.clip(0, 1) * most).astype(np.uint8 if case.bits == 8 else np.uint16)
    del planes, waves
    if case.channels == 4:
        pixels[: case.side // 2, :, 3] = 0
    enlarger = open_method(SRCNN() if method == "random" else method, case.scale, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "small.png"), Path(folder, f"large{case.suffix}")
        write_png(source, pixels)
        del pixels
        return peak_of(lambda: enlarge_file(source, target, enlarger)) / 1e6


def in_process(case: Case, method: str) -> float:
    """Measure one case in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.upscale_memory", "--method", method]
    command += ["--case", json.dumps(asdict(case))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure all cases, or the one that the command line gives as JSON."""
    parser = argparse.ArgumentParser(description="Peak memory of large enlargements.")
    parser.add_argument("--method", default="random", help="as for snellen upscale; or random")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of the cases, from 0")
    options = parser.parse_args()
    if options.case:
        print(megabytes_above_imports(Case(**json.loads(options.case)), options.method))
        return
    chosen = CASES if options.only is None else [CASES[number] for number in options.only]
    rows = []
    for case in chosen:
        megabytes = in_process(case, options.method)
        rows.append({**asdict(case), "gigabytes above imports": round(megabytes / 1e3, 3)})
        print(rows[-1], file=sys.stderr)
    record("upscale_memory", {"network": options.method, "limit": LIMIT, "cases": rows})


if __name__ == "__main__":
    main()
