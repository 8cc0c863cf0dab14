"""``snellen study analyse``: from the answers to a report."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["analyse"]


def analyse(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")],
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="What is compared with people, separated by commas: some of mse, mae, psnr, ssim,"
            " ms-ssim, or package.module:function:lower (or :higher) for your own; none for none.",
            show_default="mse,mae,psnr,ssim,ms-ssim",
        ),
    ] = None,
    gallery: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The model whose best and worst pictures are shown.",
            show_default="the one with the lowest mean rank",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where to write; an older analysis there is replaced.",
            show_default="STUDY/analysis",
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(metavar="N", help="Draws of every bootstrap; 240 or more for three models."),
    ] = 5000,
    unlock: Annotated[
        bool,
        typer.Option(
            "--unlock",
            help="Look though the study is not closed; that is noted for ever, in every report.",
        ),
    ] = False,
) -> None:
    """Analyse the answers: report.html, results.json and csv/ in STUDY/analysis.

    Before the study is closed (`snellen study close`) the result is withheld, for who looks early
    is tempted to stop when it pleases.

    Example: snellen study analyse studies/faces --metrics ssim,ms-ssim
    """
    from snellen.cli.study.shared import opened, progress_of, sentences_about
    from snellen.files import shown
    from snellen.reports.study_cautions import early_looks
    from snellen.reports.study_takeaway import study_takeaway
    from snellen.study.analysis import analyse as run
    from snellen.study.metric_values import DEFAULT_METRICS

    compared = DEFAULT_METRICS if metrics is None else _names(metrics)
    there = opened(study)
    with sentences_about(there.database), progress_of("analysing the answers"):
        results = run(
            there,
            metrics=compared,
            gallery_model=gallery,
            resamples=resamples,
            out=out,
            unlock_result=unlock,
            command=shlex.join(["snellen", *map(shown, sys.argv[1:])]),
        )
    _show(results)
    typer.echo(f"report: {shown((study / 'analysis' if out is None else out) / 'report.html')}")
    told = [*early_looks(results)]
    for caution in study_takeaway(results).cautions:
        if caution not in told:
            typer.echo(f"note: {caution}", err=True)


def _names(text: str) -> tuple[str, ...]:
    """The names between commas, each once; of ``none`` there are none."""
    from snellen.errors import UserError
    from snellen.files import shown

    found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if found == ("none",):
        return ()
    if not found or "none" in found:
        raise UserError(
            f"--metrics {shown(text)[:60]!r}: name some, as in ssim,ms-ssim, or none alone to "
            "compare none."
        )
    return found


def _show(results: dict[str, Any]) -> None:
    """Print the sentence that was found, and a table of the models."""
    from rich.console import Console
    from rich.markup import escape

    from snellen.files import shown
    from snellen.reports.study_cautions import early_looks
    from snellen.reports.study_facts import as_shown
    from snellen.reports.study_takeaway import study_takeaway

    console = Console()
    if results["simulated"]:
        console.print("[bold red]SIMULATED[/]: no person gave these answers.")
    console.print(escape(shown(str(study_takeaway(results)))), highlight=False)
    for look in early_looks(results):
        console.print(f"[bold]Looked at early[/]: {escape(shown(look))}", highlight=False)
    if as_shown(results)["findings"]["rankings"]:
        console.print(_table(results))


def _table(results: dict[str, Any]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from snellen.files import shown
    from snellen.reports.study_facts import as_shown
    from snellen.reports.study_tables import rank_rows

    rows = rank_rows(as_shown(results)["findings"])
    table = Table(title=f"{100 * results['level']:g} % intervals below", title_justify="left")
    table.add_column("model", overflow="fold")
    for place in range(len(rows)):
        table.add_column(f"rank {place + 1}", justify="right")
    table.add_column("mean rank", justify="right")
    table.add_column("log worth", justify="right")
    for row in rows:
        cells = [*row.shares, row.mean, row.worth]
        texts = [f"{cell.value}\n{cell.limits}".rstrip() for cell in cells]
        table.add_row(escape(shown(row.name)), *map(escape, texts))
    return table
