"""``snellen reconstruct``: the same autoencoder under each loss, compared in one report."""

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

__all__ = ["reconstruct"]

PICTURES = "Pictures and crops"
NETWORK = "Network and objectives"
TRAINING = "Training"


def reconstruct(
    data: Annotated[
        str | None,
        typer.Option(
            help="builtin (photographs that ship with the dependencies), a folder, stl10:DIR,"
            " cifar10:DIR, yale:DIR (Extended Yale Face Database B, cropped) or npz:FILE.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    held_out_data: Annotated[
        str | None,
        typer.Option(
            help="Judge on these pictures instead of a part of --data.", rich_help_panel=PICTURES
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of the square crops, in pixels.", rich_help_panel=PICTURES),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="1 gray, 3 colour.", rich_help_panel=PICTURES)
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Cross-fit: every picture is held out once by one of this many groups of"
            " networks.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(
            help="mse, mae, ssim, ms-ssim, ms-ssim+l1, package.module:factory, or a switch on the"
            " way such as 'mse>ms-ssim@0.5'; separated by commas. The first is compared to.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="conv-autoencoder, fc-autoencoder (dense layers), conv-vae or fc-vae (the same"
            " with a random code), or package.module:Class.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    widths: Annotated[
        str | None,
        typer.Option(
            help="Filters of each layer, as 32,64,128, or units of dense layers, as 1024,1024.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    code_size: Annotated[
        str | None,
        typer.Option(
            help="Numbers in the code; several, as 64,128, are a compression sweep.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimizer steps of each training.", rich_help_panel=TRAINING)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Crops in a step.", rich_help_panel=TRAINING)
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Highest learning rate; --set learning_rates.mae=5e-4 for one loss.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Trainings per loss: a count.", rich_help_panel=TRAINING)
    ] = None,
    preset: Annotated[str | None, typer.Option(help="demo or poster.", rich_help_panel=RUN)] = None,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train one network once per loss and report what each keeps and loses.

    The same initial weights, batches and budget under each loss, judged on held-out pictures.

    The run folder holds results.json, results.csv, report.html and a study-bundle/.
    """
    from rich.console import Console

    from snellen.experiments.configuration import ReconstructionConfig
    from snellen.experiments.planning import describe, make_plan
    from snellen.experiments.reconstruction import run_reconstruction
    from snellen.experiments.settings import resolve

    options: dict[str, Any] = {
        "data": data,
        "held_out_data": held_out_data,
        "size": size,
        "channels": channels,
        "folds": folds,
        "losses": losses,
        "network": network,
        "widths": widths,
        "code_size": code_size,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seeds": seeds,
    }
    config = settings_of(out, command="reconstruct", resume=resume, preset=preset, config=config)
    resolved = resolve(
        ReconstructionConfig,
        preset=preset,
        config=config,
        options=options,
        assignments=assignments or (),
    )
    console = Console(stderr=True)
    if dry_run:
        for line in describe(make_plan(resolved)):
            typer.echo(line)
        typer.echo(f"\n{resolved.as_yaml()}", nl=False)
        return
    folder = out if out is not None else new_folder(preset or "reconstruct")
    results = run_reconstruction(resolved, folder, command=typed(), resume=resume, console=console)
    if results is not None:
        _show(results, folder)


def _show(results: dict[str, Any], folder: Path) -> None:
    """Print the table and where the report is."""
    from rich.console import Console
    from rich.table import Table

    columns = {"psnr": 2, "ssim": 4, "ms_ssim": 4, "mae": 4, "edge_f": 3}
    heads = ("PSNR, dB", "SSIM", "MS-SSIM", "MAE", "edge F")
    console = Console()
    for entry in results.get("sweep", [results]):
        title = "Held-out pictures: mean and 95 % interval"
        if "sweep" in results:
            title += f", code of {entry['code_size']}"
        table = Table(title=title, title_justify="left")
        table.add_column("loss", overflow="fold")
        for head in heads:
            table.add_column(head, justify="right")
        for name, measured in entry["losses"].items():
            cells = [_cell(measured[key], digits) for key, digits in columns.items()]
            table.add_row(name, *cells)
        console.print(table)
    typer.echo(f"report: {folder / 'report.html'}")


def _cell(value: dict[str, float], digits: int) -> str:
    """Return a mean with its interval on the line below."""
    mean, low, high = (f"{value[key]:.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean}\n[{low}, {high}]"
