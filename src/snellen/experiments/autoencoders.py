"""The autoencoder that a configuration names: the same initial weights for every loss."""

from __future__ import annotations

import torch

from snellen.errors import UserError
from snellen.experiments.configuration import AutoencoderConfig
from snellen.metrics.loss_plans import LossPlan
from snellen.networks import VariationalAutoencoder, build_network, calibrate
from snellen.networks.variational import CALIBRATED_ON

__all__ = ["CALIBRATED_ON", "check_network", "network_for", "prepare_network"]


def network_for(config: AutoencoderConfig, code_size: int, seed: int) -> torch.nn.Module:
    """Return the network with the initial weights of `seed`, the same for every loss."""
    return build_network(
        config.network,
        size=config.size,
        channels=config.channels,
        code_size=code_size,
        widths=config.widths,
        nats_per_pixel=config.nats_per_pixel,
        kl_warmup=config.kl_warmup,
        seed=seed,
    )


def prepare_network(network: torch.nn.Module, loss: LossPlan, pictures: torch.Tensor) -> None:
    """Set what a network has to know before it is trained: the weight of the loss in a VAE.

    Any other network is left as it is.

    Args:
        network: as `network_for` gives it, on the CPU.
        loss: what it will be trained with; the last stage counts.
        pictures: training pictures, uint8 (n, C, S, S); the first `CALIBRATED_ON` are used.

    Raises:
        UserError: the loss of the mean picture is not above zero.
    """
    if isinstance(network, VariationalAutoencoder):
        chosen = pictures[:CALIBRATED_ON].float() / 255
        calibrate(network, loss.at(1.0), chosen, loss_name=loss.spec)


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
