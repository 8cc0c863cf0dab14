"""From the name of a network to its weights, the same for the same seed."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from snellen.errors import UserError, nearest
from snellen.networks.autoencoders import ConvAutoencoder
from snellen.networks.fully_connected import FullyConnectedAutoencoder
from snellen.networks.srcnn import SRCNN, SRCNNOptions
from snellen.networks.variational import VariationalAutoencoder

__all__ = [
    "DEFAULT_WIDTHS",
    "NETWORKS",
    "SUPER_RESOLUTION_NETWORKS",
    "build_network",
    "build_super_resolution_network",
]

Factory = Callable[..., nn.Module]


def _srcnn(**options: Any) -> Callable[..., SRCNN]:
    """Return what builds an `SRCNN` whose default options are these."""
    defaults = SRCNNOptions(**options)

    def build(
        *,
        kernels: Sequence[int] = defaults.kernels,
        filters: Sequence[int] = defaults.filters,
        start: str = defaults.start,
        faint: float = defaults.faint,
    ) -> SRCNN:
        return SRCNN(SRCNNOptions(kernels, filters, start, faint))  # type: ignore[arg-type]

    return build


def _plain(kind: Callable[..., nn.Module], default: Sequence[int]) -> Factory:
    """Return what builds an autoencoder of this kind."""

    def build(
        *, size: int, channels: int, code_size: int, widths: Sequence[int] = default
    ) -> nn.Module:
        return kind(size=size, channels=channels, code_size=code_size, widths=widths)

    return build


def _variational(kind: Callable[..., nn.Module], default: Sequence[int]) -> Factory:
    """Return what builds a variational autoencoder around one of this kind."""

    def build(
        *,
        size: int,
        channels: int,
        code_size: int,
        widths: Sequence[int] = default,
        nats_per_pixel: float = 3.0,
        kl_warmup: float = 0.2,
    ) -> VariationalAutoencoder:
        network = kind(
            size=size, channels=channels, code_size=code_size, widths=widths, statistics=2
        )
        return VariationalAutoencoder(
            network, code_size=code_size, nats_per_pixel=nats_per_pixel, kl_warmup=kl_warmup
        )

    return build


DEFAULT_WIDTHS: dict[str, tuple[int, ...]] = {
    "conv-autoencoder": (32, 64, 128),
    "conv-vae": (32, 64, 128),
    "fc-autoencoder": (1024, 1024),
    "fc-vae": (1024, 1024),
}
"""The widths of each of `NETWORKS` where none are named: filters, or units of dense layers."""

NETWORKS: dict[str, Factory] = {
    "conv-autoencoder": _plain(ConvAutoencoder, DEFAULT_WIDTHS["conv-autoencoder"]),
    "conv-vae": _variational(ConvAutoencoder, DEFAULT_WIDTHS["conv-vae"]),
    "fc-autoencoder": _plain(FullyConnectedAutoencoder, DEFAULT_WIDTHS["fc-autoencoder"]),
    "fc-vae": _variational(FullyConnectedAutoencoder, DEFAULT_WIDTHS["fc-vae"]),
}
SUPER_RESOLUTION_NETWORKS: dict[str, Factory] = {
    "srcnn": _srcnn(),
    "srcnn-9-1-5": _srcnn(kernels=(9, 1, 5)),
}


def build_network(
    spec: str,
    *,
    size: int,
    channels: int,
    code_size: int,
    widths: Sequence[int] | None = None,
    nats_per_pixel: float = 3.0,
    kl_warmup: float = 0.2,
    seed: int = 0,
) -> nn.Module:
    """Build a network for reconstructions, with initial weights that depend on `seed` alone.

    Args:
        spec: ``conv-autoencoder``, ``fc-autoencoder`` (dense layers), ``conv-vae`` or ``fc-vae``
            (the same with a random code, see `VariationalAutoencoder`), or
            ``package.module:Class`` for any ``nn.Module`` (or a function
            that returns one) that maps pictures (N, C, S, S) in [0, 1] to the same shape. It is
            called with those of the keywords below that its signature takes.
        size: side of the square pictures, in pixels.
        channels: 1 (gray) or 3 (colour).
        code_size: numbers in the code.
        widths: filters or units of each encoder layer, outermost first; None for the network's
            own, see `DEFAULT_WIDTHS`.
        nats_per_pixel: how a variational network weighs its loss, see `VariationalAutoencoder`;
            given to networks whose signature names it.
        kl_warmup: share of the steps over which its divergence comes in; given in the same way.
        seed: seed of the initial weights; the global random state is left as it was.

    Raises:
        UserError: no such network, or one that cannot be built with these sizes.

    >>> network = build_network(
    ...     "conv-autoencoder", size=16, channels=1, code_size=4, widths=(4, 8), seed=1)
    >>> sum(p.numel() for p in network.parameters())
    2973
    """
    offered: dict[str, Any] = {"size": size, "channels": channels, "code_size": code_size}
    if widths is not None:
        offered["widths"] = tuple(widths)
    named = {"nats_per_pixel": nats_per_pixel, "kl_warmup": kl_warmup}
    return _build(spec, NETWORKS, offered, {}, seed, named=named)


def build_super_resolution_network(
    spec: str, *, scale: int, seed: int = 0, options: Mapping[str, Any] | None = None
) -> nn.Module:
    """Build a network for super-resolution, with initial weights that depend on `seed` alone.

    Args:
        spec: ``srcnn`` (9-5-5), ``srcnn-9-1-5``, or ``package.module:Class`` for any ``nn.Module``
            (or a function that returns one). It takes Y, (N, 1, H, W) with values in [0, 1] that
            bicubic interpolation has enlarged, and returns the same size, or in training mode less
            by an equal margin on every side. If it has a true attribute ``upsamples_inside``, it
            takes the low resolution (N, 1, h, w) and returns (N, 1, h·scale, w·scale). See
            `snellen.networks.output_size.check_output_size`.
        scale: the factor of enlargement; given to a network whose signature takes ``scale``.
        seed: seed of the initial weights; the global random state is left as it was.
        options: further keywords for the network; it must take each of them. Those of ``srcnn``
            are the fields of `SRCNNOptions`.

    Raises:
        UserError: no such network, or one that cannot be built with these options.

    >>> network = build_super_resolution_network("srcnn", scale=4, options={"start": "identity"})
    >>> network.options.kernels, network.margin
    ((9, 5, 5), 8)
    """
    return _build(spec, SUPER_RESOLUTION_NETWORKS, {"scale": scale}, options or {}, seed)


def _build(
    spec: str,
    networks: Mapping[str, Factory],
    offered: Mapping[str, Any],
    options: Mapping[str, Any],
    seed: int,
    *,
    named: Mapping[str, Any] = MappingProxyType({}),
) -> nn.Module:
    """Build one of `networks` or a stranger's on the CPU.

    `offered` are keywords that it may leave, `options` such as it must take; those of `named` are
    only for a signature that names them, not for one that takes any keyword.
    """
    factory = networks.get(spec) or _import(spec, networks)
    known = _keywords(factory)
    given = {**offered, **{k: v for k, v in named.items() if k in known}, **options}
    taken = _accepted(factory, given, spec)
    unknown = [name for name in options if name not in taken]
    if unknown:
        raise UserError(
            f"the network {spec!r} takes no option {unknown[0]!r}."
            f"{nearest(unknown[0], _keywords(factory))} Leave it out, or name another network."
        )
    try:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.manual_seed(seed)
            network = factory(**taken)
    except UserError:
        raise
    except Exception as error:  # a stranger's constructor may raise anything
        raise UserError(
            f"the network {spec!r} could not be built with {_call(taken)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(network, nn.Module):
        raise UserError(
            f"the network {spec!r} gave a {type(network).__name__}, but a torch.nn.Module is "
            "needed: name a subclass of torch.nn.Module or a function that returns one."
        )
    if any(is_lazy(p) for p in network.parameters()):
        raise UserError(
            f"the network {spec!r} has layers whose sizes are not known before they are used, such "
            "as LazyConv2d: give them their sizes."
        )
    if not any(p.requires_grad for p in network.parameters()):
        raise UserError(f"the network {spec!r} has no weights to train: name another one.")
    return network


def _import(spec: str, networks: Mapping[str, Factory]) -> Callable[..., Any]:
    """Find the object that ``package.module:Class`` names."""
    if not re.fullmatch(r"[^\W\d][\w.]*:[^\W\d][\w.]*", spec):
        raise UserError(
            f"there is no network {spec!r}.{nearest(spec, networks)} "
            f"Type {', '.join(networks)}, or package.module:Class for your own."
        )
    module_name, _, path = spec.partition(":")
    try:
        found: Any = _import_module(module_name)
    except Exception as error:  # the module's own code runs here
        raise UserError(
            f"the network {spec!r} could not be imported ({type(error).__name__}: {error}). "
            f"Check that {module_name!r} can be imported from this folder."
        ) from error
    for name in path.split("."):
        if not hasattr(found, name):
            public = [n for n in vars(found) if not n.startswith("_")]
            raise UserError(f"{module_name!r} has no {path!r}.{nearest(name, public)}")
        found = getattr(found, name)
    if not callable(found):
        raise UserError(f"{spec!r} is not a class or a function: name one that builds a network.")
    return found  # type: ignore[no-any-return]


def _import_module(name: str) -> Any:
    """Import `name`, also from the current folder, as ``python -m`` would."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        return importlib.import_module(name)
    sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(here)


def _accepted(factory: Callable[..., Any], offered: dict[str, Any], spec: str) -> dict[str, Any]:
    """Keep the keywords that `factory` takes; refuse one that needs something else."""
    parameters = _parameters(factory)
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return offered
    by_name = _keywords(factory)
    missing = [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind is not p.VAR_POSITIONAL
        and p.name not in (offered.keys() & by_name)
    ]
    if missing:
        raise UserError(
            f"the network {spec!r} needs {', '.join(missing)}, but only {', '.join(offered)} "
            "can be given: give the others a default value."
        )
    return {name: value for name, value in offered.items() if name in by_name}


def _parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    if getattr(factory, "__init__", None) is nn.Module.__init__:
        return []  # it declares any keywords, and refuses each
    try:
        return list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError):  # some built-in callables have no signature
        return []


def _keywords(factory: Callable[..., Any]) -> set[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name for p in _parameters(factory) if p.kind in kinds}


def _call(keywords: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v!r}" for k, v in keywords.items()) or "no arguments"
