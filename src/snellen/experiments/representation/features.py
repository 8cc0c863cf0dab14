"""The numbers that stand for a picture: codes, layers, and what they are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor, nn

from snellen.errors import UserError
from snellen.training.precision import strict_float32

__all__ = [
    "check_components",
    "check_encoder",
    "codes_of",
    "layer_of",
    "layers_of",
    "pixels_of",
    "principal_components",
]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_BATCH = 128
_WIDEST_COVARIANCE = 4096  # 134 MB


def check_encoder(network: nn.Module, spec: str, size: int, channels: int, code_size: int) -> None:
    """Refuse a network that gives no code of the size that was asked for.

    Raises:
        UserError: it has no ``encode``, it fails, or what it returns is no such code.
    """
    encode = getattr(network, "encode", None)
    if not callable(encode):
        raise UserError(
            f"the network {spec!r} has no method encode(pictures) that returns codes (N, "
            f"{code_size}): give it one, or name another --network."
        )
    try:
        with torch.no_grad():
            code = encode(torch.rand(2, channels, size, size))
    except Exception as error:  # a stranger's network may raise anything
        raise UserError(
            f"encode of the network {spec!r} fails on {size}×{size} pictures: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error
    if not isinstance(code, Tensor) or code.shape != (2, code_size):
        came = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
        raise UserError(
            f"encode of the network {spec!r} must return codes of shape (2, {code_size}) for two "
            f"pictures; got {came}."
        )


@torch.no_grad()
def codes_of(network: nn.Module, pixels: Pixels, device: torch.device) -> Floats:
    """Return the codes of uint8 pictures (n, C, S, S), in float32: (n, code_size).

    Raises:
        UserError: ``encode`` fails, or gives numbers that are not finite.
    """
    frozen: Any = network.eval()
    try:
        with strict_float32(device):
            parts = [frozen.encode(part).float().cpu() for part in _parts(pixels, device)]
    except Exception as error:  # a stranger's network may raise anything
        raise UserError(
            f"encode of the trained {type(network).__name__} fails: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}"
        ) from error
    codes = torch.cat(parts)
    if not bool(torch.isfinite(codes).all()):
        raise UserError(
            f"encode of the trained {type(network).__name__} gives codes that are not finite "
            "numbers: train it with a lower --learning-rate, or mend its encode."
        )
    return codes.numpy()


@torch.no_grad()
def layers_of(network: nn.Module, pixels: Pixels, device: torch.device) -> list[str]:
    """Return the names of the layers with weights, in the order of their first use.

    Args:
        network: the network.
        pixels: a few pictures that it takes, uint8 (n, C, S, S).
        device: where it is.

    The last layer, if it gives the reconstruction, is left out.
    """
    outputs = _outputs(network, pixels[:2], device, None)
    *_, last = _layers(network)
    picture = int(np.prod(pixels.shape[1:]))
    return [
        name
        for name, output in outputs.items()
        if not (name == last and output.shape[1] == picture)
    ]


def layer_of(network: nn.Module, layer: str, pixels: Pixels, device: torch.device) -> Floats:
    """Return what one layer gives for uint8 pictures, (n, numbers).

    A layer that is followed by an activation in its own memory, as those of snellen's networks are,
    is taken after it.
    """
    return _outputs(network, pixels, device, layer)[layer]


def _layers(network: nn.Module) -> dict[str, nn.Module]:
    """The modules that hold weights themselves."""
    return {
        name: layer
        for name, layer in network.named_modules()
        if name and not list(layer.children()) and list(layer.parameters(recurse=False))
    }


@torch.no_grad()
def _outputs(
    network: nn.Module, pixels: Pixels, device: torch.device, only: str | None
) -> dict[str, Floats]:
    """What the layers, or one of them, give for pictures; not what the network itself returns."""
    found: dict[str, list[Tensor]] = {}
    outputs: dict[str, Tensor] = {}

    def keeper(name: str) -> Any:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim >= 2:
                outputs[name] = output

        return keep

    hooks = [
        layer.register_forward_hook(keeper(name))
        for name, layer in _layers(network).items()
        if only in (None, name)
    ]
    try:
        network.eval()
        with strict_float32(device):
            for part in _parts(pixels, device):
                outputs.clear()
                made = network(part)
                for name, output in outputs.items():
                    if output.data_ptr() != made.data_ptr() and len(output) == len(part):
                        found.setdefault(name, []).append(output.flatten(1).float().cpu())
    finally:
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}


def pixels_of(pixels: Pixels) -> Floats:
    """Return the pictures themselves, in [0, 1]: (n, C·S·S)."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)


def check_components(count: int, pictures: int, numbers: int) -> None:
    """Refuse more principal components than there are.

    Raises:
        UserError: they are more than the pictures, or than the numbers of a picture.
    """
    most = min(pictures, numbers)
    if count > most:
        raise UserError(
            f"{most} principal components can be had of {pictures} training pictures of {numbers} "
            f"numbers, and {count} are needed beside a code of {count}: ask for a --code-size of "
            f"{most} or less, or leave pca out of the --baselines."
        )


def principal_components(train: Pixels, held_out: Pixels, count: int) -> tuple[Floats, Floats]:
    """Return the first principal components, found in the training part without labels.

    Raises:
        UserError: there are not so many.
    """
    numbers = int(np.prod(train.shape[1:]))
    check_components(count, len(train), numbers)
    # The covariance has numbers² entries, whatever the number of pictures.
    solver = "covariance_eigh" if numbers <= _WIDEST_COVARIANCE else "randomized"
    analysis = PCA(count, svd_solver=solver, random_state=0)
    left = analysis.fit_transform(pixels_of(train).astype(np.float64))
    return left.astype(np.float32), analysis.transform(pixels_of(held_out)).astype(np.float32)


def _parts(pixels: Pixels, device: torch.device) -> Any:
    for start in range(0, len(pixels), _BATCH):
        part = torch.from_numpy(pixels[start : start + _BATCH])
        yield part.to(device).float() / 255
