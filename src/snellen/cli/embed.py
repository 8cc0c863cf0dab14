"""``snellen embed``: the codes of pictures, from an autoencoder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from snellen.experiments.embedding import Codes
    from snellen.experiments.trained import Trained

__all__ = ["embed"]


def embed(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run folder of reconstruct or represent.")
    ],
    pictures: Annotated[
        str,
        typer.Argument(
            metavar="PICTURES",
            help="builtin, a folder, a picture, yale:DIR, cifar10:DIR, stl10:DIR or npz:FILE.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The .npz to write; earlier codes are replaced.")
    ],
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Under which the network was trained.",
            show_default="the only one of the run",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of its training.")] = 0,
    code_size: Annotated[
        int | None,
        typer.Option(help="Numbers in its code.", show_default="the only one of the run"),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of a run of represent: which split.",
            show_default="the only one of the run",
        ),
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of a cross-fitted run: which group of pictures was held out.",
            show_default="0",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="cpu, auto (a GPU where there is one), cuda, cuda:1, …")
    ] = "cpu",
    batch_size: Annotated[
        int, typer.Option(min=1, help="Pictures that the network sees at a time.")
    ] = 64,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write the codes as a table, too."),
    ] = None,
) -> None:
    """Write the codes that a trained autoencoder gives to pictures.

    FILE holds codes (N, code_size) and names, for numpy.load.

    Pictures that are damaged or smaller than the network's size are skipped and counted.
    """
    import os

    from snellen.datasets import summarise_skipped
    from snellen.errors import UserError
    from snellen.experiments.embedding import (
        refuse_other_file,
        table_begins,
        write_codes,
        write_table,
    )
    from snellen.experiments.trained import load
    from snellen.files import refuse_other, shown

    if csv_file is not None and os.path.realpath(csv_file) == os.path.realpath(out):
        raise UserError(f"--csv and --out are both {shown(out)}: name two files.")
    refuse_other_file(out)  # before the work, what could not be written after it
    trained = load(
        run, loss=loss, seed=seed, code_size=code_size, split=split, fold=fold, device=device
    )
    if csv_file is not None:
        refuse_other(csv_file, "--csv", table_begins(1))
    found = _codes(trained, pictures, batch_size)
    write_codes(out, found, trained)
    if csv_file is not None:
        write_table(csv_file, found)
    count, length = found.codes.shape
    skipped = summarise_skipped(found.skipped)
    typer.echo(
        f"{count} code{'s' * (count != 1)} of {length} number{'s' * (length != 1)}: {shown(out)}"
        f"{'; ' * bool(skipped)}{skipped}",
        err=True,
    )


def _codes(trained: Trained, spec: str, batch_size: int) -> Codes:
    """Encode a set of pictures, or a single one, and show how far it is on a terminal."""
    import os
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from snellen.datasets import open_pictures
    from snellen.experiments.embedding import Codes, embed
    from snellen.files import shown

    single = Path(os.path.expanduser(spec))
    if spec != "builtin" and single.suffix != ".npz" and os.path.isfile(single):
        return Codes(trained.encode(single), [shown(single.name)], [])
    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as progress:
        task = progress.add_task("looking at files", total=None)
        opened = open_pictures(
            spec,
            channels=trained.channels,
            min_side=trained.size,
            cache_bytes=0,  # each picture is looked at once
            progress=lambda files: progress.update(task, completed=files),
        )
        progress.reset(task, total=len(opened), description="encoding")
        return embed(
            trained, opened, batch_size=batch_size, step=lambda n: progress.advance(task, n)
        )
