"""``snellen represent``: what the code of an autoencoder can tell, under each loss."""

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

__all__ = ["represent"]

PICTURES = "Pictures and labels"
NETWORK = "Network and objectives"
TRAINING = "Training"


def represent(
    data: Annotated[
        str | None,
        typer.Option(
            help="yale:DIR (Extended Yale B as distributed), a folder with pictures and labels.csv,"
            " cifar10:DIR or builtin (photographs under a made light).",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Kinds of columns that labels.csv does not show by itself, as"
            " id=class,hour=circular:24,note=ignore.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option(
            help="random, and what is held out whole: people and lights (yale), photographs"
            " (builtin), or columns, as person or azimuth+elevation; separated by commas.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Parts held out in turn: of four, or of as many as there are folds.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    unmatched: Annotated[
        str | None,
        typer.Option(
            help="refuse or skip rows without a picture and pictures without a row.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Side that the whole pictures are shrunk to, in pixels.", rich_help_panel=PICTURES
        ),
    ] = None,
    gamma: Annotated[
        float | None,
        typer.Option(
            help="Power that the pictures are raised to; 0.5 lifts what is almost black.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="1 gray, 3 colour.", rich_help_panel=PICTURES)
    ] = None,
    losses: Annotated[
        str | None,
        typer.Option(
            help="As for reconstruct; separated by commas. The first is compared to.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="conv-autoencoder, conv-vae, fc-autoencoder, fc-vae, or package.module:Class with"
            " a method encode.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    widths: Annotated[
        str | None,
        typer.Option(help="Filters or units of each layer, as 32,64.", rich_help_panel=NETWORK),
    ] = None,
    code_size: Annotated[
        str | None,
        typer.Option(
            help="Numbers in the code; several, as 16,32,64: how the error grows as it shrinks."
            " The tables show the first.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    baselines: Annotated[
        str | None,
        typer.Option(
            help="pixels, pca, untrained, supervised: what the codes stand beside.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimizer steps of each training.", rich_help_panel=TRAINING)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Pictures in a step.", rich_help_panel=TRAINING)
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Highest learning rate; --set learning_rates.mae=5e-4 for one loss.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Trainings per loss: a count. Each holds out other parts; two or more make"
            " intervals.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="demo or poster.", rich_help_panel=RUN)] = None,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train one autoencoder per loss, without labels, and tell labels from its code.

    Support vector machines predict each class and number of held-out pictures from frozen codes,
    beside raw pixels, principal components, an untrained and a supervised encoder.

    The run folder holds results.json, csv/ and report.html.
    """
    from rich.console import Console

    from snellen.experiments.representation.comparison import run_representation
    from snellen.experiments.representation.configuration import RepresentationConfig
    from snellen.experiments.representation.planning import describe, make_plan
    from snellen.experiments.settings import resolve

    options: dict[str, Any] = {
        "data": data,
        "columns": _kinds(columns),
        "splits": splits,
        "folds": folds,
        "unmatched": unmatched,
        "size": size,
        "gamma": gamma,
        "channels": channels,
        "losses": losses,
        "network": network,
        "widths": widths,
        "code_size": code_size,
        "baselines": baselines,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seeds": seeds,
    }
    config = settings_of(out, command="represent", resume=resume, preset=preset, config=config)
    resolved = resolve(
        RepresentationConfig,
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
    folder = out if out is not None else new_folder(preset or "represent")
    results = run_representation(resolved, folder, command=typed(), resume=resume, console=console)
    if results is not None:
        _show(results, folder)


def _kinds(text: str | None) -> dict[str, str] | None:
    """Read ``name=kind,name=kind``."""
    from snellen.errors import UserError

    if text is None:
        return None
    found = {}
    for part in text.split(","):
        name, equals, kind = part.strip().rpartition("=")
        if not equals or not name or not kind:
            raise UserError(
                f"--columns takes name=kind, as --columns id=class,hour=circular:24; got {part!r}."
            )
        found[name] = kind
    return found


def _show(results: dict[str, Any], folder: Path) -> None:
    """Print a table for each split, and where the report is."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    kinds = {column["name"]: column for column in results["data"]["columns"]}
    code_size = results["code_sizes"][0]
    found = {
        (score["split"], score["method"], score["column"]): score
        for score in results["scores"]
        if score["code_size"] == code_size
    }
    for split in results["splits"]:
        title = f"{split['title'][:1].upper()}{split['title'][1:]}: error on what was held out"
        table = Table(title=escape(title), title_justify="left")
        table.add_column("code of", overflow="fold")
        for name in split["targets"]:
            unit = kinds[name]["unit"]
            measure = "wrong" if kinds[name]["kind"] == "class" else f"MSE, {unit}²"
            table.add_column(
                f"{escape(name)}\n{measure if unit or measure == 'wrong' else 'MSE'}",
                justify="right",
            )
        for method in results["methods"]:
            cells = [_cell(found[split["name"], method["name"], n]) for n in split["targets"]]
            table.add_row(escape(method["name"]), *cells)
        console.print(table)
    typer.echo(f"report: {folder / 'report.html'}")


def _cell(score: dict[str, Any]) -> str:
    """Return a mean, with its interval on the line below where there is one."""

    def said(value: float) -> str:
        return f"{100 * value:.2f} %" if score["measure"] == "error" else f"{value:.4g}"

    if score["low"] is None:
        return said(score["mean"])
    return f"{said(score['mean'])}\n[{said(score['low'])}, {said(score['high'])}]"
