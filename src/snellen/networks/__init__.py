"""Networks that turn pictures into pictures."""

from snellen.networks.autoencoders import AutoencoderOptions, ConvAutoencoder
from snellen.networks.loading import NETWORKS, build_network

__all__ = ["NETWORKS", "AutoencoderOptions", "ConvAutoencoder", "build_network"]
