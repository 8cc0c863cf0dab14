"""``snellen superres compare``: the same network under each loss, by the poster's table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from snellen.cli.runs import (
    RUN,
    AssignmentsOption,
    ConfigOption,
    DryRunOption,
    OutOption,
    ResumeOption,
    new_folder,
    settings_of,
    typed,
)

__all__ = ["compare"]

PICTURES = "Pictures and protocol"
NETWORK = "Network and objectives"


def compare(
    train: Annotated[
        str | None,
        typer.Option(
            metavar="DIR,DIR",
            help="Folders to train on, or builtin (photographs that ship with the dependencies).",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    benchmarks: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Judge on Set5, Set14 and BSD200 below this folder, or on any folder of pictures;"
            " without it, on scenes held out of --train.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    scale: Annotated[
        int | None, typer.Option(help="Enlarge by 2, 3 or 4.", rich_help_panel=PICTURES)
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="poster, standard or basicsr.", rich_help_panel=PICTURES),
    ] = None,
    allow_leak: Annotated[
        bool | None,
        typer.Option(
            "--allow-leak",
            help="Train although judged pictures are among the training pictures.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    leave_out_leaks: Annotated[
        bool | None,
        typer.Option(
            "--leave-out-leaks",
            help="Train without the pictures that are judged too.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(
            help="mse, mae, ssim, ms-ssim, sums such as 'ms-ssim+30*mse', package.module:factory,"
            " or a switch on the way such as 'mse>ms-ssim@0.5'; separated by commas. The first is"
            " compared to.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(help="srcnn, srcnn-9-1-5 or package.module:Class.", rich_help_panel=NETWORK),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Trainings per loss: a count.", rich_help_panel=NETWORK)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="demo (minutes), short (a tenth of the poster's budget) or poster.",
            rich_help_panel=RUN,
        ),
    ] = None,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
    out: OutOption = None,
    export_weights: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Copy the weights of seed 0 there, named by network, scale and loss.",
            rich_help_panel=RUN,
        ),
    ] = None,
    resume: ResumeOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train one network once per loss under one budget and compare what each enlarges.

    The same initial weights, the same patches in the same order and the same number of output
    pixels under each loss; bicubic and published numbers stand beside them.

    The run folder holds results.json, results.csv, report.html, weights/ and a study-bundle/.
    """
    from rich.console import Console

    from snellen.experiments.settings import resolve
    from snellen.experiments.super_resolution.comparison import run_super_resolution
    from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
    from snellen.experiments.super_resolution.planning import describe, make_plan

    options: dict[str, Any] = {
        "train": train,
        "benchmarks": benchmarks,
        "scale": scale,
        "protocol": protocol,
        "allow_leak": allow_leak,
        "leave_out_leaks": leave_out_leaks,
        "losses": losses,
        "network": network,
        "seeds": seeds,
    }
    resolved = resolve(
        SuperResolutionConfig,
        preset=preset,
        config=settings_of(
            out, command="superres compare", resume=resume, preset=preset, config=config
        ),
        options=options,
        assignments=assignments or (),
    )
    if dry_run:
        for line in describe(make_plan(resolved)):
            typer.echo(line)
        typer.echo(f"\n{resolved.as_yaml()}", nl=False)
        return
    folder = out if out is not None else new_folder(f"superres-{preset or 'compare'}")
    results = run_super_resolution(
        resolved,
        folder,
        command=typed(),
        resume=resume,
        export=export_weights,
        console=Console(stderr=True),
    )
    if results is not None:
        _show(results, folder)


def _show(results: dict[str, Any], folder: Path) -> None:
    """Print the table and where the report is."""
    from rich.console import Console

    from snellen.cli.superres_output import evaluation_heading, means_table
    from snellen.images.protocols import protocol_named

    protocol = protocol_named(results["protocol"]["name"])
    typer.echo(evaluation_heading(results["scale"], protocol))
    Console().print(means_table(results["methods"]))
    typer.echo(f"report: {folder / 'report.html'}")
