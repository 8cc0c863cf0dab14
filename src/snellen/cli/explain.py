"""``snellen explain``: what two SSIM conventions do differently, and by how much."""

from __future__ import annotations

from typing import Annotated

import typer

from snellen.errors import UserError

__all__ = ["explain"]


def explain(
    convention: Annotated[str, typer.Argument(metavar="NAME", help="As in score --convention.")],
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="What it is compared with.")
    ] = None,
) -> None:
    """Say in words how a convention computes SSIM, or how two differ, with both on a sample."""
    from snellen.metrics.explain import explanation

    try:
        text = str(explanation(convention, other))
    except ValueError as error:
        raise UserError(str(error)) from error
    typer.echo(text)
