"""What comes to the engines in unusual ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from snellen import MixedLoss, MSSSIMLoss, dssim
from snellen.metrics import WANG
from snellen.metrics.engines import dispatch
from snellen.metrics.engines.metric import Metric

from .test_dispatch import gradient, pair


def test_double_backward_where_one_picture_is_made_from_the_other() -> None:
    slopes = []
    for create_graph in (False, True):
        x, _ = pair(1, 1, 24, 24)
        value = dssim(x.square(), x, data_range=1.0)
        slopes.append(gradient(value, x, create_graph=create_graph).detach())
    largest = float(slopes[0].abs().max())
    torch.testing.assert_close(slopes[1], slopes[0], rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("scale", [1.0, 2.0**16, 2.0**24])
def test_half_gradients_under_a_loss_scale(scale: float) -> None:
    x, y = (picture.detach().half() for picture in pair(4, 3, 64, 64))
    x.requires_grad_()
    wide = x.detach().float().requires_grad_()
    (dssim(x, y, data_range=1.0) * scale).backward()
    (dssim(wide, y.float(), data_range=1.0) * scale).backward()
    assert x.grad is not None
    assert wide.grad is not None
    assert torch.equal(x.grad, wide.grad.half())


def test_opcheck_with_different_layouts() -> None:
    x, y = pair(2, 3, 24, 28)
    x = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    y.requires_grad_()
    text = Metric(WANG, 1.0, multiscale=False).to_text()
    arguments = (x, y, text, "cpu", 0.5, True, True)
    torch.library.opcheck(dispatch._operator, arguments)
    found = dispatch._operator(*arguments)
    assert found[1].is_contiguous(memory_format=torch.channels_last)
    assert found[2].is_contiguous()


def test_traced_code_compares_anew() -> None:
    x, y = pair(grad=False)
    recorded = make_fx(lambda a, b: dssim(a, b, data_range=1.0))(x, y)
    other = 1 - x
    assert torch.equal(recorded(other, y), dssim(other, y, data_range=1.0))


def test_negative_views() -> None:
    x, y = pair(1, 1, 24, 24, grad=False)
    negative = torch.complex(y, x).conj().imag
    assert negative.is_neg()
    plain = dssim(negative.resolve_neg(), y, data_range=1.0)
    assert torch.equal(dssim(negative, y, data_range=1.0), plain)


def test_numpy_numbers_as_options() -> None:
    x, y = pair(grad=False)
    convention = replace(WANG, levels=2, sigma=np.float64(1.5))
    loss = MixedLoss(alpha=np.float64(0.3), convention=convention)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, y), loss(x, y))


def test_exports_with_any_number_of_pictures() -> None:
    x, y = pair(2, 3, 64, 64, grad=False)
    number = torch.export.Dim("number", min=2, max=64)
    shapes = ({0: number}, {0: number})
    program = torch.export.export(MSSSIMLoss(), (x, y), dynamic_shapes=shapes).module()
    more = torch.cat([x, y, 1 - x])
    assert torch.equal(program(more, more.flip(0)), MSSSIMLoss()(more, more.flip(0)))


def test_ranges_beyond_the_engine_go_to_the_definition() -> None:
    x, y = pair(grad=False)
    for data_range in (1e-20, 1e12):
        found = dssim(x * data_range, y * data_range, data_range=data_range)
        torch.testing.assert_close(found, dssim(x, y, data_range=1.0), rtol=1e-3, atol=0)


@pytest.mark.parametrize("data_range", [1e308, 10**400, 0.0])
def test_ranges_that_nothing_can_have(data_range: float) -> None:
    x, y = pair(grad=False)
    with pytest.raises(ValueError, match="data_range must be positive and finite"):
        dssim(x, y, data_range=data_range)
