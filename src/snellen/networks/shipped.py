"""The trained weights that come with snellen."""

from __future__ import annotations

from pathlib import Path

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images.protocols import SCALES
from snellen.networks.weights import read_card

__all__ = ["list_shipped_weights", "named_weights", "shipped_weights"]

FOLDER = Path(__file__).with_name("shipped_weights")


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


def shipped_weights(scale: int, loss: str = "ms-ssim", folder: Path = FOLDER) -> Path:
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
    """Return the weights file that is meant by ``shipped``, ``shipped:LOSS`` or a path.

    Without a loss, ``shipped`` is what was trained under MS-SSIM. The path need not exist,
    and needs no scale.

    Raises:
        UserError: no such weights come with snellen, or they were named without a scale.

    >>> named_weights("mine.safetensors", 4).name
    'mine.safetensors'
    """
    kind, _, loss = name.partition(":")
    if kind != "shipped" or Path(name).exists():
        return Path(name)
    if scale is None:
        scales = " or ".join(map(str, SCALES))
        raise UserError(f"{name!r} stands for weights of several scales: type --scale {scales}.")
    return shipped_weights(scale, loss, folder) if loss else shipped_weights(scale, folder=folder)
