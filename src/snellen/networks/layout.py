"""How features lie in memory."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["pixel_by_pixel"]


def pixel_by_pixel(features: Tensor) -> Tensor:
    """Lay out (N, C, H, W) with the channels of a pixel side by side, as fast convolutions want it.

    The layout goes from layer to layer, so that the weights can keep the usual one.

    >>> pixel_by_pixel(torch.rand(2, 1, 3, 4)).stride()
    (12, 1, 4, 1)
    """
    if torch.compiler.is_exporting():  # an exported graph leaves the layout to what will run it
        return features
    if features.shape[1] > 1:
        return features.contiguous(memory_format=torch.channels_last)
    # With one channel both layouts are the same memory, and only the strides tell which is meant.
    plain = features.contiguous()
    height, width = plain.shape[2:]
    return plain.as_strided(plain.shape, (height * width, 1, width, 1))
