"""All Triton kernels of the NVIDIA engine; importing this imports Triton."""

from __future__ import annotations

from snellen.metrics.engines.cuda_filters import edge_weights
from snellen.metrics.engines.cuda_level import level
from snellen.metrics.engines.cuda_product import (
    combine,
    halve_upstream,
    product_of_maps,
    product_of_means,
)

__all__ = [
    "combine",
    "edge_weights",
    "halve_upstream",
    "level",
    "product_of_maps",
    "product_of_means",
]
