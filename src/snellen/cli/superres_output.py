"""Scores of super-resolution as a table in the terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from snellen.experiments.running import finite
from snellen.experiments.super_resolution.evaluation import SetScores
from snellen.files import shown, spreadsheet_cell
from snellen.images.protocols import SuperResolutionProtocol

__all__ = [
    "EVALUATION_COLUMNS",
    "evaluation_csv",
    "evaluation_heading",
    "evaluation_json",
    "evaluation_table",
    "means_table",
]

EVALUATION_COLUMNS = ("protocol", "scale", "set", "picture", "method", "psnr", "ssim")
Found = Mapping[str, Mapping[str, SetScores]]
"""Scores by the name of the set, then of the method."""


def evaluation_heading(scale: int, protocol: SuperResolutionProtocol) -> str:
    """Say by what the numbers below came about: those of two protocols are not comparable."""
    return f"×{scale}, protocol {protocol.name}: {protocol.words}"


def evaluation_table(found: Found) -> Table:
    """Return PSNR and SSIM, a row for each method and a column for each set."""
    return means_table(_means(found))


def means_table(methods: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Return the table of means by method and set: ``psnr``, ``ssim`` and ``pictures``."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("PSNR in dB / SSIM", overflow="fold")
    for name, means in next(iter(methods.values())).items():
        count = means["pictures"]
        table.add_column(
            Text(f"{name}\n{count} picture{'s' * (count != 1)}"), justify="right", min_width=14
        )
    for method, sets in methods.items():
        numbers = (f"{each['psnr']:.2f} / {each['ssim']:.4f}" for each in sets.values())
        table.add_row(Text(method), *numbers)
    return table


def _means(found: Found) -> dict[str, dict[str, dict[str, float]]]:
    return {
        method: {
            shown(name): {
                "psnr": scores[method].mean_psnr,
                "ssim": scores[method].mean_ssim,
                "pictures": len(scores[method].pictures),
            }
            for name, scores in found.items()
        }
        for method in next(iter(found.values()))
    }


def evaluation_json(found: Found, scale: int, protocol: SuperResolutionProtocol) -> str:
    """Return the means as JSON text, numbers in full; infinite ones null, as in results.json."""
    content = {"protocol": protocol.name, "scale": scale, "methods": finite(_means(found))}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def evaluation_csv(found: Found, scale: int, protocol: SuperResolutionProtocol) -> str:
    """Return a row for each picture and method as CSV text, numbers in full."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(EVALUATION_COLUMNS)
    for name, by_method in found.items():
        for method, scores in by_method.items():
            for picture, psnr, ssim in zip(scores.pictures, scores.psnr, scores.ssim, strict=True):
                cells = [spreadsheet_cell(shown(each)) for each in (name, picture, method)]
                rows.writerow([protocol.name, scale, *cells, repr(psnr), repr(ssim)])
    return text.getvalue()
