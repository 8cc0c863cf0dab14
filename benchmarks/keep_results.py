"""Keep the results of `snellen reconstruct`, `represent` and `superres compare` small.

    python -m benchmarks.keep_results NAME RUN [RUN ...]

writes docs/results/NAME.json: for each run its command, commit, date, hardware, settings, data and
measures. Paths below $SNELLEN_DATA and the run folder's place become what anybody would type.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS
from snellen.files import atomic_write

KEPT = (
    "command",
    "commit",
    "resumed_at",
    "date",
    "hardware",
    "seconds",
    "config",
    "data",
    "code_size",
)
KEPT += ("scale", "protocol", "budget", "training", "precision")
KEPT += ("splits", "code_sizes", "scores", "comparisons", "reconstructions", "layers", "edges")
MEASURED = ("methods", "losses", "differences", "gains", "sweep")


def rounded(value: Any) -> Any:
    """Round every float to six digits: enough for any figure in a document."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def curves(run: Path, points: int = 8) -> dict[str, list[dict[str, float]]]:
    """Return each loss's PSNR and SSIM on the validation patches over the steps of seed 0.

    They are those of the averaged weights where the run averages: every so often, and the last.
    """
    found: dict[str, list[dict[str, float]]] = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "validation" and row["seed"] == 0:
            values = {name: row.get(f"ema_{name}", row[name]) for name in ("psnr", "ssim")}
            found.setdefault(row["loss"], []).append({"step": row["step"], **values})
    return {loss: rows[:: -(-len(rows) // points)] + rows[-1:] for loss, rows in found.items()}


def portable(text: str) -> str:
    """Put $SNELLEN_DATA for its folder, and runs/ for the place of the runs."""
    data = os.environ.get("SNELLEN_DATA")
    text = text.replace(data, "$SNELLEN_DATA") if data else text
    return re.sub(r"(--out[ =])\S*/", r"\1runs/", text)


def main() -> None:
    """Gather and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("runs", nargs="+", type=Path)
    options = parser.parse_args()
    kept = []
    for run in options.runs:
        results = json.loads((run / "results.json").read_text())
        kept.append({key: results[key] for key in (*KEPT, *MEASURED) if key in results})
        if results.get("experiment") == "super-resolution":
            kept[-1]["curves"] = curves(run)
    text = json.dumps({"runs": rounded(kept)}, indent=1, ensure_ascii=False)
    atomic_write(RESULTS / f"{options.name}.json", portable(text) + "\n")
    for run in kept:
        print(portable(run["command"]))
        if "splits" in run:
            show_splits(run)
        elif "methods" in run:
            show_sets(run)
        else:
            show(run)


def cells(loss: dict[str, Any], form: str) -> str:
    """Return the means and intervals of one row."""
    texts = []
    for name in ("psnr", "mae", "ssim", "ms_ssim", "edge_f"):
        value = loss[name]
        mean, low, high = (format(value[key], form) for key in ("mean", "low", "high"))
        texts.append(f"{mean} [{low}, {high}]")
    return " | ".join(texts)


def show_sets(run: dict[str, Any]) -> None:
    """Print the table of a super-resolution run."""
    names = list(next(iter(run["methods"].values())))
    print(" | ".join(["| method", *names]), "|")
    for method, sets in run["methods"].items():
        found = (f"{sets[name]['psnr']:.2f} / {sets[name]['ssim']:.4f}" for name in names)
        print(" | ".join([f"| {method}", *found]), "|")


def show_splits(run: dict[str, Any]) -> None:
    """Print the tables of a run of represent: errors in % or squared units, with intervals."""

    def said(value: dict[str, Any], sign: str = "") -> str:
        scale = 100 if value.get("measure", "error") == "error" and abs(value["mean"]) < 1 else 1
        texts = [
            format(scale * value[key], f"{sign}.2f")
            for key in ("mean", "low", "high")
            if value[key] is not None
        ]
        return texts[0] + (f" [{texts[1]}, {texts[2]}]" if len(texts) > 1 else "")

    for split in run["splits"]:
        print(" | ".join([f"| {split['title']}", *split["targets"]]), "|")
        for method in run["methods"]:
            found = [
                next(
                    said(score)
                    for score in run["scores"]
                    if (score["split"], score["method"], score["column"])
                    == (split["name"], method["name"], column)
                )
                for column in split["targets"]
            ]
            print(" | ".join([f"| {method['name']}", *found]), "|")
        for found in run["comparisons"]:
            if found["split"] == split["name"]:
                pair = f"{found['later']} - {found['earlier']}, {found['column']}"
                print(f"{pair}: {said(found, '+')}, p {found['p']}")


def show(run: dict[str, Any]) -> None:
    """Print the table that a document takes over."""
    print("| loss | PSNR | MAE | SSIM | MS-SSIM | edge F | octaves, fine to coarse | seconds |")
    for name, loss in run["losses"].items():
        octaves = " ".join(f"{o['error']['mean']:.2f}" for o in loss["octaves"])
        print(f"| {name} | {cells(loss, '.4f')} | {octaves} | {loss['train_seconds']:.0f} |")
    for name, loss in run["differences"].items():
        print(f"| {name} - first | {cells(loss, '+.4f')} | | |")


if __name__ == "__main__":
    main()
