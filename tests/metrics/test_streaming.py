"""Streaming metrics: the same bit for bit however the pictures come, and clear about bad input."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from snellen.metrics import (
    POSTER,
    WANG,
    StreamingDSSIM,
    StreamingMAE,
    StreamingMean,
    StreamingMSDSSIM,
    StreamingMSE,
    StreamingMSSSIM,
    StreamingPSNR,
    StreamingSSIM,
    dssim,
    functional,
    mae,
    ms_dssim,
    ms_ssim,
    mse,
    psnr,
    ssim,
)

from .cases import SMALL, tensors


def largest_error(preds: Tensor, target: Tensor) -> Tensor:
    return (preds - target).abs().max()


RANGE: dict[str, Any] = {"data_range": 1.0}
STRUCTURAL: dict[str, Any] = {**RANGE, "convention": SMALL}
METRICS: dict[str, Callable[[], StreamingMean]] = {
    "mse": StreamingMSE,
    "mae": StreamingMAE,
    "psnr": lambda: StreamingPSNR(**RANGE),
    "ssim": lambda: StreamingSSIM(**STRUCTURAL),
    "dssim": lambda: StreamingDSSIM(**STRUCTURAL),
    "ms_ssim": lambda: StreamingMSSSIM(**STRUCTURAL),
    "ms_dssim": lambda: StreamingMSDSSIM(**STRUCTURAL),
    "own": lambda: StreamingMean(largest_error),
}
FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mse,
    "mae": mae,
    "psnr": lambda x, y: psnr(x, y, **RANGE),
    "ssim": lambda x, y: ssim(x, y, **STRUCTURAL),
    "dssim": lambda x, y: dssim(x, y, **STRUCTURAL),
    "ms_ssim": lambda x, y: ms_ssim(x, y, **STRUCTURAL),
    "ms_dssim": lambda x, y: ms_dssim(x, y, **STRUCTURAL),
    "own": largest_error,
}
SIZES = ((20, 24), (33, 21), (24, 20), (20, 24))


def pictures() -> list[tuple[Tensor, Tensor]]:
    """Four batches of three pictures, of three sizes."""
    return [
        tensors((3, 2, *size), seed=seed, noise=0.05 * (seed + 1), dtype=torch.float32)
        for seed, size in enumerate(SIZES)
    ]


def singles() -> list[tuple[Tensor, Tensor]]:
    return [(x[i : i + 1], y[i : i + 1]) for x, y in pictures() for i in range(len(x))]


def filled(name: str, batches: list[tuple[Tensor, Tensor]]) -> StreamingMean:
    metric = METRICS[name]()
    for preds, target in batches:
        metric.update(preds, target)
    return metric


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


# ---- the result


@pytest.mark.parametrize("name", METRICS)
def test_the_result_is_the_exact_mean_of_the_pictures_values(name: str) -> None:
    values = [FUNCTIONS[name](x, y).item() for x, y in singles()]
    metric = filled(name, pictures())
    assert metric.compute() == float(sum(map(Fraction, values)) / len(values))
    assert metric.count == len(values) == 12
    found = metric.summary()
    assert (found.smallest, found.largest) == (min(values), max(values))
    assert found.deviation == pytest.approx(torch.tensor(values).double().std().item(), rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_order_batches_and_merging_do_not_matter(name: str) -> None:
    expected = filled(name, pictures()).summary()
    alone = singles()
    assert filled(name, alone).summary() == expected
    assert filled(name, alone[::-1]).summary() == expected
    first, second = filled(name, alone[1::2]), filled(name, pictures()[:0])
    for x, y in alone[::2]:
        second.update(x, y)
    first.merge(second)
    assert first.summary() == expected
    assert second.count == 6


@pytest.mark.parametrize("shape", [(4, 1, 181, 183), (3, 3, 90, 130)])
@pytest.mark.parametrize("name", METRICS)
def test_threads_layout_and_companions_do_not_matter(name: str, shape: tuple[int, ...]) -> None:
    # On these shapes the last digit of the plain functions depends on all three.
    generator = torch.Generator().manual_seed(5)
    y = torch.rand(shape, generator=generator)
    x = (y + 0.1 * torch.randn(shape, generator=generator)).clamp(0, 1)
    last = torch.channels_last
    turned = (x.mT.contiguous().mT, y.mT.contiguous().mT)
    shifted = tuple(torch.cat([torch.zeros(1), t.flatten()])[1:].view(shape) for t in (x, y))
    whole = filled(name, [(x, y)]).summary()
    for count in (1, 2, 3):
        with threads(count):
            batches = [
                [(x, y)],
                [(x[i], y[i]) for i in range(len(x))],
                [(x.to(memory_format=last), y.to(memory_format=last))],
                [turned],
                [(shifted[0], shifted[1])],
                [(x[:1], y[:1]), (x[1:], y[1:])],
            ]
            assert [filled(name, each).summary() for each in batches] == [whole] * len(batches)


def test_the_number_of_threads_is_left_as_it_was() -> None:
    with threads(2):
        metric = StreamingMean(lambda x, y: torch.get_num_threads())
        metric.update(torch.zeros(4, 4), torch.zeros(4, 4))
        assert metric.compute() == 1
        with pytest.raises(ValueError, match="data_range is needed"):
            StreamingSSIM().update(torch.zeros(16, 16), torch.zeros(16, 16))
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("name", METRICS)
def test_batches_lists_and_bare_pictures(name: str) -> None:
    expected = filled(name, pictures()).summary()
    metric = METRICS[name]()
    metric.update([x for x, _ in pictures()], [y for _, y in pictures()])
    assert metric.summary() == expected
    metric.reset()
    metric.update([x[0] for x, _ in singles()], tuple(y[0] for _, y in singles()))
    assert metric.summary() == expected
    metric.update(torch.empty(0, 2, 20, 20), torch.empty(0, 2, 20, 20))
    metric.update([], [])
    assert metric.summary() == expected
    flat = METRICS[name]()
    flat.update(singles()[0][0][0, 0], singles()[0][1][0, 0])
    assert flat.count == 1


def test_uint8_has_a_range_of_255_and_float64_its_digits() -> None:
    x, y = ((255 * t).to(torch.uint8) for t in singles()[0])
    metric, wide = StreamingSSIM(convention=SMALL), StreamingSSIM(**STRUCTURAL)
    metric.update(x, y)
    assert metric.compute() == ssim(x, y, convention=SMALL).item()
    wide.update(x.double() / 255, y.double() / 255)
    assert wide.compute() == ssim(x.double() / 255, y.double() / 255, **STRUCTURAL).item()
    assert wide.compute() != metric.compute()


def test_the_options_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []

    def measured(_x: Tensor, _y: Tensor, **options: Any) -> Tensor:
        given.append(options)
        return torch.zeros(1)

    monkeypatch.setattr(functional, "ms_dssim", measured)
    metric = StreamingMSDSSIM(data_range=2, convention="poster", engine="definition")
    metric.update(*pictures()[0])
    options = {"data_range": 2.0, "convention": POSTER, "engine": "definition"}
    assert given == [{**options, "reduction": "none"}] * 3


def test_no_gradient_is_kept() -> None:
    x, y = singles()[0]
    metric = StreamingMean(lambda a, b: mse(a, b) if not torch.is_grad_enabled() else b.sum())
    metric.update(x.clone().requires_grad_(), y)
    assert metric.compute() == mse(x, y).item()


@pytest.mark.parametrize("name", METRICS)
def test_it_may_be_filled_in_inference_mode_and_under_autocast(name: str) -> None:
    metric = METRICS[name]()
    with torch.inference_mode():
        for x, y in pictures()[:2]:
            metric.update(x.clone(), y.clone())
    metric.update(*pictures()[2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        metric.update(*pictures()[3])
    metric.load_state_dict(copy.deepcopy(metric.state_dict()))
    assert metric.sync().summary() == filled(name, pictures()).summary()


def test_other_defaults_of_torch_change_nothing() -> None:
    expected = filled("ssim", pictures()).summary()
    torch.set_default_dtype(torch.float16)
    try:
        metric = filled("ssim", pictures())
        with torch.device("meta"):  # stands for a GPU
            metric.merge(METRICS["ssim"]())
            metric.update(*pictures()[0], valid=torch.zeros(3, dtype=torch.bool, device="cpu"))
            metric.load_state_dict(metric.sync().state_dict())
        assert metric.summary() == expected
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_memory_does_not_grow() -> None:
    metric = StreamingMSE()
    before = len(pickle.dumps(metric))
    for _ in range(50):
        metric.update(torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8))
    assert len(pickle.dumps(metric)) == before


# ---- pictures that are shown twice, identical or undefined


def test_pictures_that_are_not_valid_are_left_out() -> None:
    x, y = pictures()[0]
    expected = filled("ssim", [(x[:2], y[:2])]).summary()
    for valid in ([True, True, False], torch.tensor([True, True, False])):
        metric = METRICS["ssim"]()
        metric.update(x, y, valid=valid)
        assert metric.summary() == expected
    metric.update(x, y, valid=[False] * 3)
    metric.update(x[:0], y[:0], valid=[])
    assert metric.summary() == expected


@pytest.mark.parametrize("valid", [[True], [1, 0, 1], torch.ones(3), torch.ones(3, 1).bool()])
def test_valid_must_be_one_bool_per_picture(valid: Any) -> None:
    with pytest.raises(ValueError, match=r"valid must be one bool per picture, shape \(3,\)"):
        METRICS["mse"]().update(*pictures()[0], valid=valid)


def test_identical_pictures_have_an_infinite_psnr() -> None:
    x, y = pictures()[0]
    metric, capped = StreamingPSNR(**RANGE), StreamingPSNR(**RANGE, cap=60)
    for one in (metric, capped):
        one.update(x, torch.cat([x[:1], y[1:]]))
    others = psnr(x[1:], y[1:], **RANGE, reduction="none").double()
    found = metric.summary()
    assert metric.compute() == found.mean == found.largest == math.inf
    assert math.isnan(found.deviation)
    assert (found.infinite, found.undefined) == (1, 0)
    assert found.finite_mean == others.mean().item()
    assert capped.compute() == ((others.sum() + 60) / 3).item()
    low = StreamingPSNR(**RANGE, cap=1.0)
    low.update(x, y)
    assert low.compute() == 1.0


def test_a_nan_pixel_makes_the_result_nan_and_is_counted() -> None:
    x, y = pictures()[0]
    x[1, 0, 3, 3] = math.nan
    for name in ("mse", "ssim", "psnr"):
        metric = filled(name, [(x, y)])
        found = metric.summary()
        assert math.isnan(metric.compute())
        assert (found.undefined, found.infinite, found.count) == (1, 0, 3)
        rest = filled(name, [(x[:1], y[:1]), (x[2:], y[2:])]).summary()
        assert found.finite_mean == rest.mean
        assert (found.smallest, found.largest) == (rest.smallest, rest.largest)
    only = filled("mse", [(x[1], y[1])]).summary()
    assert math.isnan(only.smallest)
    assert math.isnan(only.largest)


# ---- stopping and going on


@pytest.mark.parametrize("name", METRICS)
def test_an_interrupted_evaluation_goes_on(name: str) -> None:
    batches = pictures()
    half = filled(name, batches[:2])
    file = io.BytesIO()
    torch.save(half.state_dict(), file)
    file.seek(0)
    resumed = METRICS[name]()
    resumed.update(*batches[0])  # forgotten
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for preds, target in batches[2:]:
        resumed.update(preds, target)
    assert resumed.summary() == filled(name, batches).summary()
    assert half.count == 6


@pytest.mark.parametrize("name", METRICS)
def test_copies_and_pickles_go_on_by_themselves(name: str) -> None:
    metric = filled(name, pictures()[:2])
    copies = [copy.copy(metric), copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))]
    for one in copies:
        assert type(one) is type(metric)
        one.update(*pictures()[2])
        assert one.summary() == filled(name, pictures()[:3]).summary()
    assert metric.count == 6


def test_a_state_that_was_taken_does_not_change() -> None:
    metric = filled("mse", pictures()[:1])
    state = metric.state_dict()
    metric.update(*pictures()[1])
    metric.load_state_dict(state)
    metric.update(*pictures()[1])
    metric.load_state_dict(state)
    assert metric.count == 3


def test_reset_forgets_all_pictures() -> None:
    metric = filled("psnr", pictures())
    metric.reset()
    assert metric.count == 0
    metric.update(*pictures()[0])
    assert metric.summary() == filled("psnr", pictures()[:1]).summary()


def test_the_state_of_another_measure_is_refused() -> None:
    metric = filled("ssim", pictures())
    others = [
        METRICS["dssim"](),
        StreamingSSIM(data_range=2.0, convention=SMALL),
        StreamingSSIM(data_range=1.0, convention=replace(SMALL, k1=0.02)),
        StreamingSSIM(**STRUCTURAL, engine="definition"),
    ]
    for other in others:
        with pytest.raises(ValueError, match=r"The state is of another measure: ssim\(data_range"):
            other.load_state_dict(metric.state_dict())
        with pytest.raises(ValueError, match=r"The other metric is of another measure: "):
            metric.merge(other)
        assert (other.count, metric.count) == (0, 12)
    by_name = StreamingSSIM(**RANGE, convention="wang")
    by_name.merge(StreamingSSIM(**RANGE, convention=WANG))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tally": torch.zeros(3, dtype=torch.int64)}, "'tally' must be a torch.int64 tensor"),
        ({"tally": torch.zeros(34)}, "'tally' must be a torch.int64 tensor"),
        ({"extremes": [0.0, 0.0]}, "'extremes' must be a torch.float64 tensor"),
        ({"measure": "mae()"}, r"of another measure: mae\(\), where this metric is of mse\(\)"),
    ],
)
def test_a_spoiled_state_is_refused(change: dict[str, Any], message: str) -> None:
    metric = filled("mse", pictures())
    with pytest.raises(ValueError, match=message):
        metric.load_state_dict({**metric.state_dict(), **change})
    assert metric.count == 12


def test_a_state_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r"measure, tally, extremes missing\. Give what state_"):
        StreamingMSE().load_state_dict({"weight": torch.zeros(3)})


def test_without_other_processes_sync_is_a_copy() -> None:
    metric = filled("ssim", pictures()[:1])
    whole = metric.sync()
    assert isinstance(whole, StreamingSSIM)
    assert whole.summary() == metric.summary()
    whole.update(*pictures()[1])
    assert (whole.count, metric.count) == (6, 3)


# ---- bad input


@pytest.mark.parametrize("name", METRICS)
def test_no_pictures_have_no_mean(name: str) -> None:
    metric = METRICS[name]()
    for ask in (metric.compute, metric.summary):
        with pytest.raises(ValueError, match=r"no pictures to average yet: call update\(preds, t"):
            ask()


def test_a_failed_update_counts_no_picture() -> None:
    metric = filled("ssim", pictures()[:1])
    small = torch.zeros(1, 2, 3, 3)
    with pytest.raises(ValueError, match="does not fit"):
        metric.update([pictures()[1][0], small], [pictures()[1][1], small])
    assert metric.summary() == filled("ssim", pictures()[:1]).summary()


@pytest.mark.parametrize(
    ("preds", "target", "error", "message"),
    [
        (torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 9), ValueError, "must have one shape"),
        (torch.zeros(8, 8), torch.zeros(8, 8).double(), TypeError, "must have one dtype"),
        (torch.zeros(8, 8), None, TypeError, "target must be a torch.Tensor; got NoneType"),
        ([torch.zeros(8, 8)], torch.zeros(8, 8), TypeError, "preds must be a torch.Tensor; got l"),
        ([torch.zeros(8, 8)], [], ValueError, "as many pictures; got 1 and 0"),
        (torch.zeros(8), torch.zeros(8), ValueError, "Pictures must be"),
    ],
)
def test_what_are_no_pairs_is_refused(
    preds: Any, target: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        StreamingMSE().update(preds, target)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: StreamingSSIM(data_range=0), ValueError, "data_range must be positive"),
        (lambda: StreamingSSIM(data_range="1"), TypeError, "data_range must be a number"),
        (lambda: StreamingSSIM(convention="wangg"), ValueError, "Did you mean 'wang'"),
        (lambda: StreamingMSSSIM(engine="definitoin"), ValueError, "Did you mean 'definition'"),
        (lambda: StreamingPSNR(cap=0), ValueError, "cap must be a positive number of dB"),
        (lambda: StreamingPSNR(cap=math.nan), ValueError, "cap must be a positive number of dB"),
        (lambda: StreamingMean(partial(mse)), ValueError, r"no name of its own: give name='...'"),
        (lambda: StreamingMean(3), TypeError, "measure must be a function of"),
        (lambda: StreamingMSE().merge(3), TypeError, "Only a streaming metric can be merged"),
    ],
)
def test_options_that_cannot_be_used_are_refused_at_once(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("measure", "got"),
    [(lambda x, y: x - y, r"shape \(1, 1, 4, 4\)"), (lambda x, y: None, "None")],
)
def test_a_measure_must_return_one_number(measure: Any, got: str) -> None:
    with pytest.raises(ValueError, match=f"must return one number for one pair.*got {got}"):
        StreamingMean(measure).update(torch.zeros(4, 4), torch.zeros(4, 4))


def test_a_measure_may_return_a_python_number() -> None:
    metric = StreamingMean(lambda x, y: 0.1)
    metric.update(torch.zeros(4, 4), torch.zeros(4, 4))
    assert metric.compute() == 0.1


def test_what_is_shown() -> None:
    metric = filled("mse", pictures())
    assert repr(metric) == "<StreamingMSE: mse(), 12 pictures>"
    own = StreamingMean(largest_error, name="largest error")
    assert repr(own) == "<StreamingMean: largest error, 0 pictures>"
    text = repr(StreamingSSIM(data_range=1, convention=replace(WANG, levels="auto")))
    assert "ssim(data_range=1.0, convention=Convention(levels='auto'), engine='auto')" in text
