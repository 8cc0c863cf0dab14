"""An encoder that is told the labels: what the same network learns when it sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LabelLoss", "SupervisedEncoder"]


class SupervisedEncoder(nn.Module):
    """The encoder of an autoencoder, and one linear layer from its code to the labels.

    Args:
        autoencoder: a network with ``encode``; what it does not need for its code is not trained.
        size: side of its pictures, in pixels.
        channels: 1 or 3.
        outputs: numbers that say the labels, see `LabelLoss`.

    >>> from snellen.networks import build_network
    >>> network = build_network(
    ...     "conv-autoencoder", size=16, channels=1, code_size=4, widths=(4, 8), seed=1)
    >>> SupervisedEncoder(network, size=16, channels=1, outputs=3)(torch.rand(2, 1, 16, 16)).shape
    torch.Size([2, 3])
    """

    def __init__(self, autoencoder: nn.Module, *, size: int, channels: int, outputs: int) -> None:
        super().__init__()
        self.autoencoder: Any = autoencoder
        code = self.encode(torch.rand(2, channels, size, size))
        self.head = nn.Linear(code.shape[1], outputs)
        # Gradients tell which weights the code depends on; several processes wait for the others.
        self.head(code).sum().backward()
        for parameter in self.autoencoder.parameters():
            parameter.requires_grad_(parameter.grad is not None)
            parameter.grad = None
        self.head.zero_grad()

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the codes (N, code_size) of `pictures` (N, C, S, S), values in [0, 1]."""
        code: Tensor = self.autoencoder.encode(pictures)
        return code

    def forward(self, pictures: Tensor) -> Tensor:
        """Return what says the labels of `pictures`, (N, outputs)."""
        said: Tensor = self.head(self.encode(pictures))
        return said


class LabelLoss(nn.Module):
    """Cross-entropy for each class column plus the squared error of each number.

    Args:
        widths: how many of the outputs belong to each class column, in their order; what is left
            are numbers.

    >>> loss = LabelLoss([2])
    >>> float(loss(torch.tensor([[0.0, 0.0, 3.0]]), torch.tensor([[1.0, 0.0, 2.0]])))  # ln 2 + 1
    1.693...
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss of `preds` (N, K); `target` (N, K) holds one-hot classes."""
        rest = preds.shape[1] - sum(self.widths)
        said = preds.split([*self.widths, rest], dim=1)
        true = target.split([*self.widths, rest], dim=1)
        total = preds.new_zeros(())
        for logits, shares in zip(said[:-1], true[:-1], strict=True):
            total = total + functional.cross_entropy(logits, shares)
        if rest:
            total = total + functional.mse_loss(said[-1], true[-1]) * rest
        return total
