"""The trained weights that come with snellen."""

from __future__ import annotations

import os
from pathlib import Path

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images.protocols import SCALES
from snellen.networks.weights import read_card

__all__ = ["list_shipped_weights", "named_weights", "shipped_weights"]

FOLDER = Path(__file__).with_name("shipped_weights")
LOSSES = ("ms-ssim", "mse")  # what every scale comes under
DEFAULT_LOSS = LOSSES[0]


def list_shipped_weights(folder: Path = FOLDER) -> dict[tuple[int, str], Path]:
    """Return the weights files of `folder` by scale and loss, in this order.

    What a file holds is read from its card, not from its name.

    Raises:
        UserError: a file that cannot be read, or two for the same scale and loss.
    """
    found: dict[tuple[int, str], Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        card = read_card(path)
        key = card["scale"], card["loss"]
        if key in found:
            raise UserError(
                f"{shown(found[key])} and {shown(path)} are both for scale {key[0]} and loss "
                f"{key[1]}: remove one of them."
            )
        found[key] = path
    return dict(sorted(found.items()))


def shipped_weights(scale: int, loss: str = DEFAULT_LOSS, folder: Path = FOLDER) -> Path:
    """Return the weights file for a scale, trained under a loss; `read_weights` reads it.

    Args:
        scale: the factor of enlargement.
        loss: the name of the loss that it was trained under, such as ``ms-ssim`` or ``mse``.
        folder: where the files lie; those of the package by default.

    Raises:
        UserError: there is none; the message names what there is.
    """
    found = list_shipped_weights(folder)
    if (scale, loss) in found:
        return found[scale, loss]
    if not found:
        raise UserError(
            f"no weights come with this installation (there are none in {shown(folder)}): install "
            "snellen anew, or name a weights file of your own."
        )
    losses = list(dict.fromkeys(found_loss for _, found_loss in found))
    there_are = ", ".join(f"×{found_scale} {found_loss}" for found_scale, found_loss in found)
    meant = "" if loss in losses else nearest(loss, losses)
    raise UserError(
        f"no weights for scale {scale} under {loss!r} come with snellen.{meant} There are "
        f"{there_are}: choose one of them, or name a weights file of your own."
    )


def named_weights(name: str, scale: int | None, folder: Path = FOLDER) -> Path:
    """Return the weights file that is meant by what a user types.

    Args:
        name: the loss of weights that come with snellen, such as ``ms-ssim`` or ``mse``;
            ``shipped:LOSS`` for the same, ``shipped`` for those of MS-SSIM; or a path, which ends
            in ``.safetensors`` or has a separator in it. A path need not exist, and what lies in
            the current directory never changes what a loss means.
        scale: the factor of enlargement; None where a path says it.
        folder: where the files lie; those of the package by default.

    Raises:
        UserError: no such weights come with snellen, or they were named without a scale.

    >>> named_weights("mine.safetensors", 4).name, named_weights("runs/best", 4).name
    ('mine.safetensors', 'best')
    """
    if name.endswith(".safetensors") or os.sep in name or (os.altsep or os.sep) in name:
        return Path(name)
    kind, _, loss = name.partition(":")
    losses = dict.fromkeys((*LOSSES, *(found for _, found in list_shipped_weights(folder))))
    if kind == "shipped" or name in losses:
        if scale is None:
            scales = " or ".join(map(str, SCALES))
            raise UserError(
                f"{name!r} stands for weights of several scales: type --scale {scales}."
            )
        return shipped_weights(scale, name if name in losses else loss or DEFAULT_LOSS, folder)
    bicubic = "bicubic"  # a method without weights
    problem = f"there is no method {name!r}.{nearest(name, (bicubic, 'shipped', *losses))}"
    raise UserError(
        f"{'bicubic has no weights.' if name == bicubic else problem} Weights are called"
        f" {', '.join(losses)}, shipped or shipped:LOSS where they come with snellen; type one of"
        " these, or the path of a .safetensors file."
    )
