"""Who is compared: our metrics, PyTorch's `mse_loss`, and every peer that imports here.

All compute 1 - similarity of `preds` and `target` (N, C, H, W) in [0, 1], window 11, sigma 1.5,
objects made once. Kornia's MS-SSIM is another measure (no pyramid, mixed with L1) and is left out.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest import mock

from torch import Tensor
from torch.nn import functional

from benchmarks.comparison.turns import reason
from snellen import MSSSIMLoss, dssim, ms_dssim
from snellen.metrics import WANG, fit_levels

Loss = Callable[[Tensor, Tensor], Tensor]

SSIM, MS_SSIM = "SSIM", "MS-SSIM"
OURS, OUR_LOSS, MSE = "snellen", "snellen MSSSIMLoss()", "torch mse_loss"
OUR_MS_SSIM = f"{OURS} {MS_SSIM}"


@dataclass(frozen=True)
class Contender:
    """One measure of one library."""

    name: str
    metric: str
    loss: Loss


def our_contenders(shape: Sequence[int]) -> list[Contender]:
    """Return our measures and `mse_loss`; MS-SSIM on as many of Wang's levels as fit."""
    auto = replace(WANG, levels="auto")
    levels = fit_levels(auto, (shape[-2], shape[-1]))
    convention = WANG if levels == WANG.levels else auto
    found = [
        Contender(MSE, "MSE", functional.mse_loss),
        Contender(f"{OURS} {SSIM}", SSIM, partial(dssim, data_range=1.0)),
    ]
    if levels > 1:
        multiscale = partial(ms_dssim, data_range=1.0, convention=convention)
        found.append(Contender(OUR_MS_SSIM, MS_SSIM, multiscale))
        found.append(Contender(OUR_LOSS, MS_SSIM, MSSSIMLoss()))
    return found


def peer_contenders(names: Sequence[str], channels: int) -> list[Contender]:
    """Return the measures of the peers `names`, which must import."""
    return [
        Contender(f"{name} {metric}", metric, loss)
        for name in names
        for metric, loss in PEERS[name](channels).items()
    ]


def peers_here(stand_in: bool) -> dict[str, dict[str, Any]]:
    """Return version and state of every peer; with `stand_in` some import only by one."""
    found: dict[str, dict[str, Any]] = {}
    for name in PEERS:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = None
        found[name] = {"version": version, **peer_state(name, stand_in)}
    return found


def peer_state(name: str, stand_in: bool) -> dict[str, Any]:
    """Import one peer; return whether it can be measured, and how or why not."""
    try:
        PEERS[name](1)
    except Exception as error:
        why = reason(error)
    else:
        return {"measured": True, "state": "imports"}
    if stand_in and "torchvision" in why:
        try:
            with stand_in_torchvision():
                PEERS[name](1)
        except Exception as error:
            why = reason(error)
        else:
            return {"measured": True, "state": "imports only with a stand-in for torchvision"}
    return {"measured": False, "state": f"does not import here: {why}"}


@contextmanager
def stand_in_torchvision() -> Iterator[None]:
    """Let packages import that name torchvision at import but do not use it in SSIM."""
    names = ("", ".models", ".transforms", ".transforms.functional", ".models.inception")
    empty = {f"torchvision{name}": mock.MagicMock() for name in names}
    with mock.patch.dict(sys.modules, empty):
        before = set(sys.modules)
        yield
        kept = {name: sys.modules[name] for name in set(sys.modules) - before}
    sys.modules.update(kept)  # mock.patch.dict took away what was imported meanwhile


def _pytorch_msssim(channels: int) -> dict[str, Loss]:
    module: Any = importlib.import_module("pytorch_msssim")
    ssim = module.SSIM(data_range=1.0, channel=channels)
    ms_ssim = module.MS_SSIM(data_range=1.0, channel=channels)
    return {SSIM: _distance(ssim), MS_SSIM: _distance(ms_ssim)}


def _torchmetrics(channels: int) -> dict[str, Loss]:  # noqa: ARG001
    module: Any = importlib.import_module("torchmetrics.functional.image")
    ssim = partial(module.structural_similarity_index_measure, data_range=1.0)
    ms_ssim = partial(module.multiscale_structural_similarity_index_measure, data_range=1.0)
    return {SSIM: _distance(ssim), MS_SSIM: _distance(ms_ssim)}


def _kornia(channels: int) -> dict[str, Loss]:  # noqa: ARG001
    module: Any = importlib.import_module("kornia.losses")
    half = module.SSIMLoss(window_size=11, max_val=1.0, padding="valid")
    return {SSIM: lambda preds, target: 2 * half(preds, target)}


def _piqa(channels: int) -> dict[str, Loss]:
    module: Any = importlib.import_module("piqa")
    ssim = module.SSIM(n_channels=channels, value_range=1.0)
    ms_ssim = module.MS_SSIM(n_channels=channels, value_range=1.0)
    return {SSIM: _distance(ssim), MS_SSIM: _distance(ms_ssim)}


def _piq(channels: int) -> dict[str, Loss]:  # noqa: ARG001
    module: Any = importlib.import_module("piq")
    # Its default halves large pictures first; the others measure every pixel.
    ssim = module.SSIMLoss(data_range=1.0, downsample=False)
    return {SSIM: ssim, MS_SSIM: module.MultiScaleSSIMLoss(data_range=1.0)}


def _distance(similarity: Callable[..., Any]) -> Loss:
    return lambda preds, target: 1 - similarity(preds, target)


PEERS: dict[str, Callable[[int], dict[str, Loss]]] = {
    "pytorch-msssim": _pytorch_msssim,
    "torchmetrics": _torchmetrics,
    "kornia": _kornia,
    "piqa": _piqa,
    "piq": _piq,
}
"""Name on the package index → its measures, made for a number of channels."""
