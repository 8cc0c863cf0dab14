"""Kill `snellen reconstruct` at random moments, resume it, and compare every bit at the end.

    python -m benchmarks.kill_and_resume [--kills 20]

One run goes through undisturbed. The other is killed with SIGKILL again and again, each time at a
random moment, and resumed. At the end all final weights must be the same bytes, the log must hold
no step twice and the results the same numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.record import record

RUN = ["reconstruct", "--data", "builtin", "--losses", "mse,ms-ssim", "--size", "48"]
RUN += ["--widths", "8,16", "--code-size", "16", "--batch-size", "16", "--steps", "500"]
RUN += ["--set", "checkpoint_every=60", "--set", "validate_every=60", "--set", "ema=0.99"]


def start(out: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the run in a process of its own."""
    command = [sys.executable, "-m", "snellen", *RUN, "--out", str(out), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def last_step(out: Path) -> int:
    """Return how many rows the log has."""
    log = out / "metrics.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def killed_at_random(out: Path, rng: random.Random) -> bool:
    """Start or resume, kill after a random time of training; False if it finished before."""
    process = start(out, *(["--resume"] if (out / "config.yaml").exists() else []))
    rows = last_step(out)
    while process.poll() is None and last_step(out) <= rows:
        time.sleep(0.01)  # importing and opening: not the part in question
    time.sleep(rng.uniform(0, 1.5))
    if process.poll() is not None:
        if process.returncode:
            raise RuntimeError(process.stderr.read().decode() if process.stderr else "failed")
        return False
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return True


def final_weights(out: Path) -> dict[str, str]:
    """Return a digest of each training's last weights."""
    digests = {}
    for folder in sorted((out / "checkpoints").glob("*/seed-*")):
        last = max(folder.glob("step-*"))
        for file in sorted(last.glob("*.safetensors")):
            name = str(file.relative_to(out))
            digests[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return digests


def steps_logged(out: Path) -> list[tuple[Any, ...]]:
    """Return what identifies each row of the log."""
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [(row["loss"], row["seed"], row["kind"], row["step"]) for row in rows]


def main() -> None:
    """Run both, compare, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = Path(folder, "whole"), Path(folder, "parts")
        process = start(whole)
        if process.wait():
            raise RuntimeError(process.stderr.read().decode() if process.stderr else "failed")
        kills, runs = 0, 0
        while kills < options.kills:
            if killed_at_random(parts, rng):
                kills += 1
            else:  # it finished before its time: compare, and begin another
                compare(whole, parts)
                runs += 1
                parts = Path(folder, f"parts-{runs}")
        if start(parts, "--resume").wait():
            raise RuntimeError("the last resume failed")
        compare(whole, parts)
        numbers = {
            "kills": kills,
            "killed_runs_compared": runs + 1,
            "files_compared_in_each": len(final_weights(whole)),
            "bit_identical": True,
            "steps_logged_twice": 0,
        }
    record("kill_and_resume", numbers)


def compare(whole: Path, parts: Path) -> None:
    """Raise unless the two runs ended the same."""
    if final_weights(whole) != final_weights(parts):
        raise RuntimeError("the weights differ")
    logged = steps_logged(parts)
    if len(set(logged)) != len(logged) or sorted(logged) != sorted(steps_logged(whole)):
        raise RuntimeError("the log holds a step twice, or misses one")
    first, second = (json.loads((run / "results.json").read_text()) for run in (whole, parts))
    for name, loss in first["losses"].items():
        for measure in ("mse", "psnr", "ssim", "ms_ssim", "edge_f"):
            if loss[measure] != second["losses"][name][measure]:
                raise RuntimeError(f"{measure} of {name} differs")


if __name__ == "__main__":
    main()
