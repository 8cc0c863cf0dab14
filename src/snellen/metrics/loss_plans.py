"""Losses by name, and which of them is trained at which part of a training."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from snellen.metrics.conventions import get_convention, suggestion
from snellen.metrics.losses import MS_SSIM_LOSS, MixedLoss, MSSSIMLoss, SSIMLoss

__all__ = ["LOSSES", "LossPlan", "parse_loss"]

Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: dict[str, Callable[[], nn.Module]] = {
    "mse": nn.MSELoss,
    "mae": nn.L1Loss,
    "ssim": SSIMLoss,
    "ms-ssim": MSSSIMLoss,
    "ms-ssim+l1": MixedLoss,
    "ms-ssim+mse": partial(MixedLoss, pixelwise="mse"),
    "ssim+l1": partial(MixedLoss, multiscale=False),
    "ssim+mse": partial(MixedLoss, multiscale=False, pixelwise="mse"),
}

# One part of a sum, such as ``30*mse`` or ``ms-ssim[poster]``.
TERM = re.compile(r"(?:(\d*\.?\d+(?:e-?\d+)?)\*)?([a-z0-9-]+)(?:\[([\w-]+)\])?")
EXPONENTS_ONE = replace(MS_SSIM_LOSS, exponents="ones")
STRUCTURAL = {"ssim": SSIMLoss, "ms-ssim": MSSSIMLoss}
PIXELWISE: dict[str, Literal["l1", "mse"]] = {"l1": "l1", "mae": "l1", "mse": "mse"}


@dataclass(frozen=True)
class LossPlan:
    """Which loss is trained at which part of a training; most have one loss all through.

    Attributes:
        spec: the text that it was made from, such as ``mse>ms-ssim@0.5``.
        stages: (fraction of the training at which it starts, loss), in order; the first starts
            at 0.
    """

    spec: str
    stages: tuple[tuple[float, nn.Module], ...]

    def at(self, fraction: float) -> nn.Module:
        """Return the loss in use at this fraction, in [0, 1], of the training."""
        later = (loss for start, loss in reversed(self.stages) if fraction >= start)
        return next(later, self.stages[0][1])

    def check(self, size: int, channels: int) -> None:
        """Try every stage on two random pictures of that size.

        Raises:
            ValueError: a loss refuses them, or gives no differentiable finite number.
        """
        generator = torch.Generator().manual_seed(0)
        target = torch.rand(2, channels, size, size, generator=generator)
        for _, loss in self.stages:
            preds = torch.rand(2, channels, size, size, generator=generator, requires_grad=True)
            try:
                value = loss(preds, target)
            except Exception as error:  # a stranger's loss may raise anything
                raise ValueError(
                    f"The loss {self.spec!r} fails on pictures of shape {tuple(preds.shape)}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if not (isinstance(value, Tensor) and value.ndim == 0 and value.requires_grad):
                raise ValueError(
                    f"The loss {self.spec!r} must return one differentiable number, a tensor "
                    "without axes, from (preds, target) of shape (N, C, H, W)."
                )
            if not bool(torch.isfinite(value)):
                raise ValueError(f"The loss {self.spec!r} gives {value.item()} on random pictures.")


def parse_loss(spec: str) -> LossPlan:
    """Make the losses that a command line names.

    Args:
        spec: ``mse``, ``mae``, ``ssim``, ``ms-ssim``, ``ms-ssim+l1``; ``package.module:factory``,
            called without arguments, for any other. ``ms-ssim[poster]`` takes a named convention,
            on as many levels as fit, and ``ms-ssim[ones]`` its own with every exponent 1;
            ``ms-ssim+30*mse`` is (1 - MS-SSIM) + 30·MSE, where without a
            number the weights are those of :class:`MixedLoss`. Several with ``>`` between them, all
            but the first with the fraction of the training at which they take over:
            ``mse>ms-ssim@0.5``.

    Raises:
        ValueError: an unknown name (the nearest one is named), a module that cannot be imported,
            fractions that do not increase inside (0, 1).

    >>> plan = parse_loss("mse>ms-ssim@0.5")
    >>> plan.at(0.49), plan.at(0.5)
    (MSELoss(), MSSSIMLoss(data_range=1.0, reduction='mean'))
    >>> parse_loss("ms-ssim[poster]+30*mse").at(0)
    MixedLoss(
      weights=(1.0, 30.0), pixelwise='mse'
      (structural): MSSSIMLoss(data_range=1.0, reduction='mean')
    )
    """
    stages: list[tuple[float, nn.Module]] = []
    for number, part in enumerate(spec.split(">")):
        name, at, fraction = part.strip().partition("@")
        if number == 0:
            if at:
                raise ValueError(
                    f"In {spec!r} the first loss starts at 0 and takes no '@'; "
                    "write for example 'mse>ms-ssim@0.5'."
                )
            start = 0.0
        else:
            start = _fraction(spec, name, fraction)
            if start <= stages[-1][0]:
                raise ValueError(f"In {spec!r} the fractions must increase.")
        stages.append((start, _named_loss(name.strip())))
    return LossPlan(spec=spec, stages=tuple(stages))


def _fraction(spec: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise ValueError(
            f"In {spec!r} the loss {name!r} needs the fraction of the training at which it takes "
            f"over, between 0 and 1: write {name}@0.5."
        )
    return value


def _named_loss(name: str) -> nn.Module:
    if ":" in name:
        return _imported_loss(name)
    if name in LOSSES:
        return LOSSES[name]()
    terms = [TERM.fullmatch(part.strip()) for part in name.split("+")]
    known = [term for term in terms if term and term[2] in (STRUCTURAL | PIXELWISE)]
    if len(known) < len(terms):
        raise ValueError(
            f"There is no loss {name!r}; there are {', '.join(LOSSES)}, sums with weights such as "
            f"ms-ssim+30*mse, or package.module:factory.{suggestion(name, LOSSES)}"
        )
    return _sum(name, [(term[1], term[2], term[3]) for term in known])


def _sum(spec: str, terms: list[tuple[str | None, str, str | None]]) -> nn.Module:
    """Make (weight, name, convention) of one or two terms into a loss."""
    (weight, name, convention), *others = terms
    options: dict[str, Any] = {}
    if name in STRUCTURAL and convention is not None:
        found = (
            EXPONENTS_ONE
            if (name, convention) == ("ms-ssim", "ones")
            else get_convention(convention)
        )
        options = {"convention": replace(found, levels="auto", negative="smooth")}
    if name in STRUCTURAL and weight is None and not others:
        return STRUCTURAL[name](**options)
    if name not in STRUCTURAL or len(others) != 1 or others[0][1] not in PIXELWISE or others[0][2]:
        raise ValueError(
            f"The loss {spec!r} cannot be made: a sum is one of {', '.join(STRUCTURAL)} and one of "
            "mse, mae, in this order, such as ms-ssim+30*mse; a convention in brackets is for the "
            "first, such as ms-ssim[poster]+30*mse; a single loss takes no weight."
        )
    beside, pixelwise, _ = others[0]
    if weight is not None or beside is not None:
        options["weights"] = (float(weight or 1), float(beside or 1))
    return MixedLoss(pixelwise=PIXELWISE[pixelwise], multiscale=name == "ms-ssim", **options)


def _imported_loss(name: str) -> nn.Module:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a stranger's module may raise anything
        raise ValueError(
            f"The loss {name!r} cannot be imported: {type(error).__name__}: {error}. It is read as "
            "package.module:factory, and the package must be importable from here (PYTHONPATH)."
        ) from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise ValueError(
            f"The module {module_name!r} has no callable {attribute!r}."
            f"{suggestion(attribute, [n for n in dir(module) if not n.startswith('_')])}"
        )
    try:
        loss = factory()
    except Exception as error:
        raise ValueError(
            f"{name!r} must be callable without arguments and return a loss; it raised "
            f"{type(error).__name__}: {error}. "
            "Wrap it in a function of your own that does."
        ) from error
    if isinstance(loss, nn.Module):
        # It measures; it is not trained. Weights it may have, as LPIPS has, stay as they are.
        return loss.eval().requires_grad_(False)
    if callable(loss):
        return _Wrapped(cast(Loss, loss), name)
    raise ValueError(f"{name!r} must return a callable loss(preds, target); got {loss!r}.")


class _Wrapped(nn.Module):
    """A plain function as a module."""

    def __init__(self, function: Loss, name: str) -> None:
        super().__init__()
        self.function = function
        self.name = name

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        return self.function(preds, target)

    def extra_repr(self) -> str:
        return self.name
