"""Whatever is asked for: the definition's answer, or one sentence of ours."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snellen import dssim, ms_dssim
from snellen.metrics import Convention

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.uint8, torch.float64)
SETTINGS = settings(max_examples=150, derandomize=True, deadline=None)


@st.composite
def conventions(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of a convention, impossible ones among them."""
    exponents = st.one_of(
        st.sampled_from(["wang", "ones"]), st.lists(st.floats(0, 1.5), max_size=4).map(tuple)
    )
    return {
        "window": draw(st.sampled_from(["gaussian", "uniform"])),
        "window_size": draw(st.sampled_from([0, 2, 3, 7, 11, 33])),
        "border": draw(st.sampled_from(["valid", "reflect", "replicate", "zeros"])),
        "reading": draw(st.sampled_from(["levels", "pixels"])),
        "levels": draw(st.sampled_from([1, 2, 5, "auto"])),
        "exponents": draw(exponents),
        "odd_sizes": draw(st.sampled_from(["keep", "drop", "zeros", "repeat"])),
        "channel_order": draw(st.sampled_from(["product-then-mean", "mean-then-product"])),
        "negative": draw(st.sampled_from(["clamp", "signed", "smooth"])),
        "covariance": draw(st.sampled_from(["population", "sample"])),
    }


@st.composite
def pictures(draw: st.DrawFn) -> Tensor:
    """A picture of any dtype, size and layout, cut from a larger one."""
    n, c = draw(st.integers(0, 2)), draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 170))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    whole = torch.rand(n, c, height + 3, 2 * width + 2, generator=generator)
    dtype = draw(st.sampled_from(DTYPES))
    whole = (whole * 255).to(dtype) if dtype == torch.uint8 else whole.to(dtype)
    step = draw(st.integers(1, 2))
    cut = whole[:, :, 1 : 1 + height, 1 : 1 + step * width : step]
    layout = draw(st.sampled_from(["cut", "contiguous", "channels last", "transposed"]))
    if layout == "channels last":
        return cut.contiguous(memory_format=torch.channels_last)
    if layout == "transposed":
        return cut.transpose(-1, -2)
    return cut.contiguous() if layout == "contiguous" else cut


@SETTINGS
@given(
    x=pictures(),
    fields=conventions(),
    multiscale=st.booleans(),
    data_range=st.sampled_from([None, 1.0, 255.0, 0.0, -1.0, float("nan"), float("inf")]),
    other=st.sampled_from(["same", "noise", "shape", "dtype"]),
)
def test_answer_or_sentence(
    x: Tensor, fields: dict[str, Any], multiscale: bool, data_range: float | None, other: str
) -> None:
    measure = ms_dssim if multiscale else dssim
    y = x.clone()
    if other == "noise" and x.is_floating_point():
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
        y = (x + 0.1 * noise).to(x.dtype)
    elif other == "shape":
        y = y[..., :-1]
    elif other == "dtype":
        y = y.to(torch.int32)

    def ask(engine: str) -> Tensor | str:
        try:
            return measure(
                x,
                y,
                data_range=data_range,
                convention=Convention(**fields),
                reduction="none",
                engine=engine,
            )
        except (ValueError, TypeError) as refusal:
            return str(refusal)

    truth, found = ask("definition"), ask("auto")
    if isinstance(truth, str):
        assert found == truth
        assert len(truth) > 20
        return
    assert isinstance(found, Tensor)
    assert found.shape == truth.shape
    torch.testing.assert_close(found, truth, rtol=1e-3, atol=2e-5, equal_nan=True)


def test_sparse_pictures_are_refused() -> None:
    x = torch.rand(1, 1, 16, 16)
    with pytest.raises(TypeError, match="must be dense tensors; got layout"):
        dssim(x.to_sparse(), x.to_sparse(), data_range=1.0)
