"""From the name of a network to its weights, the same for the same seed."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snellen.errors import UserError, nearest
from snellen.networks.autoencoders import ConvAutoencoder

__all__ = ["NETWORKS", "build_network"]

NETWORKS: dict[str, Callable[..., nn.Module]] = {"conv-autoencoder": ConvAutoencoder}


def build_network(
    spec: str,
    *,
    size: int,
    channels: int,
    code_size: int,
    widths: Sequence[int],
    seed: int = 0,
) -> nn.Module:
    """Build a network on the CPU with initial weights that depend on `seed` alone.

    Args:
        spec: ``conv-autoencoder``, or ``package.module:Class`` for any ``nn.Module`` (or a function
            that returns one) that maps pictures (N, C, S, S) in [0, 1] to the same shape. It is
            called with those of the keywords below that its signature takes.
        size: side of the square pictures, in pixels.
        channels: 1 (gray) or 3 (colour).
        code_size: numbers in the code.
        widths: filters of each encoder layer, outermost first.
        seed: seed of the initial weights; the global random state is left as it was.

    Raises:
        UserError: no such network, or one that cannot be built with these sizes.

    >>> network = build_network(
    ...     "conv-autoencoder", size=16, channels=1, code_size=4, widths=(4, 8), seed=1)
    >>> sum(p.numel() for p in network.parameters())
    2973
    """
    factory = NETWORKS.get(spec) or _import(spec)
    offered: dict[str, Any] = {
        "size": size,
        "channels": channels,
        "code_size": code_size,
        "widths": tuple(widths),
    }
    taken = _accepted(factory, offered, spec)
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
    if not any(p.requires_grad for p in network.parameters()):
        raise UserError(f"the network {spec!r} has no weights to train: name another one.")
    return network


def _import(spec: str) -> Callable[..., Any]:
    """Find the object that ``package.module:Class`` names."""
    if not re.fullmatch(r"[^\W\d][\w.]*:[^\W\d][\w.]*", spec):
        raise UserError(
            f"there is no network {spec!r}.{nearest(spec, NETWORKS)} "
            f"Type {', '.join(NETWORKS)}, or package.module:Class for your own."
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
    if getattr(factory, "__init__", None) is nn.Module.__init__:
        return {}  # it declares any keywords, and refuses each
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # some built-in callables have no signature
        return {}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return offered
    by_name = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    missing = [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in (offered.keys() & by_name)
    ]
    if missing:
        raise UserError(
            f"the network {spec!r} needs {', '.join(missing)}, but only {', '.join(offered)} "
            "can be given: give the others a default value."
        )
    return {name: value for name, value in offered.items() if name in by_name}


def _call(keywords: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v!r}" for k, v in keywords.items()) or "no arguments"
