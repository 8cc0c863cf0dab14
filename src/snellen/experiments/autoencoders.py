"""The autoencoder that a configuration names: the same initial weights for every loss."""

from __future__ import annotations

import torch

from snellen.errors import UserError
from snellen.experiments.configuration import AutoencoderConfig
from snellen.networks import build_network

__all__ = ["check_network", "network_for"]


def network_for(config: AutoencoderConfig, code_size: int, seed: int) -> torch.nn.Module:
    """Return the network with the initial weights of `seed`, the same for every loss."""
    return build_network(
        config.network,
        size=config.size,
        channels=config.channels,
        code_size=code_size,
        widths=config.widths,
        seed=seed,
    )


def check_network(network: torch.nn.Module, config: AutoencoderConfig) -> None:
    """Refuse a network that does not give back pictures of the size that it took.

    Raises:
        UserError: it fails on such pictures, or returns something else.
    """
    picture = torch.rand(2, config.channels, config.size, config.size)
    try:
        with torch.no_grad():
            output = network(picture)
    except Exception as error:  # a stranger's network may raise anything
        raise UserError(
            f"the network {config.network!r} fails on {config.size}×{config.size} pictures: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error
    if not isinstance(output, torch.Tensor) or output.shape != picture.shape:
        came = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise UserError(
            f"the network {config.network!r} must return pictures of the shape it takes, "
            f"{tuple(picture.shape)}; got {came}."
        )
