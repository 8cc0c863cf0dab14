"""The picture in the README: held-out crops of a run beside what each loss makes of them.

    python -m benchmarks.readme_picture RUN docs/images/reconstruct.png china coffee rocket

takes, for each word, the crop whose name begins so and where the losses differ most in SSIM.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from snellen.files import atomic_path
from snellen.images import read_image


def widest(rows: list[dict[str, str]], word: str) -> str:
    """Return the picture of seed 0 whose SSIM varies most over the losses."""
    spread: dict[str, list[float]] = {}
    for row in rows:
        if row["picture"].startswith(word) and row["seed"] == "0":
            spread.setdefault(row["picture"], []).append(float(row["ssim"]))
    return max(spread, key=lambda name: max(spread[name]) - min(spread[name]))


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("words", nargs="+")
    options = parser.parse_args()
    with (options.run / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    bundle = options.run / "study-bundle"
    manifest = json.loads((bundle / "manifest.json").read_text())
    files = {picture["name"]: picture["file"] for picture in manifest["pictures"]}
    folders = [manifest["original"], *manifest["conditions"]]
    columns, lines = len(folders), len(options.words)
    figure = Figure(figsize=(2.1 * columns, 2.1 * lines + 0.25), dpi=96, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, squeeze=False)
    for line, word in enumerate(options.words):
        name = files[widest(rows, word)]
        for column, place in enumerate(folders):
            image = read_image(bundle / place["folder"] / name)
            image = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)
            axis = axes[line, column]
            axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_axis_off()
            if line == 0:
                axis.set_title(place.get("name", "original"), fontsize=11)
    with atomic_path(options.out) as temporary:
        figure.savefig(temporary)


if __name__ == "__main__":
    main()
