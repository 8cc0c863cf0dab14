"""The set that nobody looked at while choosing: a comparison's networks, judged on it once.

    python -m benchmarks.superres_unseen RUN --data FOLDER

runs `snellen superres evaluate` with every network of RUN, a finished run of `snellen superres
compare`, under its protocol and scale, on the pictures of FOLDER, and keeps the means, and the
differences from its first loss, paired by picture, in docs/results/superres_unseen.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import record
from snellen.experiments.statistics import paired_difference


def measured(
    weights: dict[str, Path], data: Path, protocol: str, scale: int
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """PSNR and SSIM of every picture, under each loss and under bicubic."""
    names = {"bicubic": "bicubic"} | {str(path): loss for loss, path in weights.items()}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "rows.csv")
        command = [sys.executable, "-m", "snellen", "superres", "evaluate"]
        command += ["--data-root", str(data), "--method", ",".join(names), "--csv", str(table)]
        command += ["--protocol", protocol, "--scale", str(scale)]
        subprocess.run(command, check=True)
        with table.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
    return {
        name: {
            measure: np.array([float(row[measure]) for row in rows if row["method"] == typed])
            for measure in ("psnr", "ssim")
        }
        for typed, name in names.items()
    }


def main() -> None:
    """Judge, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    results = json.loads((options.run / "results.json").read_text())
    weights = {
        loss: options.run / training["weights"][0] for loss, training in results["training"].items()
    }
    protocol, scale = results["protocol"]["name"], results["scale"]
    found = measured(weights, options.data, protocol, scale)
    first = next(iter(weights))
    sources = range(len(found[first]["psnr"]))  # every picture is a photograph of its own
    numbers: dict[str, Any] = {
        "protocol": protocol,
        "scale": scale,
        "trained_by": results["commit"],
        "pictures": len(found[first]["psnr"]),
        "methods": {
            name: {measure: round(float(values.mean()), 6) for measure, values in each.items()}
            for name, each in found.items()
        },
        f"minus {first}": {
            loss: {
                measure: paired_difference(values, found[first][measure], sources).as_dict()
                for measure, values in found[loss].items()
            }
            for loss in weights
            if loss != first
        },
    }
    record("superres_unseen", numbers)


if __name__ == "__main__":
    main()
