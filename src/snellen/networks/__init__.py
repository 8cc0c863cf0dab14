"""Networks that turn pictures into pictures."""

from snellen.networks.autoencoders import AutoencoderOptions, ConvAutoencoder
from snellen.networks.fully_connected import FullyConnectedAutoencoder, FullyConnectedOptions
from snellen.networks.loading import (
    DEFAULT_WIDTHS,
    NETWORKS,
    SUPER_RESOLUTION_NETWORKS,
    build_network,
    build_super_resolution_network,
)
from snellen.networks.output_size import check_output_size, upsamples_inside
from snellen.networks.shipped import list_shipped_weights, named_weights, shipped_weights
from snellen.networks.srcnn import SRCNN, SRCNNOptions
from snellen.networks.variational import (
    VariationalAutoencoder,
    calibrate,
    kl_to_standard_normal,
)
from snellen.networks.weights import read_card, read_weights, save_weights

__all__ = [
    "DEFAULT_WIDTHS",
    "NETWORKS",
    "SRCNN",
    "SUPER_RESOLUTION_NETWORKS",
    "AutoencoderOptions",
    "ConvAutoencoder",
    "FullyConnectedAutoencoder",
    "FullyConnectedOptions",
    "SRCNNOptions",
    "VariationalAutoencoder",
    "build_network",
    "build_super_resolution_network",
    "calibrate",
    "check_output_size",
    "kl_to_standard_normal",
    "list_shipped_weights",
    "named_weights",
    "read_card",
    "read_weights",
    "save_weights",
    "shipped_weights",
    "upsamples_inside",
]
