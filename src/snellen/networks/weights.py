"""Weights files: one safetensors file that says what it holds.

Its metadata has one key, ``snellen``, the card, as JSON: ``format`` (1), ``network`` and
``options`` (what `build_super_resolution_network` is called with), ``scale``, ``loss``, and what
else whoever trained it has to say, such as data, budget, protocol, results and terms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor, nn

from snellen.errors import UserError
from snellen.files import atomic_write, shown
from snellen.networks.loading import SUPER_RESOLUTION_NETWORKS, build_super_resolution_network

__all__ = ["read_card", "read_weights", "save_weights"]

FORMAT = 1
KEY = "snellen"
FIELDS: dict[str, type] = {"network": str, "options": dict, "scale": int, "loss": str}

Card = dict[str, Any]


def save_weights(path: str | PathLike[str], network: nn.Module, card: Mapping[str, Any]) -> None:
    """Write the weights of `network` and its `card` to `path`, whole or not at all.

    Args:
        path: the file, by custom ``*.safetensors``.
        network: the network, on any device, not wrapped.
        card: ``network``, ``options``, ``scale`` and ``loss``, and anything that JSON can hold.

    Raises:
        UserError: the place cannot be written.
        ValueError: a card without one of these, with a wrong type there, or with what JSON cannot
            hold, such as NaN.

    >>> import tempfile
    >>> network = build_super_resolution_network("srcnn-9-1-5", scale=3)
    >>> card = {"network": "srcnn-9-1-5", "options": {}, "scale": 3, "loss": "mse"}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(Path(folder, "x3.safetensors"), network, card)
    ...     read_card(Path(folder, "x3.safetensors"))["scale"]
    3
    """
    wrong = _wrong_field(card)
    if wrong:
        raise ValueError(f"the card needs {wrong}")
    try:
        text = json.dumps({"format": FORMAT, **card}, ensure_ascii=False, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"the card cannot be written as JSON: {error}") from error
    # A copy of each: safetensors takes no tensors that share memory or lie in another order.
    tensors = {
        key: value.detach().cpu().clone().contiguous()
        for key, value in network.state_dict().items()
    }
    atomic_write(path, safetensors.torch.save(tensors, {KEY: text}))


def read_card(path: str | PathLike[str]) -> Card:
    """Read what a weights file says of itself, without its weights.

    Raises:
        UserError: no such file, not a safetensors file, cut short, without a card, or of a newer
            format.
    """
    return _read(path, tensors=False)[0]


def read_weights(
    path: str | PathLike[str], *, scale: int | None = None, network: str | None = None
) -> tuple[nn.Module, Card]:
    """Build the network of a weights file and load its weights.

    A file never decides what code is run: a network that is not one of snellen's must be named.

    Args:
        path: the file.
        scale: the scale that it must have been trained for; None for any.
        network: the network that it must be of, such as ``package.module:Class``; None for any of
            snellen's.

    Returns:
        The network, on the CPU and in evaluation mode, and the card.

    Raises:
        UserError: as `read_card`; weights of another network or another scale; a network that
            cannot be had.
    """
    card, tensors = _read(path, tensors=True)
    name = shown(path)
    if scale is not None and scale != card["scale"]:
        raise UserError(
            f"{name} was trained for scale {card['scale']}, not {scale}: choose scale "
            f"{card['scale']}, or weights of scale {scale}."
        )
    spec = card["network"]
    if network is not None and network != spec:
        raise UserError(
            f"{name} holds weights of the network {shown(spec)!r}, not of {network!r}: name that "
            "one, or another file."
        )
    if network is None and spec not in SUPER_RESOLUTION_NETWORKS:
        raise UserError(
            f"{name} holds weights of the network {shown(spec)!r}, which is none of snellen's: "
            "name that network beside the file if you trust its code."
        )
    built = build_super_resolution_network(spec, scale=card["scale"], options=card["options"])
    for key, own in built.state_dict().items():
        given = tensors.get(key)
        if given is not None and given.is_floating_point() != own.is_floating_point():
            raise UserError(
                f"{key!r} in {name} is of {given.dtype}, not {own.dtype}: name another."
            )
    try:
        built.load_state_dict(tensors)
    except RuntimeError as error:  # its first line says that there is something, then come parts
        parts = [line.strip() for line in str(error).splitlines()[1:3]]
        raise UserError(
            f"the weights in {name} are not of the network {shown(spec)!r} that its card names: "
            f"{' '.join(parts)} Name another file."
        ) from error
    return built.eval(), card


def _read(path: str | PathLike[str], *, tensors: bool) -> tuple[Card, dict[str, Tensor]]:
    name = shown(path)
    if Path(path).is_dir():
        raise UserError(f"{name} is a folder: name a weights file (.safetensors) in it.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            keys = file.keys() if tensors else []
            found = {key: file.get_tensor(key) for key in keys}
    except FileNotFoundError as error:
        raise UserError(f"there is no file {name}: name a weights file (.safetensors).") from error
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror or error}.") from error
    except safetensors.SafetensorError as error:
        raise UserError(
            f"{name} is cut short or not a safetensors file ({error}): name another one, or fetch "
            "it anew."
        ) from error
    return _card(metadata, name), found


def _card(metadata: Mapping[str, str], name: str) -> Card:
    """Read the card out of the metadata of a file."""
    if KEY not in metadata:
        raise UserError(
            f"{name} has no card of snellen in it, which says what network its weights are of: "
            "name a weights file that snellen wrote."
        )
    try:
        card = json.loads(metadata[KEY])
    except ValueError as error:
        raise UserError(f"the card in {name} is damaged ({error}): name another file.") from error
    if isinstance(card, dict) and card.get("format") != FORMAT:
        raise UserError(
            f"{name} has format {card.get('format')!r}, and this version reads format {FORMAT}: "
            "use the version of snellen that wrote it."
        )
    wrong = _wrong_field(card)
    if wrong:
        raise UserError(f"the card in {name} is damaged, it needs {wrong}: name another file.")
    return card  # type: ignore[no-any-return]


def _wrong_field(card: Any) -> str:
    """Say which of the fields that every card has is missing or wrong; empty if none is."""
    if not isinstance(card, Mapping):
        return "fields"
    for field, kind in FIELDS.items():
        value = card.get(field)
        if not isinstance(value, kind) or isinstance(value, bool):
            return f"{field!r} as {kind.__name__}, not {value!r}"
    return "" if card["scale"] >= 1 else f"a 'scale' of 1 or more, not {card['scale']}"
