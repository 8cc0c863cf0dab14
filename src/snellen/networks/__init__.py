"""Networks that turn pictures into pictures."""

from snellen.networks.autoencoders import AutoencoderOptions, ConvAutoencoder
from snellen.networks.loading import NETWORKS, build_network
from snellen.networks.srcnn import SRCNN, SRCNNOptions

__all__ = [
    "NETWORKS",
    "SRCNN",
    "AutoencoderOptions",
    "ConvAutoencoder",
    "SRCNNOptions",
    "build_network",
]
