"""Two processes against one: the gradient of the same global batch, and what is validated.

    python -m benchmarks.two_processes

`snellen reconstruct` does one step in float32, once alone and once under torchrun with two gloo
processes. The gradient is read from AdamW's first moment, which after one step is a tenth of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from benchmarks.record import record

LOSSES = ("mse", "mae", "ms-ssim")
RUN = ["reconstruct", "--data", "builtin", "--losses", ",".join(LOSSES), "--steps", "1"]
RUN += ["--batch-size", "32", "--set", "precision=fp32", "--set", "clip_norm=null"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


def run(out: Path, *launcher: str) -> None:
    """Do one step under each loss."""
    command = [sys.executable, *launcher, "-m", "snellen", *RUN, "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)


def gradient(out: Path, loss: str) -> dict[str, torch.Tensor]:
    """Return the gradient of the only step."""
    folder = out / "checkpoints" / loss / "seed-0" / "step-00000001"
    tensors = load_file(folder / "optimizer.safetensors")
    return {key: value / 0.1 for key, value in tensors.items() if key.endswith("exp_avg")}


def validated(out: Path) -> list[int]:
    """Return how many pictures each validation counted."""
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [row["pictures"] for row in rows if row["kind"] == "validation"]


def main() -> None:
    """Compare, and keep the largest difference."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder, "one"), Path(folder, "two")
        run(one)
        run(two, *TORCHRUN)
        numbers: dict[str, object] = {}
        for loss in LOSSES:
            alone, both = gradient(one, loss), gradient(two, loss)
            largest = max(float(value.abs().max()) for value in alone.values())
            worst = max(float((both[key] - alone[key]).abs().max()) for key in alone)
            numbers[loss] = {"difference_over_largest_entry": worst / largest}
        numbers["pictures_validated"] = {"one": validated(one), "two": validated(two)}
    record("two_processes", numbers)


if __name__ == "__main__":
    main()
