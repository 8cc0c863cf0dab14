"""``snellen superres export``: a weights file as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from snellen.errors import UserError
from snellen.files import shown

__all__ = ["export"]


def export(
    weights: Annotated[
        str,
        typer.Argument(
            metavar="WEIGHTS",
            help="A weights file (.safetensors); shipped or shipped:LOSS (weights that come with"
            " snellen; ms-ssim where no loss is named).",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="The file to write.")],
    scale: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The scale that they were trained for; needed for shipped alone, as a file says"
            " its own.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CLASS",
            help="The network of weights that are not of one of snellen's; its code is run.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT.onnx if it exists.")] = False,
) -> None:
    """Write a trained network as ONNX, for any height and width, checked against PyTorch.

    Its input is Y in [0, 1], (1, 1, H, W): already enlarged by bicubic interpolation, or of low
    resolution for a network that enlarges inside.
    """
    if out.suffix != ".onnx":
        raise UserError(f"the name {shown(out)} must end in .onnx.")
    if out.exists() and not force:
        raise UserError(f"{shown(out)} exists already: name another file, or type --force.")

    from snellen.networks import named_weights, read_weights
    from snellen.networks.export import check_export_packages, export_onnx

    check_export_packages()
    source = named_weights(weights, scale)
    built, card = read_weights(source, scale=scale, network=network)
    difference = export_onnx(out, built, card)
    typer.echo(
        f"{shown(out)}: {card['network']}, ×{card['scale']}, trained under {card['loss']}; differs "
        f"from PyTorch by {difference:.1g} at most."
    )
