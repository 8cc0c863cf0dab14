"""SRCNN: three convolutions that sharpen an enlarged picture."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from snellen.errors import UserError, nearest
from snellen.networks.layout import pixel_by_pixel

__all__ = ["SRCNN", "SRCNNOptions"]

STARTS = ("he", "identity")


@dataclass(frozen=True)
class SRCNNOptions:
    """Sizes and initial weights of an `SRCNN`.

    Args:
        kernels: sides of the filters of the three layers, in pixels; odd.
        filters: filters of the first two layers; the last has one.
        start: ``he``, random weights that keep the variance of the signal; ``identity``, one filter
            of each layer passes the picture through, so that the untrained network returns it, and
            the others are those of ``he`` less their mean.
        faint: under ``identity``, the amplitude of the random filters' part in the last layer, as a
            fraction of what it is under ``he``.

    Raises:
        UserError: sizes that cannot be built, or no such start.

    >>> SRCNNOptions(kernels=(9, 1, 5)).margin
    6
    """

    kernels: tuple[int, ...] = (9, 5, 5)
    filters: tuple[int, ...] = (64, 32)
    start: str = "he"
    faint: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernels", _numbers("kernels", self.kernels))
        object.__setattr__(self, "filters", _numbers("filters", self.filters))
        if len(self.kernels) != 3 or any(side < 1 or side % 2 == 0 for side in self.kernels):
            raise UserError(
                f"the kernels must be three positive odd sides in pixels, such as 9,5,5, not "
                f"{_listed(self.kernels)}."
            )
        if len(self.filters) != 2 or min(self.filters) < 1:
            raise UserError(
                f"the filters must be two positive numbers, those of the first two layers, such "
                f"as 64,32, not {_listed(self.filters)}."
            )
        if self.start not in STARTS:
            raise UserError(
                f"there is no start {self.start!r}.{nearest(self.start, STARTS)} "
                f"Type {' or '.join(STARTS)}."
            )
        if not 0 <= self.faint < math.inf:
            raise UserError(f"faint must be a number from 0 on, such as 0.01, not {self.faint}.")

    @property
    def margin(self) -> int:
        """What three convolutions without padding lose on each side, in pixels."""
        return sum(side // 2 for side in self.kernels)


class SRCNN(nn.Module):
    """Enlarged picture → sharper picture of the same size: features, mapping, reconstruction.

    Source: Dong et al., "Image Super-Resolution Using Deep Convolutional Networks" (arXiv
    1501.00092): three convolutions, ReLU after the first two, on the Y channel that bicubic
    interpolation has enlarged. The output is not clipped to [0, 1].

    In evaluation mode each layer's input is continued beyond its border by its outermost pixels, so
    that the output has the size of the input. In training mode nothing is continued, and the output
    is smaller by `margin` pixels on every side.

    The keys of its ``state_dict`` are ``features``, ``mapping`` and ``reconstruction``, each
    ``.weight`` and ``.bias``, of the shapes of ``nn.Conv2d``.

    Args:
        options: the sizes; None for 9-5-5 with 64 and 32 filters.
        **sizes: fields of `SRCNNOptions` that differ from `options`.

    Raises:
        UserError: sizes that cannot be built.

    >>> network = SRCNN(kernels=(9, 1, 5))
    >>> enlarged = torch.rand(2, 1, 33, 40)          # (N, 1, H, W), Y with values in [0, 1]
    >>> network(enlarged).shape
    torch.Size([2, 1, 21, 28])
    >>> network.eval()(enlarged).shape
    torch.Size([2, 1, 33, 40])
    """

    def __init__(self, options: SRCNNOptions | None = None, **sizes: Any) -> None:
        super().__init__()
        options = dataclasses.replace(options or SRCNNOptions(), **sizes)
        self.options = options
        (first, second, third), (features, maps) = options.kernels, options.filters
        self.features = nn.Conv2d(1, features, first)
        self.mapping = nn.Conv2d(features, maps, second)
        self.reconstruction = nn.Conv2d(maps, 1, third)
        self._initialise()

    @property
    def margin(self) -> int:
        """How much smaller than the input the output is on each side in training, in pixels."""
        return self.options.margin

    def _layers(self) -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]:
        return self.features, self.mapping, self.reconstruction

    def _initialise(self) -> None:
        """Keep the variance of the signal from layer to layer (He et al., arXiv 1502.01852)."""
        for layer in self._layers():
            gain = 1.0 if layer is self.reconstruction else 2.0  # 2 makes up for a ReLU
            nn.init.normal_(layer.weight, std=math.sqrt(gain / layer.weight[0].numel()))
            nn.init.zeros_(layer.get_parameter("bias"))
        if self.options.start == "identity":
            self._pass_through()

    @torch.no_grad()
    def _pass_through(self) -> None:
        """Let the first filters hand the picture on, and the last layer take little of the others.

        A ReLU leaves values from 0 on as they are. The other filters lose their mean: on pictures,
        which are positive throughout, the sign of a filter's sum would switch it on or off for
        good.
        """
        self.reconstruction.weight *= self.options.faint
        for layer in self._layers():
            if layer is not self.reconstruction:
                layer.weight -= layer.weight.mean((1, 2, 3), keepdim=True)
            middle = layer.kernel_size[0] // 2
            layer.weight[0, 0] = 0
            if layer is self.mapping:
                layer.weight[0] = 0
            layer.weight[0, 0, middle, middle] = 1

    def forward(self, enlarged: Tensor) -> Tensor:
        """Return the sharpened pictures of `enlarged` (N, 1, H, W), values in [0, 1].

        (N, 1, H, W) in evaluation mode; (N, 1, H - 2·margin, W - 2·margin) in training mode.

        Raises:
            ValueError: another shape; in training mode, pictures that leave no output pixel.
        """
        least = 2 * self.margin + 1 if self.training else 1
        if enlarged.ndim != 4 or enlarged.shape[1] != 1 or min(enlarged.shape[2:]) < least:
            raise ValueError(
                f"pictures of shape {tuple(enlarged.shape)}; this network needs (N, 1, H, W) with "
                f"H and W of {least} or more{' in training mode' if self.training else ''}"
            )
        features = pixel_by_pixel(enlarged)
        for layer in self._layers():
            if not self.training:
                features = functional.pad(features, (layer.kernel_size[0] // 2,) * 4, "replicate")
            features = layer(features)
            if layer is not self.reconstruction:
                features = functional.relu_(features)  # (N, filters, H, W)
        return features


def _numbers(name: str, given: Sequence[int] | str) -> tuple[int, ...]:
    """Whole numbers in a row, as a list or as a command line has them: ``9,5,5``."""
    parts = given.split(",") if isinstance(given, str) else given
    try:
        return tuple(int(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise UserError(f"the {name} must be whole numbers, such as 9,5,5, not {given}.") from error


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers)) or "nothing"
