"""The optimizers of a training: AdamW, or Muon for matrices with AdamW for the rest."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from snellen.training.options import TrainingOptions

__all__ = ["Optimizers"]

Named = tuple[str, nn.Parameter]


class Optimizers:
    """What moves the parameters of a network, all with one learning rate.

    Under ``muon`` every weight of two or more rows is a matrix, its first axis the rows, and is
    moved by `torch.optim.Muon` (Jordan et al., "Muon", 2024), at the rate that gives its steps the
    size of AdamW's; vectors and single rows are moved by AdamW. Under ``adamw`` all are.

    Args:
        parameters: name and parameter of each that is trained.
        options: the learning rate, weight decay and kind of optimizer.
        device: where the parameters are.
    """

    def __init__(
        self, parameters: Iterable[Named], options: TrainingOptions, device: torch.device
    ) -> None:
        self.named = dict(parameters)
        # A matrix shares the memory of its parameter: what moves the one moves the other.
        self._matrices: dict[str, nn.Parameter] = {}
        if options.optimizer == "muon":
            views = {name: as_matrix(parameter) for name, parameter in self.named.items()}
            self._matrices = {
                name: nn.Parameter(view.detach())
                for name, view in views.items()
                if view is not None
            }
        rate, decay = options.learning_rate, options.weight_decay
        self._all: list[torch.optim.Optimizer] = []
        if self._matrices:
            self._all.append(
                torch.optim.Muon(
                    self._matrices.values(),
                    adjust_lr_fn="match_rms_adamw",
                    lr=rate,
                    weight_decay=decay,
                )
            )
        rest = [p for name, p in self.named.items() if name not in self._matrices]
        if rest:
            fused = device.type in ("cpu", "cuda")
            self._all.append(torch.optim.AdamW(rest, fused=fused, lr=rate, weight_decay=decay))

    def step(self, learning_rate: float) -> None:
        """Move all parameters against their gradients, and forget these."""
        for name, matrix in self._matrices.items():
            gradient = self.named[name].grad
            matrix.grad = None if gradient is None else as_rows(gradient, like=self.named[name])
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
            optimizer.zero_grad()
        for parameter in self.named.values():
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Return the optimizers' state as ``<parameter>.<quantity>``."""
        return {
            f"{name}.{quantity}": value
            for name in self.named
            for quantity, value in self._state(name).items()
            if isinstance(value, Tensor)
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take the state that `tensors` gave."""
        for key, value in tensors.items():
            name, _, quantity = key.rpartition(".")
            parameter = self._held(name)
            # Fused optimizers walk through memory: the layout must be the parameter's, not the
            # file's.
            like = parameter if value.shape == parameter.shape else value
            placed = torch.empty_like(like, dtype=value.dtype, device=parameter.device)
            self._optimizer(name).state[parameter][quantity] = placed.detach().copy_(value)

    def _held(self, name: str) -> nn.Parameter:
        """Return what the optimizer of that parameter knows it as."""
        return self._matrices.get(name, self.named[name])

    def _optimizer(self, name: str) -> torch.optim.Optimizer:
        return self._all[0] if name in self._matrices else self._all[-1]

    def _state(self, name: str) -> dict[str, object]:
        found: dict[str, object] = self._optimizer(name).state.get(self._held(name), {})
        return found


def as_matrix(weight: Tensor) -> Tensor | None:
    """Return a weight as a matrix (rows, all else) in the same memory; None where it is no matrix.

    >>> as_matrix(torch.zeros(8, 4, 3, 3)).shape, as_matrix(torch.zeros(1, 4, 3, 3)), \
        as_matrix(torch.zeros(8))
    (torch.Size([8, 36]), None, None)
    """
    if weight.ndim < 2 or weight.shape[0] < 2 or weight[0].numel() < 2:
        return None
    try:
        return _outermost_first(weight, weight).view(weight.shape[0], -1)
    except RuntimeError:  # rows with gaps in memory
        return None


def as_rows(gradient: Tensor, like: Tensor) -> Tensor:
    """Return the gradient of a weight in the order of ``as_matrix(like)``."""
    return _outermost_first(gradient, like).reshape(len(gradient), -1)


def _outermost_first(values: Tensor, like: Tensor) -> Tensor:
    """Put the axes after the first in the order in which they lie in the memory of `like`."""
    inner = sorted(range(1, like.ndim), key=like.stride, reverse=True)
    return values.permute(0, *inner)
