"""The poster's convolutional autoencoder: strided convolutions, a dense code, the mirror of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from snellen.errors import UserError
from snellen.networks.layout import pixel_by_pixel
from snellen.networks.sizes import check_code, check_pictures, check_sizes

__all__ = ["FAINT", "MID_GRAY", "NARROW", "AutoencoderOptions", "ConvAutoencoder"]

MID_GRAY = 0.5
FAINT = 1e-4  # a hundredth of the amplitude
NARROW = -6.0  # log-variance that a random code starts with: a standard deviation of 0.05
KERNEL = 5  # the poster's filters; padding 2 makes a stride-2 layer halve the side exactly


@dataclass(frozen=True)
class AutoencoderOptions:
    """Sizes of a `ConvAutoencoder`.

    Args:
        size: side of the square pictures, in pixels; a multiple of ``2 ** len(widths)``.
        channels: 1 (gray) or 3 (colour).
        widths: filters of each encoder layer, outermost first; the decoder mirrors them.
        code_size: numbers in the code.
        statistics: numbers that the encoder gives for each number of the code: 1, the code itself;
            2, its means and then its log-variances, for a `VariationalAutoencoder`.

    Raises:
        UserError: a size that cannot be built.

    >>> AutoencoderOptions(size=96, widths=(32, 64, 128)).code_side
    12
    """

    size: int = 96
    channels: int = 1
    widths: tuple[int, ...] = (128, 256, 512)
    code_size: int = 512
    statistics: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        check_sizes(self, self.widths, self.statistics, what="filters", example="128,256,512")
        factor = 1 << len(self.widths)
        if self.size < factor or self.size % factor:
            below = self.size // factor * factor
            near = f"{below} or {below + factor}" if below > 0 else f"{factor}"
            raise UserError(
                f"a size of {self.size} pixels does not fit a network that halves the side "
                f"{len(self.widths)} times: it must be a multiple of {factor}, such as {near}."
            )

    @property
    def code_side(self) -> int:
        """Side of the innermost feature maps, in pixels."""
        return self.size >> len(self.widths)


class ConvAutoencoder(nn.Module):
    """Picture → code → picture, by 5×5 stride-2 convolutions and one dense layer each way.

    The encoder halves the side once per width (convolution, ReLU) and ends in a linear code; the
    decoder is its mirror (dense, ReLU, then stride-2 transposed convolutions) and ends linearly,
    so an output may lie a little outside [0, 1]. Architecture: Snell et al., "Learning to Generate
    Images with Perceptual Similarity Metrics" (arXiv 1511.06409), with its sizes as options.

    The keys of its ``state_dict`` are ``encoder.<i>``, ``to_code``, ``from_code`` and
    ``decoder.<i>``, each ``.weight`` and ``.bias``, of the shapes of ``nn.Conv2d``, ``nn.Linear``
    and ``nn.ConvTranspose2d``.

    Args:
        options: the sizes; None for the poster's.
        **sizes: fields of `AutoencoderOptions` that differ from `options`.

    Raises:
        UserError: a size that cannot be built.

    >>> import torch
    >>> network = ConvAutoencoder(size=16, widths=(4, 8), code_size=5)
    >>> pictures = torch.rand(2, 1, 16, 16)          # (N, C, S, S), values in [0, 1]
    >>> network.encode(pictures).shape
    torch.Size([2, 5])
    >>> network(pictures).shape
    torch.Size([2, 1, 16, 16])
    """

    def __init__(self, options: AutoencoderOptions | None = None, **sizes: Any) -> None:
        super().__init__()
        options = dataclasses.replace(options or AutoencoderOptions(), **sizes)
        self.options = options
        outward = (options.channels, *options.widths)
        features = options.widths[-1] * options.code_side**2
        self.encoder = nn.ModuleList(
            nn.Conv2d(a, b, KERNEL, stride=2, padding=2) for a, b in pairwise(outward)
        )
        self.to_code = nn.Linear(features, options.statistics * options.code_size)
        self.from_code = nn.Linear(options.code_size, features)
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(a, b, KERNEL, stride=2, padding=2, output_padding=1)
            for a, b in pairwise(outward[::-1])
        )
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
            taps = weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):  # an output pixel meets a quarter of them
                taps = weight.shape[0] * KERNEL**2 // 4
            gain = 1.0 if layer is self.to_code else 2.0  # 2 makes up for a ReLU
            if layer is last:
                gain = FAINT
            nn.init.normal_(weight, std=math.sqrt(gain / taps))
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
        features = pixel_by_pixel(pictures - MID_GRAY)
        for layer in self.encoder:
            features = functional.relu_(layer(features))  # (N, width, S/2, S/2)
        code: Tensor = self.to_code(features.flatten(1))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures (N, C, S, S) of `code` (N, code_size), not clipped to [0, 1].

        Raises:
            ValueError: codes of another length than the network's.
        """
        options, side = self.options, self.options.code_side
        check_code(code, options)
        features = functional.relu_(self.from_code(code)).unflatten(1, (-1, side, side))
        features = pixel_by_pixel(features)
        *hidden, last = self.decoder
        for layer in hidden:
            features = functional.relu_(layer(features))  # (N, width, 2·S', 2·S')
        if features.device.type == "cpu" and isinstance(last, nn.ConvTranspose2d):
            return subpixel_transposed(features, last.weight, last.bias)
        pictures: Tensor = last(features)
        return pictures

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the reconstructions (N, C, S, S) of `pictures` (N, C, S, S)."""
        return self.decode(self.encode(pictures))


def subpixel_transposed(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute the decoder's 5×5 stride-2 transposed convolution as a 3×3 one of subpixels.

    Each of the four pixels that an input pixel becomes is one channel of an ordinary convolution
    (Shi et al., arXiv 1609.07009). With one or three output channels CPUs do this faster.

    >>> import torch
    >>> layer = nn.ConvTranspose2d(2, 1, 5, stride=2, padding=2, output_padding=1)
    >>> x = torch.rand(1, 2, 4, 4)
    >>> torch.allclose(subpixel_transposed(x, layer.weight, layer.bias), layer(x), atol=1e-6)
    True
    """
    # Output 2i+p takes tap p+2m from input i+1-m, so taps go apart by parity, and backwards.
    padded = functional.pad(weight, (0, 1, 0, 1))  # (in, out, 6, 6)
    kernel = functional.pixel_unshuffle(padded, 2).flip(-1, -2).transpose(0, 1)
    pictures = functional.pixel_shuffle(functional.conv2d(features, kernel, padding=1), 2)
    return pictures if bias is None else pictures + bias.view(1, -1, 1, 1)
