"""Networks that turn pictures into pictures."""

from snellen.networks.autoencoders import AutoencoderOptions, ConvAutoencoder
from snellen.networks.loading import (
    NETWORKS,
    SUPER_RESOLUTION_NETWORKS,
    build_network,
    build_super_resolution_network,
)
from snellen.networks.output_size import check_output_size, upsamples_inside
from snellen.networks.shipped import list_shipped_weights, named_weights, shipped_weights
from snellen.networks.srcnn import SRCNN, SRCNNOptions
from snellen.networks.weights import read_card, read_weights, save_weights

__all__ = [
    "NETWORKS",
    "SRCNN",
    "SUPER_RESOLUTION_NETWORKS",
    "AutoencoderOptions",
    "ConvAutoencoder",
    "SRCNNOptions",
    "build_network",
    "build_super_resolution_network",
    "check_output_size",
    "list_shipped_weights",
    "named_weights",
    "read_card",
    "read_weights",
    "save_weights",
    "shipped_weights",
    "upsamples_inside",
]
