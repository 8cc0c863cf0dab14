"""What super-resolution is trained with: patch, batch, optimizer, rates and mixes, chosen on val.

    python -m benchmarks.superres_choices --data $SNELLEN_DATA

Short trainings of SRCNN by 4 on BSDS500 train and T91, all of the same number of output pixels,
judged under the protocol `poster` on BSDS500 val; no test set is looked at. Every loss gets the
same trials of the learning rate. Trials that are there already in the results are not run again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, record
from snellen.experiments.super_resolution.comparison import run_super_resolution
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig

NAME = "superres_choices"
MIXED = "ms-ssim[ones]+10*mse"
LOSSES = ("mse", "mae", "ms-ssim", MIXED)
RATES = {"muon": (5e-4, 1e-3, 2e-3, 4e-3), "adamw": (2.5e-4, 5e-4, 1e-3, 2e-3)}
USUAL: dict[str, Any] = {"optimizer": "muon", "rate": 1e-3, "patch": 64, "batch": 16, "ema": 0.999}
USUAL |= {"start": "identity"}


def trials() -> list[dict[str, Any]]:
    """Every training: a loss, and what differs from `USUAL`."""
    found = [
        {"loss": loss, "optimizer": optimizer, "rate": rate}
        for optimizer, rates in RATES.items()
        for rate in rates
        for loss in LOSSES
    ]
    shapes = [{"batch": 8}, {"batch": 32}, {"patch": 96, "batch": 6}, {"patch": 112, "batch": 4}]
    shapes += [{"batch": 8, "rate": 2e-3}, {"ema": None}, {"start": "he"}]
    found += [{"loss": loss, **shape} for shape in shapes for loss in ("mse", MIXED)]
    found += [
        {"loss": loss}
        for loss in (
            "ssim",
            "ms-ssim[ones]",
            "ms-ssim[poster]",
            "ssim+10*mse",
            "ms-ssim+10*mse",
            "ms-ssim[poster]+10*mse",
            "ms-ssim[ones]+3*mse",
            "ms-ssim[ones]+30*mse",
            "ms-ssim[ones]+1*mse",
            "ssim+20*mse",
            "ssim+40*mse",
            f"mse>{MIXED}@0.5",
        )
    ]
    return [{**USUAL, **trial} for trial in found]


def outcome(trial: dict[str, Any], data: Path, pixels: int) -> dict[str, Any]:
    """Train, judge on val, and return what came of it."""
    config = SuperResolutionConfig(
        train=(str(data / "BSDS500/train"), str(data / "T91")),
        benchmarks=(str(data / "BSDS500/val"),),
        leave_out_leaks=True,
        losses=(trial["loss"],),
        network_options={"start": trial["start"]},
        output_pixels=pixels,
        optimizer=trial["optimizer"],
        learning_rate=trial["rate"],
        patch=trial["patch"],
        batch_size=trial["batch"],
        ema=trial["ema"],
        validate_every=10**9,
        checkpoint_every=10**9,
    )
    with tempfile.TemporaryDirectory() as folder:
        results = run_super_resolution(config, Path(folder) / "run", command=NAME)
    assert results is not None
    (measured,) = results["methods"][trial["loss"]].values()
    return {
        "psnr": round(measured["psnr"], 3),
        "ssim": round(measured["ssim"], 4),
        "commit": results["commit"],
        "date": results["date"],
    }


def main() -> None:
    """Run what has not been run, and keep every result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="holds BSDS500 and T91")
    parser.add_argument("--output-pixels", type=int, default=30_000_000)
    options = parser.parse_args()
    kept = RESULTS / f"{NAME}.json"
    known = json.loads(kept.read_text())["numbers"]["trials"] if kept.exists() else []
    found = [{**USUAL, **done} for done in known]
    asked = {"output_pixels": options.output_pixels}
    for trial in trials():
        if any({**trial, **asked}.items() <= done.items() for done in found):
            continue
        found.append({**trial, **asked, **outcome(trial, options.data, options.output_pixels)})
        record(NAME, {"judged_on": "BSDS500 val, protocol poster, x4", "trials": found})


if __name__ == "__main__":
    main()
