"""What a trained network makes of codes that belong to no picture, and how it uses its code."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snellen.networks import VariationalAutoencoder, kl_to_standard_normal
from snellen.reports import GenerationInput
from snellen.reports.gallery import at_random
from snellen.training.precision import strict_float32

__all__ = [
    "Generated",
    "draw_pairs",
    "generate",
    "generation_input",
    "mean_variational",
    "variational_measures",
]

logger = logging.getLogger("snellen")

PAIRS = 4
STEPS = 7
SAMPLES = 8
ACTIVE = 0.01  # variance of a unit's mean above which Burda et al. (2016) call it active
_DRAW = 1  # seed of the pairs: not that of the report's other pictures
_BATCH = 64


@dataclass(frozen=True)
class Generated:
    """What one network makes of codes, clipped and rounded to 8 bit.

    Attributes:
        interpolations: uint8 (pairs, STEPS, C, S, S): the pictures of codes on the straight line
            from the code of a pair's first picture to that of its second, both ends included.
        samples: uint8 (SAMPLES, C, S, S): the pictures of codes drawn from the prior; of a network
            that is not variational (0, C, S, S).
    """

    interpolations: NDArray[np.uint8]
    samples: NDArray[np.uint8]


def draw_pairs(sources: Sequence[Hashable], count: int = PAIRS) -> list[tuple[int, int]]:
    """Draw pairs of held-out pictures by a seeded rule, before any number is looked at.

    The pictures are of different sources as far as there are enough; none comes twice.

    Args:
        sources: of each held-out picture.
        count: pairs wanted; fewer where there are too few pictures.

    >>> pairs = draw_pairs(["boat", "boat", "dog", "cat", "owl"], 2)
    >>> sorted(i for pair in pairs for i in pair)[1:]
    [2, 3, 4]
    """
    drawn = at_random(sources, 2 * count, seed=_DRAW)
    return list(zip(drawn[::2], drawn[1::2], strict=False))


@torch.no_grad()
def generate(
    network: nn.Module, pairs: Tensor, device: torch.device, *, seed: int = 0
) -> Generated | None:
    """Interpolate between the codes of pairs of pictures and, of a VAE, draw from the prior.

    Args:
        network: on `device`; it is run in evaluation mode and in float32.
        pairs: uint8 (p, 2, C, S, S).
        device: where the network is.
        seed: of the codes from the prior: with the same seed every network gets the same ones.

    Returns:
        None where the network has no ``encode`` and ``decode``, or they do not take pictures to one
        tensor of codes and back.
    """
    if not (callable(getattr(network, "encode", None)) and hasattr(network, "decode")):
        return None
    was_training = network.training
    network.eval()
    try:
        with strict_float32(device):
            return _generate(network, pairs, device, seed)
    except Exception as error:  # a stranger's network may mean something else by these names
        logger.warning("nothing is generated: encode or decode failed (%s)", error)
        return None
    finally:
        network.train(was_training)


def _generate(network: Any, pairs: Tensor, device: torch.device, seed: int) -> Generated | None:
    shape = pairs.shape[2:]
    lines = torch.zeros(0, STEPS, *shape, dtype=torch.uint8)
    if len(pairs):
        pictures = pairs.flatten(0, 1).to(device).float() / 255
        codes = network.encode(pictures)
        if not isinstance(codes, Tensor) or len(codes) != len(pictures):
            return None
        first, last = codes[::2, None], codes[1::2, None]
        share = torch.linspace(0, 1, STEPS, device=device)
        between = torch.lerp(first, last, share.view(1, -1, *(1,) * (codes.ndim - 1)))
        lines = _decoded(network, between.flatten(0, 1)).unflatten(0, (len(pairs), STEPS))
    samples = torch.zeros(0, *shape, dtype=torch.uint8)
    if isinstance(network, VariationalAutoencoder):
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(SAMPLES, network.code_size, generator=generator)
        samples = _decoded(network, drawn.to(device))
    if lines.shape[2:] != shape or samples.shape[1:] != shape:
        return None
    return Generated(lines.numpy(), samples.numpy())


def _decoded(network: Any, codes: Tensor) -> Tensor:
    parts = [network.decode(codes[k : k + _BATCH]) for k in range(0, len(codes), _BATCH)]
    made: Tensor = torch.cat(parts).float()
    return (made * 255).round().clamp(0, 255).to(torch.uint8).cpu()


@torch.no_grad()
def variational_measures(
    network: nn.Module, pictures: Tensor, device: torch.device
) -> dict[str, float] | None:
    """Measure how a variational network uses its code on held-out pictures; None of any other.

    Args:
        network: on `device`; it is run in evaluation mode and in float32.
        pictures: uint8 (n, C, S, S).
        device: where the network is.

    Returns:
        ``active_units``: how many units of the code have a posterior mean whose variance over the
        pictures is above 0.01 (Burda et al., arXiv 1509.00519); ``units``: of how many;
        ``kl_nats``: mean divergence of the posterior from the prior per picture; ``weight``: of
        the loss, in nats per picture for each of its units.
    """
    if not isinstance(network, VariationalAutoencoder):
        return None
    was_training = network.training
    network.eval()
    means, divergences = [], []
    with strict_float32(device):
        for start in range(0, len(pictures), _BATCH):
            part = pictures[start : start + _BATCH].to(device).float() / 255
            mean, log_variance = network.posterior(part)
            means.append(mean.cpu())
            divergences.append(kl_to_standard_normal(mean, log_variance).cpu())
    network.train(was_training)
    variance = torch.cat(means).double().var(0, correction=0)
    return {
        "active_units": int((variance > ACTIVE).sum()),
        "units": network.code_size,
        "kl_nats": float(torch.cat(divergences).double().mean()),
        "weight": float(network.weight),
    }


def mean_variational(found: Sequence[Mapping[str, float] | None]) -> dict[str, float] | None:
    """Return the mean over trainings of what `variational_measures` found; None where it is None.

    >>> one = {"active_units": 3, "units": 8, "kl_nats": 5.0, "weight": 2.0}
    >>> mean_variational([one, {**one, "active_units": 4}])
    {'active_units': 3.5, 'units': 8, 'kl_nats': 5.0, 'weight': 2.0}
    """
    known = [one for one in found if one is not None]
    if not known:
        return None
    means = {key: float(np.mean([one[key] for one in known])) for key in known[0]}
    whole = {key: int(value) for key, value in means.items() if key.endswith("units")}
    return {key: whole[key] if whole.get(key) == value else value for key, value in means.items()}


def generation_input(
    generated: Mapping[str, Generated | None],
    pairs: Tensor,
    names: Sequence[tuple[str, str]],
    variational: Mapping[str, Mapping[str, float]],
    *,
    nats_per_pixel: float,
    kl_warmup: float,
) -> GenerationInput | None:
    """Put together what a report shows; None where no network has a code.

    Args:
        generated: of each loss, what `generate` gave for its network of seed 0.
        pairs: what it was given, uint8 (p, 2, C, S, S).
        names: of the pictures of each pair.
        variational: of each loss with a variational network, what results.json says of it.
        nats_per_pixel: of the configuration.
        kl_warmup: of the configuration.
    """
    made = {loss: found for loss, found in generated.items() if found is not None}
    if not made:
        return None
    return GenerationInput(
        names=names,
        ends=pairs.numpy(),
        interpolations={loss: found.interpolations for loss, found in made.items()},
        samples={loss: found.samples for loss, found in made.items() if len(found.samples)},
        variational=variational,
        nats_per_pixel=nats_per_pixel if variational else None,
        kl_warmup=kl_warmup if variational else None,
    )
