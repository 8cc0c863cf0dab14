"""What enlarging costs beside its network: ×4 to one megapixel, over the network alone.

    python -m benchmarks.upscale_speed

In one process, in turn: the bare network on the Y of the same pixels, enlarged before, as one
tensor; and decoding, enlarging and encoding a colour file, or an array. Ratios are round by round.
The start of the command, Python and imports and weights included, is timed apart, as the wall time
of ``snellen upscale`` on a picture of 16×16 pixels. Without ``--method`` the weights are random: no
time here depends on them.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
import torch

from benchmarks.comparison.turns import in_turn, ratios, spread
from benchmarks.record import record
from snellen import upscale
from snellen.enlarging import enlarge_file, open_method
from snellen.images import bicubic_resize, rgb2ycbcr, write_png
from snellen.networks import build_super_resolution_network, save_weights

SIDE, SCALE = 256, 4  # 1024 × 1024 pixels come out
BARE = "bare network"
LIMIT = 2.0


def seconds_to_start(command: list[str], repeats: int) -> float:
    """Return the median wall time of a command in seconds."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times[1:]), 3)  # the first fills the file cache


def main() -> None:
    """Measure, and keep the ratios."""
    parser = argparse.ArgumentParser(description="What enlarging costs beside its network.")
    parser.add_argument("--method", help="a weights file, or the name of shipped weights")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(0)
    photograph = np.ascontiguousarray(skimage.data.astronaut()[:SIDE, 128 : 128 + SIDE])
    with tempfile.TemporaryDirectory() as folder:
        source, tiny = Path(folder, "small.png"), Path(folder, "tiny.png")
        write_png(source, photograph)
        write_png(tiny, photograph[:16, :16])
        method = options.method or str(Path(folder, "random.safetensors"))
        if options.method is None:
            card = {"network": "srcnn", "options": {}, "scale": SCALE, "loss": "none"}
            save_weights(method, build_super_resolution_network("srcnn", scale=SCALE), card)
        enlarger = open_method(method, SCALE, device="cpu")
        network = enlarger.network
        if network is None:
            parser.error("bicubic has no network to compare with")
        luma = bicubic_resize(rgb2ycbcr(photograph / np.float32(255))[..., 0], SCALE)
        enlarged = torch.from_numpy(luma)[None, None]

        def bare() -> object:
            with torch.inference_mode():
                return network(enlarged)

        def file(suffix: str) -> Callable[[], object]:
            target = Path(folder, f"large{suffix}")
            return lambda: enlarge_file(source, target, enlarger, force=True)

        steps = {
            BARE: bare,
            "PNG to PNG": file(".png"),
            "PNG to JPEG": file(".jpg"),
            "PNG to WebP": file(".webp"),
            "PNG to TIFF": file(".tif"),
            "array, method opened each time": lambda: upscale(
                photograph, SCALE, method=method, device="cpu"
            ),
        }
        seconds = in_turn(steps, options.rounds).seconds
        command = [sys.executable, "-m", "snellen", "upscale", str(tiny), f"{folder}/tiny-x4.png"]
        command += ["--method", method, "--device", "cpu", "--force"]
        start = seconds_to_start(command, 3)
    numbers = {
        "output": [SCALE * SIDE, SCALE * SIDE],
        "threads": torch.get_num_threads(),
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "over the bare network": {
            name: ratios(values, seconds[BARE]) for name, values in seconds.items() if name != BARE
        },
        "limit": LIMIT,
        "seconds from start to end of the command on 16×16 pixels": start,
    }
    record("upscale_speed", numbers)


if __name__ == "__main__":
    main()
