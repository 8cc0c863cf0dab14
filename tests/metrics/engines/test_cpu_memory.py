"""Nothing outside the pictures is read and nothing outside the results is written.

Compiled code names memory by its address, so a mistake would go unnoticed: here all that lies
around pictures, results and working memory is filled with a mark and looked at afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snellen.metrics.conventions import POSTER, WANG, Convention
from snellen.metrics.engines import cpu

from .comparing import Measure, Outcome, gradient_error, identical, relative_error

GUARD = 256  # bytes before and behind
MARK = 0xFF  # as float32, float16 or bfloat16 NaN; as float64 NaN


class Guards:
    """Hands out tensors with marked memory around them, in the place of `torch.empty`."""

    def __init__(self) -> None:
        self.buffers: list[tuple[Tensor, int]] = []

    def empty(self, *sizes: Any, dtype: torch.dtype = torch.float32) -> Tensor:
        shape = tuple(sizes[0]) if isinstance(sizes[0], list | tuple | torch.Size) else sizes
        return self._carve(shape, dtype)

    def empty_like(self, like: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """As PyTorch does: the strides of dense tensors are kept."""
        plain = torch.zeros_like(like, dtype=dtype)
        return self._carve(plain.shape, plain.dtype).as_strided(plain.shape, plain.stride())

    def _carve(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        inside = torch.Size(shape).numel() * dtype.itemsize
        buffer = torch.full((inside + 2 * GUARD,), MARK, dtype=torch.uint8)
        self.buffers.append((buffer, inside))
        return buffer[GUARD : GUARD + inside].view(dtype).view(shape)

    def whole(self) -> bool:
        """Whether all marks are still there."""
        return all(
            bool((buffer[:GUARD] == MARK).all() and (buffer[GUARD + inside :] == MARK).all())
            for buffer, inside in self.buffers
        )


class _Torch:
    """`torch` with its memory from guards."""

    def __init__(self, guards: Guards) -> None:
        self.empty, self.empty_like = guards.empty, guards.empty_like

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


def guarded(measure: Measure, x: Tensor, y: Tensor, **needs: bool) -> Outcome:
    """The engine's results, with marks around everything it asks PyTorch for."""
    guards = Guards()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpu, "torch", _Torch(guards))
        found = measure.engine(x, y, **needs)
    assert len(guards.buffers) >= 2
    assert guards.whole()
    return found


DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.uint8]
ORDERS = [(0, 1, 2, 3), (0, 2, 3, 1), (0, 1, 3, 2), (1, 0, 2, 3)]


def carve(values: Tensor, order: tuple[int, ...], gaps: tuple[int, ...], offset: int) -> Tensor:
    """The values in memory of that order of axes, with NaN (bytes: 255) in front, between, behind.

    `gaps` are the numbers between one row, and one column, and the next.
    """
    shape = [values.shape[axis] for axis in order]
    steps = [1, 1, 1, 1]
    steps[3] = gaps[1] + 1
    for axis in (2, 1, 0):
        steps[axis] = shape[axis + 1] * steps[axis + 1] + gaps[0]
    room = shape[0] * steps[0] + offset + 64
    mark = 255 if values.dtype == torch.uint8 else float("nan")
    buffer = torch.full((room,), mark, dtype=values.dtype)
    strides = [0, 0, 0, 0]
    for place, axis in enumerate(order):
        strides[axis] = steps[place]
    carved = buffer.as_strided(values.shape, strides, offset)
    return carved.copy_(values)


@st.composite
def measures(draw: st.DrawFn) -> tuple[Measure, tuple[int, int]]:
    """A convention, and sides on which it fits; its levels as many as do."""
    size = draw(st.sampled_from([1, 3, 7, 11]))
    reading = draw(st.sampled_from(["SSIM", "levels", "pixels"]))
    base: Convention = POSTER if reading == "pixels" else WANG
    borders = ["reflect", "replicate", "zeros"] + ([] if reading == "pixels" else ["valid"])
    sides = draw(st.integers(max(size, 11), 80)), draw(st.integers(max(size, 11), 80))
    convention = replace(
        base,
        window_size=size,
        window=draw(st.sampled_from(["gaussian", "uniform"])),
        border=draw(st.sampled_from(borders)),
        odd_sizes=draw(st.sampled_from(["keep", "drop"])),
        levels="auto",
        # A slope without bound near 0 would say nothing about memory.
        exponents="ones",
        negative="signed" if reading != "pixels" else "clamp",
    )
    if reading != "SSIM":
        least = 2 * size if convention.odd_sizes == "drop" else 2 * size - 1
        if min(sides) < least:
            sides = max(sides[0], least), max(sides[1], least)
    return Measure(convention, reading != "SSIM"), sides


@settings(max_examples=120)
@given(
    chosen=measures(),
    pictures=st.integers(1, 2),
    channels=st.integers(1, 3),
    dtype=st.sampled_from(DTYPES),
    order=st.sampled_from(ORDERS),
    gaps=st.tuples(st.integers(0, 5), st.integers(0, 2)),
    offset=st.integers(0, 17),
    needs=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 9),
)
def test_guards_hold(
    chosen: tuple[Measure, tuple[int, int]],
    pictures: int,
    channels: int,
    dtype: torch.dtype,
    order: tuple[int, ...],
    gaps: tuple[int, ...],
    offset: int,
    needs: tuple[bool, bool],
    seed: int,
) -> None:
    measure, sides = chosen
    generator = torch.Generator().manual_seed(seed)
    shape = (pictures, channels, *sides)
    y = torch.rand(shape, generator=generator)
    x = (y + 0.1 * torch.randn(shape, generator=generator)).clamp(0, 1)
    if dtype == torch.uint8:
        x, y, measure = 255 * x, 255 * y, replace(measure, data_range=255.0)
    x, y = x.to(dtype), y.to(dtype)
    need_x, need_y = needs
    found = guarded(
        measure,
        carve(x, order, gaps, offset),
        carve(y, order, gaps, offset),
        need_x=need_x,
        need_y=need_y,
    )
    truth = measure.definition(x, y)
    assert relative_error(found.complement, truth.complement) < 1e-4
    for gradient, exact, needed in zip(found[1:], truth[1:], needs, strict=True):
        assert (gradient is not None) == needed
        if gradient is not None:
            assert exact is not None
            # Under a window of one pixel large terms cancel to what is left of the gradient.
            allowed = 2e-2 if measure.convention.window_size == 1 else 1e-3
            assert gradient_error(gradient, exact) < allowed


@pytest.mark.parametrize("size", [11, 21, 33])
@pytest.mark.parametrize("border", ["valid", "reflect", "replicate", "zeros"])
@pytest.mark.parametrize("shape", [(1, 2, 33, 307), (1, 1, 800, 35), (2, 1, 145, 146)])
def test_guards_hold_around_several_strips_and_blocks(
    shape: tuple[int, ...], border: str, size: int
) -> None:
    generator = torch.Generator().manual_seed(size)
    x, y = torch.rand(shape, generator=generator), torch.rand(shape, generator=generator)
    convention = replace(WANG, window_size=size, border=border)  # type: ignore[arg-type]
    measure = Measure(convention, False)
    carved = [carve(picture, ORDERS[0], (3, 0), 5) for picture in (x, y)]
    found = guarded(measure, *carved)
    assert identical(found, measure.engine(x, y))


def test_the_guards_would_notice() -> None:
    guards = Guards()
    inside = guards.empty_like(torch.zeros(3, 4))
    inside.fill_(1)
    assert guards.whole()
    inside.as_strided((13,), (1,)).fill_(1)
    assert not guards.whole()
