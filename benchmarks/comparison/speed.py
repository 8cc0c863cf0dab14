"""Times: at the five shapes, over sizes from 64² to 8192², and of one call on a tiny picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.comparison.contenders import (
    MS_SSIM,
    MSE,
    OUR_LOSS,
    OUR_MS_SSIM,
    OURS,
    SSIM,
    Contender,
    our_contenders,
    peer_contenders,
)
from benchmarks.comparison.turns import Step, Turns, four_digits, in_turn, ratios, spread

MODES = ("forward", "one_gradient", "both_gradients")
PEERS_UP_TO = 2048  # pixels a side, in the growth: beyond it they take many seconds a call

ROOF = "torch.mm 2048³"
ROOF_SIDE = 2048
# Seven blurs of 22 multiply-adds and the pointwise work; 4/3 of it for the pyramid, rounded.
MULTIPLY_ADDS = {SSIM: 204, MS_SSIM: 270}


def pair(shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return noise in [0, 1] and the same with more noise; the first is to get a gradient."""
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(tuple(shape), generator=generator)
    noise = torch.randn(tuple(shape), generator=generator)
    return noise.mul_(0.1).add_(target).clamp_(0, 1).requires_grad_(), target


def step_of(contender: Contender, preds: Tensor, target: Tensor, mode: str) -> Step:
    """Return one call: the value alone, without a graph, or the value and its gradients."""

    def forward() -> None:
        with torch.no_grad():
            contender.loss(preds, target)

    def backward() -> None:
        preds.grad = target.grad = None
        contender.loss(preds, target).backward()
        if preds.grad is None or (target.requires_grad and target.grad is None):
            raise RuntimeError("no gradient came back")

    return forward if mode == "forward" else backward


def product() -> Step:
    """Return the matrix product of which half the operations a second are the roof."""
    left, right = torch.rand(ROOF_SIDE, ROOF_SIDE), torch.rand(ROOF_SIDE, ROOF_SIDE)
    return lambda: torch.mm(left, right)


def speed_at(shape: Sequence[int], rounds: int, peers: Sequence[str]) -> dict[str, Any]:
    """Measure every contender in every mode at one shape."""
    preds, target = pair(shape)
    contenders = our_contenders(shape) + peer_contenders(peers, shape[1])
    found: dict[str, Any] = {"shape": list(shape)}
    for mode in MODES:
        target.requires_grad_(mode == "both_gradients")
        steps = {c.name: step_of(c, preds, target, mode) for c in contenders}
        turns = in_turn({**steps, ROOF: product()}, rounds)
        found[mode] = {
            "rows": _rows(turns, contenders, math.prod(shape)),
            "refused": turns.refused,
            "roof": {
                "gigaflops": spread(
                    [2 * ROOF_SIDE**3 / seconds / 1e9 for seconds in turns.seconds[ROOF]]
                )
            },
        }
    refused = found["forward"]["refused"]
    found["similarity"] = {
        c.name: round(1 - _value(c, preds, target), 6)
        for c in contenders
        if c.name not in refused and c.metric in MULTIPLY_ADDS
    }
    return found


def growth(sides: Sequence[int], rounds: int, peers: Sequence[str]) -> dict[str, Any]:
    """Measure forward and backward of one picture of one channel, side by side."""
    found: dict[str, Any] = {}
    for side in sides:
        shape = (1, 1, side, side)
        preds, target = pair(shape)
        allowed = peers if side <= PEERS_UP_TO else ()
        contenders = our_contenders(shape) + peer_contenders(allowed, 1)
        steps = {c.name: step_of(c, preds, target, "one_gradient") for c in contenders}
        for name, seconds in in_turn(steps, rounds).seconds.items():
            per_pixel = spread([second / side**2 * 1e9 for second in seconds])
            found.setdefault(name, {})[str(side)] = per_pixel
    return found


def overhead(rounds: int, peers: Sequence[str]) -> dict[str, Any]:
    """Return microseconds of a forward and backward on 16×16 (SSIM) and 32×32 (MS-SSIM)."""
    found: dict[str, Any] = {}
    for side, metric in ((16, SSIM), (32, MS_SSIM)):
        shape = (1, 1, side, side)
        preds, target = pair(shape)
        contenders = our_contenders(shape) + peer_contenders(peers, 1)
        kept = [c for c in contenders if c.metric in (metric, "MSE")]
        steps = {c.name: step_of(c, preds, target, "one_gradient") for c in kept}
        turns = in_turn(steps, rounds)
        found[f"{side}×{side}"] = {
            name: spread([second * 1e6 for second in seconds])
            for name, seconds in turns.seconds.items()
        }
    return found


def _rows(turns: Turns, contenders: Sequence[Contender], pixels: int) -> dict[str, Any]:
    """Return for each contender its times, how many of ours they are, and its part of the roof."""
    rows: dict[str, Any] = {}
    for contender in contenders:
        seconds = turns.seconds.get(contender.name)
        if seconds is None:
            continue
        row: dict[str, Any] = {
            "ms": spread([1000 * second for second in seconds]),
            "seconds": [four_digits(second) for second in seconds],
        }
        ours = turns.seconds.get(f"{OURS} {contender.metric}")
        if ours is not None and not contender.name.startswith(OURS):
            row["times_ours"] = ratios(seconds, ours)
        if contender.name in (f"{OURS} {SSIM}", OUR_MS_SSIM, OUR_LOSS):
            work = MULTIPLY_ADDS[contender.metric] * pixels / ROOF_SIDE**3
            product_seconds = turns.seconds[ROOF]
            row["share_of_roof"] = spread(
                [work * m / s for m, s in zip(product_seconds, seconds, strict=True)]
            )
            row["times_mse"] = ratios(seconds, turns.seconds[MSE])
        rows[contender.name] = row
    return rows


def _value(contender: Contender, preds: Tensor, target: Tensor) -> float:
    with torch.no_grad():
        return float(contender.loss(preds, target))
