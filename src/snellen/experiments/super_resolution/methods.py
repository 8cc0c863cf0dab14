"""Methods by what is typed for them: bicubic, shipped weights, a file of weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from snellen.errors import UserError, nearest
from snellen.experiments.super_resolution.evaluation import Method, NetworkMethod, bicubic
from snellen.files import shown
from snellen.networks.loading import SUPER_RESOLUTION_NETWORKS
from snellen.networks.shipped import named_weights
from snellen.networks.weights import read_card, read_weights

__all__ = ["method_named", "methods_named", "split_names"]

_NAMES = ("bicubic", "shipped")


def method_named(name: str, scale: int, network: str | None = None) -> Method:
    """Return the method that a name stands for, ready to be used at a scale.

    Args:
        name: ``bicubic``; ``shipped`` or ``shipped:LOSS`` for weights that come with the package
            (trained under MS-SSIM where no loss is named); or the path of a ``.safetensors`` file.
        scale: by which pictures will be enlarged.
        network: ``package.module:Class`` of weights of a network that is not one of ours: a file
            never decides which code is run.

    Raises:
        UserError: no such method, weights or file; weights that are damaged, of another kind, or
            trained for another scale.

    >>> method_named("bicubic", 4).__name__
    'bicubic'
    """
    if name == "bicubic":
        return bicubic
    path = named_weights(name, scale)
    if not path.exists() and path.suffix != ".safetensors":
        raise UserError(
            f"there is no method {name!r}.{nearest(name, _NAMES)} Type bicubic, shipped,"
            " shipped:LOSS (such as shipped:mse) or the path of a .safetensors file."
        )
    stranger = network if network is not None and _is_strangers(path) else None
    built, _ = read_weights(path, scale=scale, network=stranger)
    return NetworkMethod(built, shown(name))


def methods_named(
    names: Iterable[str], scale: int, network: str | None = None
) -> dict[str, Method]:
    """Return the methods that names stand for, by what tables call them.

    Args:
        names: see `method_named`.
        scale: by which pictures will be enlarged.
        network: of those among them that are not of one of our networks.

    Raises:
        UserError: as `method_named`; no name at all, or a `network` that is of none of them.
    """
    names = list(names)
    methods = {shown(name): method_named(name, scale, network) for name in names}
    if not methods:
        raise UserError("--method names none: type bicubic, shipped or a .safetensors file.")
    files = (named_weights(name, scale) for name in names if name != "bicubic")
    if network is not None and not any(_is_strangers(path) for path in files):
        raise UserError(
            f"--network {network} is of none of the methods, all of which are snellen's own: leave "
            "it out, or name weights of that network."
        )
    return methods


def _is_strangers(path: Path) -> bool:
    """Whether a file holds weights of a network that is not one of ours."""
    return read_card(path)["network"] not in SUPER_RESOLUTION_NETWORKS


def split_names(given: Iterable[str]) -> list[str]:
    """Take comma-separated names apart, each once; a file whose name has a comma stays whole.

    >>> split_names(["bicubic,shipped", "shipped"])
    ['bicubic', 'shipped']
    """
    names: dict[str, None] = {}
    for text in given:
        parts = [text] if Path(text).exists() else text.split(",")
        names.update((part.strip(), None) for part in parts if part.strip())
    return list(names)
