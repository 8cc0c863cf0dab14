"""``snellen score``: how close one picture is to another, or each in a folder to its original."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.errors import UserError
from snellen.files import atomic_write, refuse_other, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snellen.cli.score_measure import Metric, PairScore, ScoreOptions
    from snellen.cli.score_pairs import Pair

__all__ = ["score"]

STDOUT = "-"
# How what each option writes begins: anything else that has the name is not replaced.
_BEGINS = {"--csv": "name,reference,distorted,", "--json": '{\n  "format": '}


def score(
    reference: Annotated[
        Path, typer.Argument(metavar="REF", help="The original: a picture, or a folder of them.")
    ],
    distorted: Annotated[
        Path,
        typer.Argument(
            metavar="DIST", help="What is judged: a picture or a folder, paired by name."
        ),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Some of psnr, ssim, ms-ssim, mse, mae, dssim, ms-dssim, or"
            " package.module:function, separated by commas. mse and mae are in the levels of the"
            " file (0 to 255, or 0 to 65535).",
            metavar="NAMES",
            show_default="psnr,ssim, and ms-ssim where the convention has one",
        ),
    ] = None,
    convention: Annotated[
        str,
        typer.Option(
            help="How SSIM is computed: wang (the papers), poster, or as the named program does it:"
            " wang2003, matlab, tensorflow, scikit-image, scikit-image-gaussian, torchmetrics,"
            " pytorch-msssim, piq, kornia, basicsr, fused-ssim. `snellen explain NAME` says how.",
            metavar="NAME",
        ),
    ] = "wang",
    levels: Annotated[
        str | None,
        typer.Option(
            help="Levels of MS-SSIM, a number or auto: as many as the pictures allow.",
            metavar="N",
            show_default="those of the convention",
        ),
    ] = None,
    gray: Annotated[
        bool,
        typer.Option(
            "--gray", help="Compare in gray (BT.601 luma); else channel by channel, then the mean."
        ),
    ] = False,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write everything as JSON; - is stdout alone."),
    ] = None,
    csv_file: Annotated[
        str | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write the table as CSV (an apostrophe goes before names like =a.png); - is stdout"
            " alone.",
        ),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE.png",
            help="Write the SSIM map of a single pair: black is 0 (or less), white is 1.",
        ),
    ] = None,
) -> None:
    """Measure how close pictures are to their originals.

    Exit status 1 if any pair could not be measured, after measuring all the others.
    """
    outputs = {"--json": json_file, "--csv": csv_file, "--map": map_file}
    _check_outputs(outputs, (reference, distorted))

    from snellen.cli.score_measure import (
        ScoreOptions,
        parse_convention,
        parse_metrics,
        ssim_picture,
    )
    from snellen.cli.score_output import score_csv, score_json
    from snellen.cli.score_pairs import find_pairs

    to_stdout = STDOUT in (json_file, csv_file)
    # A metric from elsewhere may print, and its words must not end up amid the JSON.
    with contextlib.redirect_stdout(sys.stderr) if to_stdout else contextlib.nullcontext():
        options = ScoreOptions(parse_convention(convention, levels), gray)
        wanted = parse_metrics(metrics, options.convention)
        pairs = find_pairs(reference, distorted)
        if map_file is not None and len(pairs) > 1:
            raise UserError("--map draws one pair: give two files, not folders of several.")
        scores = _measure_all(pairs, wanted, options)
    if not to_stdout:
        _print_table(scores, wanted)
        _print_levels(scores, options)
    _print_problems(scores)
    if json_file is not None:
        _put(json_file, score_json(scores, wanted, options, (reference, distorted)))
    if csv_file is not None:
        _put(csv_file, score_csv(scores, wanted))
    pair = pairs[0]
    if map_file is not None and scores[0].data_range and pair.reference and pair.distorted:
        _write_map(map_file, ssim_picture(pair.reference, pair.distorted, options))
    if any(result.problems for result in scores):
        raise typer.Exit(1)


def _check_outputs(outputs: dict[str, str | Path | None], inputs: Iterable[Path]) -> None:
    """Refuse before the work what could not be written after it, or would overwrite a picture."""
    named = {option: str(path) for option, path in outputs.items() if path is not None}
    if list(named.values()).count(STDOUT) > 1:
        raise UserError("only one of --json and --csv can go to stdout: give the other a file.")
    if named.get("--map", ".png")[-4:].lower() != ".png":
        raise UserError(
            f"--map writes a PNG; got {shown(named['--map'])}: give a name that ends in .png."
        )
    for option, path in named.items():
        if option != "--map" and path == STDOUT:
            continue
        if option in _BEGINS:
            refuse_other(path, option, _BEGINS[option])
        elif Path(path).is_dir():
            raise UserError(f"{option} {shown(path)} is a folder: name a file.")
        if any(Path(path).exists() and Path(path).samefile(taken) for taken in inputs):
            raise UserError(f"{option} {shown(path)} would overwrite a picture to be measured.")


def _measure_all(pairs: list[Pair], wanted: list[Metric], options: ScoreOptions) -> list[PairScore]:
    from rich.console import Console
    from rich.progress import track

    from snellen.cli.score_measure import measure_pair

    steps = track(
        pairs,
        description="measuring",
        console=Console(stderr=True),
        transient=True,
        disable=len(pairs) < 2 or not sys.stderr.isatty(),
    )
    return [measure_pair(pair, wanted, options) for pair in steps]


def _print_table(scores: list[PairScore], wanted: list[Metric]) -> None:
    from rich.console import Console

    from snellen.cli.score_output import score_table

    table = score_table(scores, wanted)
    if table.row_count:
        # Nobody folds lines in a file or a pipe: there the table may be as wide as it likes.
        wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
        Console(width=240 if wide else None).print(table)


def _print_levels(scores: list[PairScore], options: ScoreOptions) -> None:
    used = sorted({result.levels for result in scores if result.levels is not None})
    if len(used) > 1:
        spread = ", ".join(str(levels) for levels in used)
        typer.echo(
            f"note: MS-SSIM used {spread} levels for pictures of different sizes; values on"
            " different numbers of levels are not comparable.",
            err=True,
        )
    elif used and used != [options.convention.most_levels]:
        typer.echo(f"note: MS-SSIM on {used[0]} levels, because the pictures are small.", err=True)


def _print_problems(scores: list[PairScore]) -> None:
    for result in scores:
        for problem in result.problems:
            typer.echo(f"snellen: {shown(result.pair.name)}: {problem}", err=True)
    failed = sum(bool(result.problems) for result in scores)
    if failed and len(scores) > 1:
        typer.echo(f"snellen: {failed} of {len(scores)} pairs failed.", err=True)


def _put(path: str, text: str) -> None:
    if path == STDOUT:
        typer.echo(text, nl=False)
        return
    atomic_write(path, text)


def _write_map(path: Path, values: NDArray[np.float64]) -> None:
    import numpy as np

    from snellen.images.files import write_png

    # Gray, not colours: a level of the file is 255·SSIM, so that the map can be read back.
    write_png(path, np.round(255 * np.clip(values, 0, 1)).astype(np.uint8))
    height, width = values.shape
    typer.echo(
        f"{shown(path)}: SSIM map, {width}×{height} pixels; black is 0 or less, white is 1; the"
        f" lowest value is {values.min():.3f}.",
        err=True,
    )
