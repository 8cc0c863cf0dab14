"""Our SSIM and MS-SSIM beside the peers that import here: time, memory, growth, overhead.

    python -m benchmarks.compare_metrics                       # the record, on a quiet machine
    python -m benchmarks.compare_metrics --quick --rounds 1    # a trial, into runs/benchmarks/

Every contender runs once in every round, in an order that rotates, in one process; a ratio is taken
within its round. The page is written too, as `python -m benchmarks.write_benchmarks_page` does.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.comparison import blur, demo_step, memory, speed
from benchmarks.comparison.contenders import peers_here
from benchmarks.comparison.machine import between, moment
from benchmarks.record import RESULTS, record
from benchmarks.write_benchmarks_page import DOCS, write

TRIALS = Path("runs") / "benchmarks"


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    shapes: tuple[tuple[int, ...], ...]
    sides: tuple[int, ...]
    blur_shapes: tuple[tuple[int, ...], ...]
    memory_bytes: int  # of one input; for the peers, which hold tens of them, `peer_bytes`
    peer_bytes: int
    demo_steps: int


FULL = Extent(
    shapes=(
        (16, 3, 256, 256),
        (1, 3, 1080, 1920),
        (64, 1, 192, 192),
        (256, 1, 96, 96),
        (8, 3, 64, 64),
    ),
    sides=(64, 128, 256, 512, 1024, 2048, 4096, 8192),
    blur_shapes=((64, 1, 192, 192), (8, 3, 256, 256), (1, 3, 1080, 1920)),
    memory_bytes=64 * 2**20,
    peer_bytes=8 * 2**20,
    demo_steps=40,
)
QUICK = Extent(
    shapes=tuple((min(n, 2), *rest) for n, *rest in FULL.shapes),
    sides=FULL.sides[:5],
    blur_shapes=((2, 1, 192, 192),),
    memory_bytes=8 * 2**20,
    peer_bytes=2 * 2**20,
    demo_steps=2,
)


def measure(extent: Extent, rounds: int, stand_in: bool) -> dict[str, Any]:
    """Measure everything; the demo last, because training tells the C library to keep memory."""
    start = moment()
    found = peers_here(stand_in)
    peers = [name for name, state in found.items() if state["measured"]]
    _say(f"peers: {', '.join(peers) or 'none'}")
    shapes = []
    for shape in extent.shapes:
        _say(f"times at {shape}")
        shapes.append(speed.speed_at(shape, rounds, peers))
    _say("growth")
    growth = speed.growth(extent.sides, rounds, peers)
    overhead = speed.overhead(rounds, peers)
    blurs = [blur.conv_over_additions(shape, rounds) for shape in extent.blur_shapes]
    _say("memory")
    sizes = memory.Sizes(extent.memory_bytes, extent.peer_bytes)
    error = memory.method_error(sizes)
    peaks = [
        memory.memory_at(at["shape"], sizes, list(at["one_gradient"]["rows"]), stand_in)
        for at in shapes
    ]
    _say("the demo's step")
    step = demo_step.demo_step(rounds, extent.demo_steps)
    return {
        "rounds": rounds,
        "quick": extent is QUICK,
        "machine": between(start, moment()),
        "python": platform.python_version(),
        "numba": importlib.metadata.version("numba"),
        "peers": found,
        "shapes": shapes,
        "growth_ns_per_pixel": growth,
        "overhead_us": overhead,
        "memory_input_mib": {
            "ours": extent.memory_bytes // 2**20,
            "peers": extent.peer_bytes // 2**20,
        },
        "memory_method_error": error,
        "memory_in_inputs": peaks,
        "demo_step": step,
        "blur_conv2d_over_additions": blurs,
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="few pictures, into runs/benchmarks/")
    parser.add_argument("--out", type=Path, help="folder of benchmarks.json and its page")
    parser.add_argument(
        "--stand-in-torchvision",
        action="store_true",
        help="measure also peers that import only with something in torchvision's place",
    )
    options = parser.parse_args()
    extent = QUICK if options.quick else FULL
    torch.manual_seed(0)
    numbers = measure(extent, options.rounds, options.stand_in_torchvision)
    folder = options.out or (TRIALS if options.quick else RESULTS)
    record("benchmarks", numbers, folder=folder)
    _say(str(write(folder / "benchmarks.json", DOCS if folder == RESULTS else folder)))


if __name__ == "__main__":
    main()
