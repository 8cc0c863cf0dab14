"""``snellen superres evaluate``: PSNR and SSIM of methods on benchmarks, under a protocol."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snellen.errors import UserError
from snellen.files import atomic_write, refuse_other, shown

if TYPE_CHECKING:
    from snellen.datasets.benchmarks import Benchmark
    from snellen.experiments.super_resolution.evaluation import SetScores
    from snellen.images.protocols import SuperResolutionProtocol

__all__ = ["evaluate"]


def evaluate(
    data_root: Annotated[
        Path,
        typer.Option(
            "--data-root",
            metavar="DIR",
            help="Where Set5, Set14 and BSDS500 lie (BSDS500/test is BSD200), or one of them, or"
            " any folder of pictures.",
        ),
    ],
    method: Annotated[
        list[str],
        typer.Option(
            metavar="NAMES",
            help="bicubic; shipped or shipped:LOSS (weights that come with snellen; ms-ssim where"
            " no loss is named); or a .safetensors file. Several, separated by commas.",
        ),
    ] = ["bicubic"],  # noqa: B006 - typer's way to give a list a default
    network: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CLASS",
            help="The network of weights that are not of one of snellen's; its code is run.",
        ),
    ] = None,
    sets: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Some of Set5, Set14, BSD200, BSD100 (BSDS500/val), or folders under --data-root,"
            " separated by commas.",
            show_default="Set5, Set14 and BSD200 as far as they are there",
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="How pictures are shrunk and compared: poster, standard, basicsr."
        ),
    ] = "poster",
    scale: Annotated[int, typer.Option(metavar="N", help="2, 3 or 4.")] = 4,
    json_wanted: Annotated[
        bool,
        typer.Option("--json", help="Print the means as JSON, in full precision, and no table."),
    ] = False,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write a row for each picture."),
    ] = None,
) -> None:
    """Measure methods of super-resolution: bicubic, shipped weights, weights of your own."""
    from snellen.cli.superres_output import EVALUATION_COLUMNS, evaluation_csv, evaluation_json
    from snellen.datasets.benchmarks import find_benchmarks
    from snellen.experiments.super_resolution.evaluation import evaluate_set
    from snellen.experiments.super_resolution.methods import methods_named, split_names
    from snellen.images.protocols import SCALES, protocol_named

    if scale not in SCALES:
        raise UserError(f"got --scale {scale}; need one of {', '.join(map(str, SCALES))}.")
    rules = protocol_named(protocol)
    methods = methods_named(split_names(method), scale, network)
    benchmarks = find_benchmarks(data_root, None if sets is None else split_names([sets]))
    if csv_file is not None:  # before the work, what could not be written after it
        refuse_other(csv_file, "--csv", ",".join(EVALUATION_COLUMNS))
    _note_sizes(benchmarks)
    found: dict[str, dict[str, SetScores]] = {}
    with _progress(sum(map(len, benchmarks))) as step:
        for benchmark in benchmarks:
            found[benchmark.name] = evaluate_set(benchmark, methods, scale, rules, step)
    if csv_file is not None:
        atomic_write(csv_file, evaluation_csv(found, scale, rules))
    if json_wanted:
        typer.echo(evaluation_json(found, scale, rules), nl=False)
    else:
        _print_table(found, scale, rules)


def _print_table(
    found: dict[str, dict[str, SetScores]], scale: int, rules: SuperResolutionProtocol
) -> None:
    from rich.console import Console
    from rich.text import Text

    from snellen.cli.superres_output import evaluation_heading, evaluation_table

    # Nobody folds lines in a file or a pipe: there the table may be as wide as it likes.
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    console = Console(width=240 if wide else None)
    console.print(Text(evaluation_heading(scale, rules)))
    console.print(evaluation_table(found))


def _note_sizes(benchmarks: list[Benchmark]) -> None:
    for benchmark in benchmarks:
        if benchmark.expected not in (None, len(benchmark)):
            typer.echo(
                f"note: pictures in {shown(benchmark.folder)}: {len(benchmark)}, but"
                f" {benchmark.name} was published with {benchmark.expected}: the means are not"
                " comparable with published ones.",
                err=True,
            )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as progress:
        task = progress.add_task("measuring", total=total)
        yield lambda: progress.advance(task)
