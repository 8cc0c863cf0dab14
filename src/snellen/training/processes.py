"""One process or many: starting Fabric, and doing a thing once for all."""

from __future__ import annotations

import atexit
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.strategy import Strategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from snellen.errors import UserError

__all__ = [
    "any_process",
    "broadcast_tensors",
    "control_group",
    "launch_fabric",
    "on_first_process",
    "quiet_layouts",
    "sum_over",
]

T = TypeVar("T")

# How long processes wait for each other: NCCL's own 10 minutes are too few for an evaluation or a
# report that the first one makes alone. torchrun ends all of them when one of them dies.
PATIENCE = timedelta(hours=12)


def launch_fabric(accelerator: str = "auto") -> Fabric:
    """Start Lightning Fabric: one process on one device, or all those that ``torchrun`` started.

    Args:
        accelerator: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``mps``.

    Precision is no business of Fabric's here: `train` runs autocast itself, so that one Fabric
    serves trainings of every precision.

    Raises:
        UserError: no such device, or fewer GPUs than processes.

    >>> launch_fabric("cpu").world_size
    1
    """
    # Its notes about hardware and process groups are not for our users.
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    many = dist.is_available() and dist.is_torchelastic_launched()
    strategy: Strategy | str = DDPStrategy(timeout=PATIENCE) if many else "auto"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fabric = Fabric(
                accelerator=accelerator,
                devices=int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if many else 1,
                num_nodes=int(os.environ.get("GROUP_WORLD_SIZE", "1")) if many else 1,
                strategy=strategy,
            )
            fabric.launch()
        if many:
            # Threads of Gloo that live on while Python ends may abort the process
            # (github.com/pytorch/pytorch/pull/179291); Fabric closes only groups of NCCL.
            atexit.register(_close_groups)
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"training on {accelerator!r} cannot start: {reason}") from error
    return fabric


def _close_groups() -> None:
    """Leave the process groups, if Fabric has not done it."""
    if dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def quiet_layouts(fabric: Fabric) -> Iterator[None]:
    """Silence a warning of DistributedDataParallel that has no consequence.

    It compares strides also along dimensions of size 1, where they mean nothing, and so takes the
    gradient of a filter with one channel for one in a slow layout.
    """
    if fabric.world_size == 1:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        yield


def on_first_process(fabric: Fabric, action: Callable[[], T]) -> T:
    """Run `action` on the first process only and give its result, or its failure, to all.

    It is a meeting point: no process goes on before the action is done, and none waits for one
    that failed. With several processes the result travels as a pickle between them.

    Raises:
        Exception: on the first process, whatever `action` raised.
        UserError: on the others, with the same sentence.

    >>> on_first_process(launch_fabric("cpu"), lambda: "written")
    'written'
    """
    if fabric.world_size == 1:
        return action()
    result: tuple[T | None, str | None] = (None, None)
    failure: Exception | None = None
    if fabric.is_global_zero:
        try:
            result = (action(), None)
        except Exception as error:
            failure = error
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            result = (None, f"{kind}{error}")
    value, problem = fabric.broadcast(result)
    if failure is not None:
        raise failure
    if problem is not None:
        raise UserError(problem)
    return value  # type: ignore[return-value]


def sum_over(fabric: Fabric, values: Tensor) -> Tensor:
    """Return the sum of `values`, a tensor on the CPU, over all processes."""
    if fabric.world_size == 1:
        return values
    shared = values.to(fabric.device, copy=True)
    dist.all_reduce(shared)
    return shared.cpu()


def any_process(fabric: Fabric, value: int, group: dist.ProcessGroup | None) -> int:
    """Return the largest `value` of all processes: how one process's signal reaches every one."""
    if fabric.world_size == 1:
        return value
    shared = torch.tensor([value])
    dist.all_reduce(shared, op=dist.ReduceOp.MAX, group=group)
    return int(shared.item())


def control_group(fabric: Fabric) -> dist.ProcessGroup | None:
    """Return a group for messages between CPUs, so that a GPU need not be waited for.

    None stands for the group that there is anyhow. All processes must ask together.
    """
    if fabric.world_size == 1 or dist.get_backend() == "gloo":
        return None
    return _gloo_beside(dist.group.WORLD)


@lru_cache(maxsize=1)
def _gloo_beside(world: dist.ProcessGroup | None) -> dist.ProcessGroup:  # noqa: ARG001
    """Open the group that goes with `world`, the cache's key: once for all trainings."""
    group: dist.ProcessGroup = dist.new_group(backend="gloo", timeout=PATIENCE)
    return group


def broadcast_tensors(fabric: Fabric, tensors: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
    """Give the first process's tensors to all, on each one's device; others pass None."""
    if fabric.world_size == 1:
        return dict(tensors or {})
    shapes = fabric.broadcast(
        {k: (tuple(v.shape), v.dtype) for k, v in tensors.items()} if tensors is not None else None
    )
    result = {}
    for name, (shape, dtype) in (shapes or {}).items():
        if tensors is not None and fabric.is_global_zero:
            value = tensors[name].to(fabric.device).contiguous()
        else:
            value = torch.empty(shape, dtype=dtype, device=fabric.device)
        dist.broadcast(value, 0)
        result[name] = value
    return result
