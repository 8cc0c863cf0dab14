"""What super-resolution patches cost: preparing, opening the cache, and each patch.

    OMP_NUM_THREADS=1 taskset -c 0 python -m benchmarks.patch_stream \
        --data $SNELLEN_DATA/BSDS500/train,$SNELLEN_DATA/T91

Times of a patch are processor time of one thread, the median of several rounds; preparing and
opening are processor time too. For comparison: cuts of the same size enlarged by `bicubic_resize`,
one after the other.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np

from benchmarks.record import record
from snellen.datasets.super_resolution import (
    PatchOptions,
    PatchSource,
    PatchStream,
    prepare_patches,
)
from snellen.images.resize import bicubic_resize


def seconds(work: Callable[[], object]) -> float:
    """Processor time of all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def per_patch(source: PatchSource, options: PatchOptions, batch: int, rounds: int) -> float:
    """Microseconds for a patch."""
    stream = PatchStream(source, options, batch_size=batch, steps=10**6, seed=0)
    stream.batch(0)  # compiles
    steps = max(1, 4096 // batch)
    times = [
        seconds(lambda k=k: [stream.batch(1 + k * steps + step) for step in range(steps)])
        for k in range(rounds)
    ]
    return statistics.median(times) / steps / batch * 1e6


def one_by_one(source: PatchSource, size: int, rounds: int) -> float:
    """Microseconds for a patch that is enlarged by itself."""
    window = size // source.scale
    fits = np.flatnonzero(np.minimum(source.height, source.width) >= size)

    def work() -> None:
        for k in fits:
            bicubic_resize(np.ascontiguousarray(source.low(k)[:window, :window]), source.scale)

    return statistics.median(seconds(work) for _ in range(rounds)) / len(fits) * 1e6


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="builtin", help="sets of pictures, commas between")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    specs = arguments.data.split(",")
    patches: dict[str, dict[str, float]] = {}
    for scale, size in ((2, 64), (3, 66), (4, 48), (4, 64)):
        with tempfile.TemporaryDirectory() as folder:
            made: list[PatchSource] = []

            def prepare(
                scale: int = scale, folder: str = folder, made: list[PatchSource] = made
            ) -> None:
                made.append(
                    prepare_patches(specs, scale=scale, protocol="poster", cache_dir=folder)
                )

            times = [seconds(prepare) for _ in range(2)]
            how = arguments.batch_size, arguments.rounds
            patches[f"scale {scale}, {size}x{size}"] = {
                "prepare_seconds": times[0],
                "open_seconds": times[1],
                "cache_megabytes": made[0].path.stat().st_size / 1e6,
                "microseconds_per_patch": per_patch(made[0], PatchOptions(size), *how),
                "microseconds_per_patch_inside": per_patch(
                    made[0], PatchOptions(size, inside=True), *how
                ),
                "microseconds_enlarged_one_by_one": one_by_one(made[0], size, arguments.rounds),
            }
            pictures = len(made[0])
    numbers = {"pictures": pictures, "batch_size": arguments.batch_size, "patches": patches}
    record("patch_stream", numbers)


if __name__ == "__main__":
    main()
