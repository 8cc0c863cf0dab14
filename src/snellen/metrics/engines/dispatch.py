"""From two pictures and a metric to a differentiable result, by whichever engine can do it.

Eager calls go through a :class:`torch.autograd.Function`. Under ``torch.compile`` and
``torch.export``, and for tensors that are not plain ones, the same engines stand behind the
operator ``snellen::dissimilarity``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from snellen.metrics.engines import forks  # noqa: F401 - from here on, forks are noticed
from snellen.metrics.engines.metric import (
    Metric,
    define,
    metric_from_text,
    pixelwise_error,
    plan_of,
)
from snellen.metrics.engines.plan import Plan

__all__ = ["ENGINES", "Engine", "choose_engine", "dissimilarity"]

Engine = Literal["auto", "definition", "cpu", "cuda"]
ENGINES: tuple[Engine, ...] = ("auto", "definition", "cpu", "cuda")

# What the engines read as it is; inside they compute in float32.
READ = (torch.float32, torch.bfloat16, torch.float16, torch.uint8)

Result = tuple[Tensor, Tensor, Tensor]


def choose_engine(engine: str, x: Tensor, metric: Metric, *, masked: bool = False) -> str:
    """Return ``definition``, ``cpu`` or ``cuda``.

    Args:
        engine: one of `ENGINES`; ``auto`` takes the engine of the pictures' device where it has one
            that can do this, else the definition.
        x: (N, C, H, W), or (N, C, D, H, W), which only the definition takes.
        metric: what is measured.
        masked: whether pixels have weights, which only the definition takes.

    Raises:
        ValueError: an engine was asked for that cannot do this.
    """
    if engine == "definition" or (engine == "auto" and _transforms_active()):
        return "definition"
    asked = engine if engine != "auto" else x.device.type
    reason = "takes no masks" if masked else _why_not(asked, x, metric)
    if not reason:
        return x.device.type
    if engine == "auto":
        return "definition"
    raise ValueError(f"engine={engine!r} {reason}: use engine='auto' or 'definition'.")


def _why_not(engine: str, x: Tensor, metric: Metric) -> str:
    """Return why the engine cannot do this, an empty string if it can."""
    if engine not in ("cpu", "cuda"):
        return f"does not exist for pictures on {x.device}"
    if x.device.type != engine:
        return f"needs pictures on that device, these are on {x.device}"
    if x.dtype not in READ:
        return f"computes in float32 and these pictures are {x.dtype}"
    if x.ndim != 4:
        return "takes no volumes"
    plan = plan_of(metric, x.shape[-2], x.shape[-1])
    if plan is None:
        return "does not have this convention"
    if plan.by_pixels and plan.channel_order == "mean-then-product" and x.shape[1] > 1:
        return "does not average factors over channels by pixels"
    if engine == "cpu" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "needs Numba's compiler, which NUMBA_DISABLE_JIT turns off"
    if engine == "cuda":
        from snellen.metrics.engines import cuda

        if not cuda.is_available():
            return "needs Triton, which comes with PyTorch's CUDA builds, and is not here"
    return ""


def dissimilarity(x: Tensor, y: Tensor, metric: Metric, engine: str, weight: float = 1.0) -> Tensor:
    """Compute `metric` of each picture, differentiable: (N,).

    Args:
        x: (N, C, H, W) of one of `READ` for the engines, float32 or float64 for the definition.
        y: of the same shape, dtype and device.
        metric: what is measured; its levels must fit.
        engine: as :func:`choose_engine` returned it.
        weight: the gradient that is expected to arrive for each picture, 1/N where the mean will be
            taken: arriving so, gradients need no further pass.
    """
    if engine == "definition":
        return define(x, y, metric)
    if engine == "cuda" and metric.structural == 0:
        return pixelwise_error(x, y, metric)
    if engine == "cuda" and metric != metric.alone():
        structural = dissimilarity(x, y, metric.alone(), engine, weight * metric.structural)
        return metric.structural * structural + pixelwise_error(x, y, metric)
    tracked = torch.is_grad_enabled()
    need_x, need_y = tracked and x.requires_grad, tracked and y.requires_grad
    if _is_plain(x) and _is_plain(y):
        if need_x or need_y:
            eager: Tensor = _Dissimilarity.apply(x, y, metric, engine, weight)  # type: ignore[no-untyped-call]
            return eager
        return _compute(x, y, metric, engine, weight, False, False)[0]
    found: Tensor = _operator(x, y, metric.to_text(), engine, weight, need_x, need_y)[0]
    return found


def _is_plain(x: Tensor) -> bool:
    """Whether a tensor has memory that an engine may read here and now."""
    recorded = (
        torch.compiler.is_compiling()
        or torch._C._is_tracing()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._are_functorch_transforms_active()
    )
    return type(x) in (Tensor, torch.nn.Parameter) and not recorded


def _transforms_active() -> bool:
    """Whether PyTorch differentiates in a way that no operator of ours can follow."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def _compute(
    x: Tensor, y: Tensor, metric: Metric, engine: str, weight: float, need_x: bool, need_y: bool
) -> Result:
    """Run an engine; a gradient that is not needed is an empty tensor."""
    plan = cast(Plan, plan_of(metric, x.shape[-2], x.shape[-1]))
    needs = {"need_x": need_x, "need_y": need_y}
    if engine == "cuda":
        from snellen.metrics.engines import cuda

        found, *gradients = cuda.similarity(x, y, plan, weight=weight, **needs)
    else:
        from snellen.metrics.engines import cpu

        code = {"none": 0, "l1": cpu.ABSOLUTE, "mse": cpu.SQUARE}[metric.pixelwise]
        mix = cpu.Mix(metric.structural, code, metric.pixelwise_scale)
        found, *gradients = cpu.similarity(x, y, plan, weight=weight, mix=mix, **needs)
    by_x, by_y = (
        like.new_empty(0, dtype=torch.float32) if gradient is None else gradient
        for gradient, like in zip(gradients, (x, y), strict=True)
    )
    return found, by_x, by_y


def _scaled(gradient: Tensor, arriving: Tensor, weight: float, dtype: torch.dtype) -> Tensor:
    """Multiply each picture's gradient by what arrives for it, over what was expected.

    In float32, and only then in the pictures' dtype: what a loss scale is there to save in half
    precision would be lost before it.
    """
    if not (gradient.is_cpu and _is_plain(arriving) and bool((arriving == weight).all())):
        gradient = gradient * (arriving / weight).view(-1, 1, 1, 1)
    return gradient.to(dtype)


def _by_definition(
    x: Tensor, y: Tensor, metric: Metric, arriving: Tensor, needed: Sequence[bool]
) -> list[Tensor | None]:
    """Return gradients that can be differentiated again."""
    with torch.enable_grad():
        # Views, because one picture may depend on the other: each gradient is by its own alone.
        x, y = x.view_as(x), y.view_as(y)
        wide = torch.promote_types(x.dtype, torch.float32)
        value = define(x.to(wide), y.to(wide), metric)
        inputs = [tensor for tensor, need in zip((x, y), needed, strict=True) if need]
        found = iter(torch.autograd.grad(value, inputs, arriving, create_graph=True))
    return [next(found) if need else None for need in needed]


class _Dissimilarity(torch.autograd.Function):
    """The eager way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, metric: Metric, engine: str, weight: float) -> Any:
        needed = ctx.needs_input_grad[:2]
        found, *ctx.gradients = _compute(x, y, metric, engine, weight, *needed)
        ctx.metric, ctx.engine, ctx.weight, ctx.dtype = metric, engine, weight, x.dtype
        ctx.save_for_backward(x, y)
        return found

    @staticmethod
    def backward(ctx: Any, *arriving: Any) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():
            x, y = ctx.saved_tensors
            again = _by_definition(x, y, ctx.metric, arriving[0], needed)
            return (*again, None, None, None)
        # Given away at the first use: who receives a gradient may write into it.
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None:
            x, y = ctx.saved_tensors
            gradients = _compute(x, y, ctx.metric, ctx.engine, ctx.weight, *needed)[1:]
        scaled = [
            _scaled(gradient, arriving[0], ctx.weight, ctx.dtype) if need else None
            for need, gradient in zip(needed, gradients, strict=True)
        ]
        return (*scaled, None, None, None)


@torch.library.custom_op("snellen::dissimilarity", mutates_args=())
def _operator(
    x: Tensor, y: Tensor, metric: str, engine: str, weight: float, need_x: bool, need_y: bool
) -> tuple[Tensor, Tensor, Tensor]:
    found, *gradients = _compute(x, y, metric_from_text(metric), engine, weight, need_x, need_y)
    by_x, by_y = (
        _laid_out(gradient, like) if len(gradient) else gradient
        for gradient, like in zip(gradients, (x, y), strict=True)
    )
    return found, by_x, by_y


def _laid_out(gradient: Tensor, like: Tensor) -> Tensor:
    """Return a gradient in the memory format that a tensor like the picture has."""
    wanted = torch.empty_like(like, dtype=torch.float32)
    return gradient if gradient.stride() == wanted.stride() else wanted.copy_(gradient)


@_operator.register_fake
def _(
    x: Tensor, y: Tensor, _metric: str, _engine: str, _weight: float, need_x: bool, need_y: bool
) -> Result:
    return (
        x.new_empty(x.shape[0], dtype=torch.float32),
        _empty(x, need_x),
        _empty(y, need_y),
    )


def _empty(like: Tensor, needed: bool) -> Tensor:
    if needed:
        return torch.empty_like(like, dtype=torch.float32)
    return like.new_empty(0, dtype=torch.float32)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Result) -> None:
    x, y, ctx.metric, ctx.engine, ctx.weight, ctx.need_x, ctx.need_y = inputs
    ctx.save_for_backward(x, y, *output[1:])
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, arriving: Tensor | None, *_unused: Any) -> tuple[Tensor | None, ...]:
    nothing = (None,) * 5
    x, y, by_x, by_y = ctx.saved_tensors
    if arriving is None:
        return (None, None, *nothing)
    needed = (ctx.need_x, ctx.need_y)
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        metric = metric_from_text(ctx.metric)
        return (*_by_definition(x, y, metric, arriving, needed), *nothing)
    return (
        _scaled(by_x, arriving, ctx.weight, x.dtype) if ctx.need_x else None,
        _scaled(by_y, arriving, ctx.weight, y.dtype) if ctx.need_y else None,
        *nothing,
    )


def _vmap(
    info: Any, in_dims: tuple[int | None, ...], x: Tensor, y: Tensor, *others: Any
) -> tuple[Result, tuple[int, int, int]]:
    """Measure a batch of batches as one batch."""
    pictures = [
        tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip((x, y), in_dims[:2], strict=True)
    ]
    sizes = pictures[0].shape[:2]
    found = _operator(*(tensor.flatten(0, 1) for tensor in pictures), *others)
    complement, by_x, by_y = (
        tensor.unflatten(0, sizes) if len(tensor) else tensor.expand(sizes[0], 0)
        for tensor in found
    )
    return (complement, by_x, by_y), (0, 0, 0)


_operator.register_vmap(_vmap)
_operator.register_autograd(_backward, setup_context=_setup_context)
