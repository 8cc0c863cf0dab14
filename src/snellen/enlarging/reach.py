"""How far a network looks: which pixels of its input one pixel of its output depends on."""

from __future__ import annotations

import torch
from torch import nn

from snellen.networks import SRCNN, upsamples_inside

__all__ = ["reach"]

_MIDDLE = 96  # of the picture that is tried, in pixels from its edges
_FARTHEST = 64
_EQUAL = 1e-5  # of pictures in 0..1: what convolutions by other algorithms differ by, tenfold


def reach(network: nn.Module, scale: int) -> int | None:
    """How many pixels of the input, on each side, an output pixel depends on; None for no limit.

    Of an `SRCNN` it is known. Any other is given a picture with one NaN in it: all that depends on
    that pixel becomes NaN, whatever the weights. Then a part of a picture must give the same as
    that part of the whole, or else (networks that shrink inside, for instance, and see a grid)
    there is no limit either, and a picture must not be cut into tiles.

    Args:
        network: in evaluation mode; takes (N, 1, H, W), on the CPU.
        scale: the factor of enlargement, for networks that upsample inside.

    >>> reach(torch.nn.Conv2d(1, 1, 7, padding=3), 2)
    3
    """
    if isinstance(network, SRCNN):
        return network.margin
    factor = scale if upsamples_inside(network) else 1
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        picture = torch.rand(1, 1, 2 * _MIDDLE + 1, 2 * _MIDDLE + 1)
        value = picture[..., _MIDDLE, _MIDDLE].item()
        picture[..., _MIDDLE, _MIDDLE] = torch.nan
        reached = network(picture).isnan().nonzero()[:, 2:] // factor - _MIDDLE
        farthest = int(reached.abs().max()) if len(reached) else _MIDDLE
        if farthest > _FARTHEST:
            return None
        picture[..., _MIDDLE, _MIDDLE] = value
        whole = network(picture)
        edge = factor * farthest
        for top, left in ((7, 10), (8, 3)):  # odd and even places
            part = network(picture[..., top:, left:])[..., edge:, edge:]
            same = whole[..., factor * top + edge :, factor * left + edge :]
            if not torch.allclose(part, same, rtol=0, atol=_EQUAL):
                return None
    return farthest
