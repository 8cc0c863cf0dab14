"""Types, layouts and which gradients: the same pictures give the same results however they lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from snellen.metrics.conventions import POSTER, WANG, Convention

from .comparing import Measure, Outcome, gradient_error, identical, relative_error, same_bits
from .pictures import pictures

AUTO = replace(WANG, levels="auto")
MEASURES: dict[str, tuple[Convention, bool]] = {
    "SSIM": (WANG, False),
    "SSIM, reflect": (replace(WANG, border="reflect"), False),
    "levels": (AUTO, True),
    "levels, mean-then-product": (replace(AUTO, channel_order="mean-then-product"), True),
    "pixels": (replace(POSTER, levels="auto"), True),
}
DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.uint8]
SHAPE = (2, 3, 47, 61)


def pair(dtype: torch.dtype, shape: tuple[int, ...] = SHAPE) -> tuple[Tensor, Tensor, float]:
    """A pair of pictures of that type, contiguous, and the range of its values."""
    x, y, _ = pictures("near 1e-1", shape)
    if dtype == torch.uint8:
        return (255 * x.clamp(0, 1)).to(dtype), (255 * y.clamp(0, 1)).to(dtype), 255.0
    return x.to(dtype), y.to(dtype), 1.0


def transposed(x: Tensor) -> Tensor:
    return x.transpose(2, 3).contiguous().transpose(2, 3)


def channels_last(x: Tensor) -> Tensor:
    return x.to(memory_format=torch.channels_last)


def at_an_odd_address(x: Tensor) -> Tensor:
    """The same values one number behind the start of a buffer."""
    buffer = torch.zeros(x.numel() + 1, dtype=x.dtype)
    moved = buffer[1:].view(x.shape)
    return moved.copy_(x)


def cut_out(x: Tensor) -> Tensor:
    """The same values in the middle of larger pictures of more channels."""
    pictures, channels, height, width = x.shape
    larger = torch.full((pictures + 1, channels + 2, height + 5, width + 7), 77, dtype=x.dtype)
    inside = larger[1:, 1:-1, 2:-3, 3:-4]
    return inside.copy_(x)


def every_other(x: Tensor) -> Tensor:
    """The same values with a gap after each."""
    larger = torch.full((*x.shape[:3], 2 * x.shape[3]), 77, dtype=x.dtype)
    return larger[..., ::2].copy_(x)


def last_picture_first(x: Tensor) -> Tensor:
    """The same values with pictures and channels in another order in memory."""
    return x.permute(1, 0, 3, 2).contiguous().permute(1, 0, 3, 2)


def assert_equal(found: Outcome, expected: Outcome) -> None:
    """The same bits, but for gradients of several levels written with gaps: another rounding."""
    assert same_bits(found.complement, expected.complement)
    for gradient, other in zip(found[1:], expected[1:], strict=True):
        assert gradient is not None
        assert other is not None
        if gradient.stride(-1) == 1:
            assert same_bits(gradient, other)
        else:
            assert gradient_error(gradient, other.double()) < 1e-6


LAYOUTS: list[Callable[[Tensor], Tensor]] = [
    torch.clone,
    channels_last,
    transposed,
    at_an_odd_address,
    cut_out,
    every_other,
    last_picture_first,
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MEASURES)
def test_types_and_layouts(name: str, dtype: torch.dtype, layout: Callable[..., Tensor]) -> None:
    x, y, data_range = pair(dtype)
    measure = Measure(*MEASURES[name], data_range)
    expected = measure.engine(x.float(), y.float())
    laid_x, laid_y = layout(x), layout(y)
    before = laid_x.clone(), laid_y.clone()
    assert_equal(measure.engine(laid_x, laid_y), expected)
    assert torch.equal(laid_x, before[0])
    assert torch.equal(laid_y, before[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_half_precision_and_bytes_are_computed_in_single_precision(dtype: torch.dtype) -> None:
    x, y, data_range = pair(dtype)
    for convention, multiscale in MEASURES.values():
        measure = Measure(convention, multiscale, data_range)
        truth = measure.definition(x, y)
        found = measure.engine(x, y)
        assert found.complement.dtype == torch.float32
        assert found.by_x is not None
        assert truth.by_x is not None
        assert found.by_x.dtype == torch.float32
        assert relative_error(found.complement, truth.complement) < 1e-5
        assert gradient_error(found.by_x, truth.by_x) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_smallest_and_largest_numbers_of_a_type(dtype: torch.dtype) -> None:
    ends = torch.finfo(dtype)
    subnormal = ends.smallest_normal * 2.0 ** (-3)
    numbers = torch.tensor([0.0, subnormal, -subnormal, ends.smallest_normal, 1.0, -1.0, 0.5])
    x = numbers.repeat(64)[: 16 * 20].reshape(1, 1, 16, 20).to(dtype)
    y = x.flip(-1).contiguous()
    measure = Measure(WANG, False)
    assert identical(measure.engine(x, y), measure.engine(x.float(), y.float()))
    assert float(x.float().abs()[x != 0].min()) == subnormal


@pytest.mark.parametrize("dtype", DTYPES)
def test_pictures_that_are_one_in_memory(dtype: torch.dtype) -> None:
    x, y, data_range = pair(dtype, (1, 1, 47, 61))
    measure = Measure(WANG, False, data_range)
    expected = measure.engine(x.expand(4, 3, -1, -1).contiguous(), y.expand(4, 3, -1, -1).clone())
    found = measure.engine(x.expand(4, 3, -1, -1), y.expand(4, 3, -1, -1))
    assert identical(found, expected)
    # A column and a row, repeated: no gradient may be written twice to one place.
    column, row = x[..., :1].expand(-1, -1, -1, 61), y[..., :1, :].expand(-1, -1, 47, -1)
    expected = measure.engine(column.contiguous(), row.contiguous())
    assert identical(measure.engine(column, row), expected)
    same = measure.engine(column, column.roll(1, 2)[..., :1].expand(-1, -1, -1, 61))
    assert identical(same, measure.engine(column.contiguous(), column.roll(1, 2).contiguous()))


@pytest.mark.parametrize("name", MEASURES)
def test_two_pictures_of_different_strides(name: str) -> None:
    x, y, _ = pair(torch.float32)
    measure = Measure(*MEASURES[name])
    expected = measure.engine(x, y)
    for layout in LAYOUTS:
        assert_equal(measure.engine(layout(x), y), expected)
        assert_equal(measure.engine(x, layout(y)), expected)


def test_a_picture_compared_with_itself_in_one_memory() -> None:
    x, _, _ = pair(torch.float32)
    found = Measure(WANG, False).engine(x, x)
    assert torch.count_nonzero(found.complement) == 0


@pytest.mark.parametrize("layout", [torch.clone, channels_last, transposed, last_picture_first])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_lie_in_memory_as_the_pictures_do(
    dtype: torch.dtype, layout: Callable[..., Tensor]
) -> None:
    x, y, data_range = pair(dtype)
    x, y = layout(x), layout(y)
    found = Measure(WANG, False, data_range).engine(x, y)
    for gradient in (found.by_x, found.by_y):
        assert gradient is not None
        assert gradient.shape == x.shape
        assert gradient.stride() == x.stride()
        assert gradient.dtype == torch.float32


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("layout", [torch.clone, channels_last])
def test_only_the_gradients_asked_for(name: str, layout: Callable[..., Tensor]) -> None:
    x, y, _ = pair(torch.float32)
    x, y = layout(x), layout(y)
    measure = Measure(*MEASURES[name])
    both = measure.engine(x, y)
    assert both.by_x is not None
    assert both.by_y is not None
    none = measure.engine(x, y, need_x=False, need_y=False)
    assert none.by_x is None
    assert none.by_y is None
    assert same_bits(none.complement, both.complement)
    only_x = measure.engine(x, y, need_y=False)
    assert only_x.by_x is not None
    assert only_x.by_y is None
    assert same_bits(only_x.complement, both.complement)
    assert gradient_error(only_x.by_x, both.by_x.double()) < 2e-6
    only_y = measure.engine(x, y, need_x=False)
    assert only_y.by_x is None
    assert only_y.by_y is not None
    assert same_bits(only_y.complement, both.complement)
    assert gradient_error(only_y.by_y, both.by_y.double()) < 2e-6


@pytest.mark.parametrize("name", MEASURES)
def test_the_two_pictures_can_change_places(name: str) -> None:
    x, y, _ = pair(torch.float32)
    measure = Measure(*MEASURES[name])
    there, back = measure.engine(x, y), measure.engine(y, x)
    assert same_bits(there.complement, back.complement)
    for found, other in ((there.by_x, back.by_y), (there.by_y, back.by_x)):
        assert found is not None
        assert other is not None
        assert gradient_error(found, other.double()) < 2e-6


@pytest.mark.parametrize("name", MEASURES)
def test_inputs_that_need_gradients_are_read_and_not_recorded(name: str) -> None:
    x, y, _ = pair(torch.float32)
    measure = Measure(*MEASURES[name])
    expected = measure.engine(x, y)
    with torch.enable_grad():
        found = measure.engine(x.clone().requires_grad_(), y.clone().requires_grad_())
    assert identical(found, expected)
    assert not found.complement.requires_grad
