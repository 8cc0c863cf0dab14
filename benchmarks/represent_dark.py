"""Which faces decide the error of the azimuth: those that are almost black.

    python -m benchmarks.represent_dark RUN --data $SNELLEN_DATA/ExtendedYaleB/raw_pgm

RUN is a run of `snellen represent --data yale:…`. Its predictions on the held-out parts of random
pictures are put beside the mean level of each face (0 to 255, as it was photographed, shrunk).
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.keep_results import portable, rounded
from benchmarks.record import record, shown_command
from snellen.datasets import open_pictures
from snellen.datasets.whole import whole_pictures

COLUMN = "azimuth"
WORST = 10
PARTS = 10


def faces_in(folder: Path, size: int) -> dict[str, NDArray[np.uint8]]:
    """Each face, shrunk, by its name."""
    pictures = open_pictures(f"yale:{folder}")
    pixels, kept = whole_pictures(pictures, size)
    return {pictures.name(index): one for index, one in zip(kept.tolist(), pixels, strict=True)}


def errors_of(run: Path, code_size: int) -> dict[str, dict[str, list[tuple[str, float]]]]:
    """The squared errors of each method's seeds on random pictures, with the names of the faces."""
    found: dict[str, dict[str, list[tuple[str, float]]]] = defaultdict(lambda: defaultdict(list))
    with (run / "csv" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["split"], row["column"], row["code_size"]) == (
                "random",
                COLUMN,
                str(code_size),
            ):
                found[row["method"]][row["seed"]].append((row["picture"], float(row["error"])))
    return found


def summary(seeds: dict[str, list[tuple[str, float]]], levels: dict[str, float]) -> dict[str, Any]:
    """Means over the seeds: the whole error, what the worst faces add, and it by brightness."""
    rows = []
    for pairs in seeds.values():
        errors = np.array([error for _, error in pairs])
        level = np.array([levels[name] for name, _ in pairs])
        worst = np.argsort(-errors)[:WORST]
        parts = [part.tolist() for part in np.array_split(np.argsort(level), PARTS)]
        rows.append(
            {
                "error": errors.mean(),
                "worst_share": errors[worst].sum() / errors.sum(),
                "worst_level": np.median(level[worst]),
                "level": np.median(level),
                "darkest": errors[parts[0]].mean(),
                "others": errors[np.concatenate(parts[1:])].mean(),
            }
        )
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def hardest(
    found: dict[str, dict[str, list[tuple[str, float]]]], faces: dict[str, NDArray[np.uint8]]
) -> list[dict[str, Any]]:
    """The faces with the largest error, in the mean over methods and seeds."""
    errors: dict[str, list[float]] = defaultdict(list)
    for seeds in found.values():
        for pairs in seeds.values():
            for name, error in pairs:
                errors[name].append(error)
    means = {name: float(np.mean(values)) for name, values in errors.items()}
    return [
        {
            "face": name,
            "error": means[name],
            "level": float(faces[name].mean()),
            "brightest": int(faces[name].max()),
        }
        for name in sorted(means, key=means.__getitem__)[: -WORST - 1 : -1]
    ]


def main() -> None:
    """Gather and write docs/results/represent_dark.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="Extended Yale B as distributed")
    options = parser.parse_args()
    results = json.loads((options.run / "results.json").read_text())
    faces = faces_in(options.data, results["config"]["size"])
    levels = {name: float(face.mean()) for name, face in faces.items()}
    found = errors_of(options.run, results["code_sizes"][0])
    record(
        "represent_dark",
        {
            "run": portable(results["command"]),
            "what": f"{COLUMN}, squared degrees, random pictures; means over the seeds of: error "
            f"of all, share of the {WORST} worst faces in it, their median level and that of all, "
            f"error of the darkest tenth and of the others",
            "methods": {method: rounded(summary(seeds, levels)) for method, seeds in found.items()},
            "hardest": rounded(hardest(found, faces)),
        },
        re.sub(r"\S*/(\S+ --data)", r"runs/\1", shown_command()),
    )


if __name__ == "__main__":
    main()
