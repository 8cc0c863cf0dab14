"""A fully connected autoencoder: dense layers, a linear code, the mirror of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from snellen.errors import UserError
from snellen.networks.autoencoders import FAINT, MID_GRAY, NARROW
from snellen.networks.sizes import check_code, check_pictures, check_sizes

__all__ = ["FullyConnectedAutoencoder", "FullyConnectedOptions"]


@dataclass(frozen=True)
class FullyConnectedOptions:
    """Sizes of a `FullyConnectedAutoencoder`; the default ones are our own choice.

    Args:
        size: side of the square pictures, in pixels.
        channels: 1 (gray) or 3 (colour).
        widths: units of each encoder layer, outermost first; the decoder mirrors them.
        code_size: numbers in the code.
        statistics: numbers that the encoder gives for each number of the code: 1, the code itself;
            2, its means and then its log-variances, for a `VariationalAutoencoder`.

    Raises:
        UserError: a size that cannot be built.

    >>> FullyConnectedOptions(channels=3).pixels
    3072
    """

    size: int = 32
    channels: int = 1
    widths: tuple[int, ...] = (1024, 1024)
    code_size: int = 128
    statistics: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        check_sizes(self, self.widths, self.statistics, what="units", example="1024,1024")
        if self.size < 1:
            raise UserError(f"the size must be at least 1 pixel, not {self.size}.")

    @property
    def pixels(self) -> int:
        """Numbers in a picture."""
        return self.channels * self.size**2


class FullyConnectedAutoencoder(nn.Module):
    """Picture → code → picture, by dense layers.

    The encoder is one dense layer and ReLU per width and ends in a linear code; the decoder is its
    mirror and ends linearly, so an output may lie a little outside [0, 1]. After the fully
    connected networks for 32×32 pictures of Snell et al., "Learning to Generate Images with
    Perceptual Similarity Metrics" (arXiv 1511.06409); the sizes are our own choice.

    The keys of its ``state_dict`` are ``encoder.<i>``, ``to_code``, ``from_code`` and
    ``decoder.<i>``, each ``.weight`` and ``.bias``, of the shapes of ``nn.Linear``.

    Args:
        options: the sizes; None for the defaults.
        **sizes: fields of `FullyConnectedOptions` that differ from `options`.

    Raises:
        UserError: a size that cannot be built.

    >>> import torch
    >>> network = FullyConnectedAutoencoder(size=9, widths=(20, 10), code_size=5)
    >>> pictures = torch.rand(2, 1, 9, 9)          # (N, C, S, S), values in [0, 1]
    >>> network.encode(pictures).shape
    torch.Size([2, 5])
    >>> network(pictures).shape
    torch.Size([2, 1, 9, 9])
    """

    def __init__(self, options: FullyConnectedOptions | None = None, **sizes: Any) -> None:
        super().__init__()
        options = dataclasses.replace(options or FullyConnectedOptions(), **sizes)
        self.options = options
        inward = (options.pixels, *options.widths)
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(inward))
        self.to_code = nn.Linear(inward[-1], options.statistics * options.code_size)
        self.from_code = nn.Linear(options.code_size, inward[-1])
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(inward[::-1]))
        self._initialise()

    def _initialise(self) -> None:
        """Keep the variance of the signal from layer to layer (He et al., arXiv 1502.01852).

        Except in the last: training starts from a nearly flat gray picture. SSIM punishes noise in
        smooth areas so hard that from a noisy start its gradient switches the ReLUs off for good.
        And a random code starts with little noise: while the noise is larger than what tells
        pictures apart, a decoder under SSIM learns one gray picture, and the code is never used.
        """
        last = self.decoder[-1]
        for layer in (*self.encoder, self.to_code, self.from_code, *self.decoder):
            weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
            gain = 1.0 if layer is self.to_code else 2.0  # 2 makes up for a ReLU
            if layer is last:
                gain = FAINT
            nn.init.normal_(weight, std=math.sqrt(gain / weight.shape[1]))
            nn.init.zeros_(bias)
        nn.init.constant_(last.get_parameter("bias"), MID_GRAY)
        if self.options.statistics == 2:
            nn.init.constant_(self.to_code.bias[self.options.code_size :], NARROW)

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the codes (N, code_size) of `pictures` (N, C, S, S), values in [0, 1].

        With two statistics, (N, 2·code_size): the means, then the log-variances.

        Raises:
            ValueError: pictures of another shape than the network's.
        """
        check_pictures(pictures, self.options)
        # Around zero: with all inputs positive the layers first learn one constant picture, and a
        # loss such as SSIM may stay there.
        features = (pictures - MID_GRAY).flatten(1)
        for layer in self.encoder:
            features = functional.relu_(layer(features))  # (N, width)
        code: Tensor = self.to_code(features)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures (N, C, S, S) of `code` (N, code_size), not clipped to [0, 1].

        Raises:
            ValueError: codes of another length than the network's.
        """
        options = self.options
        check_code(code, options)
        features = functional.relu_(self.from_code(code))
        *hidden, last = self.decoder
        for layer in hidden:
            features = functional.relu_(layer(features))  # (N, width)
        pictures: Tensor = last(features)
        return pictures.view(-1, options.channels, options.size, options.size)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the reconstructions (N, C, S, S) of `pictures` (N, C, S, S)."""
        return self.decode(self.encode(pictures))
