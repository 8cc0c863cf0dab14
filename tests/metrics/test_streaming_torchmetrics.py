"""The streaming metrics as torchmetrics' own."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection, MetricTracker

from snellen.metrics import (
    StreamingDSSIM,
    StreamingMAE,
    StreamingMean,
    StreamingMSDSSIM,
    StreamingMSE,
    StreamingMSSSIM,
    StreamingPSNR,
    StreamingSSIM,
)
from snellen.metrics.torchmetrics import DSSIM, MAE, MSDSSIM, MSE, MSSSIM, PSNR, SSIM

from .cases import SMALL, tensors

RANGE: dict[str, Any] = {"data_range": 1.0}
STRUCTURAL: dict[str, Any] = {**RANGE, "convention": SMALL}
KINDS: dict[str, tuple[Callable[..., Metric], Callable[..., StreamingMean], dict[str, Any]]] = {
    "mse": (MSE, StreamingMSE, {}),
    "mae": (MAE, StreamingMAE, {}),
    "psnr": (PSNR, StreamingPSNR, RANGE),
    "ssim": (SSIM, StreamingSSIM, STRUCTURAL),
    "dssim": (DSSIM, StreamingDSSIM, STRUCTURAL),
    "ms_ssim": (MSSSIM, StreamingMSSSIM, STRUCTURAL),
    "ms_dssim": (MSDSSIM, StreamingMSDSSIM, STRUCTURAL),
}
LOWER = {"mse", "mae", "dssim", "ms_dssim"}
SIZES = ((20, 24), (33, 21), (24, 20))


def pictures() -> list[tuple[Tensor, Tensor]]:
    return [
        tensors((3, 2, *size), seed=seed, noise=0.05 * (seed + 1), dtype=torch.float32)
        for seed, size in enumerate(SIZES)
    ]


def make(name: str, **options: Any) -> Metric:
    kind, _, given = KINDS[name]
    return kind(**given, **options)


def expected(name: str, batches: list[tuple[Tensor, Tensor]]) -> float:
    _, kind, given = KINDS[name]
    metric = kind(**given)
    for preds, target in batches:
        metric.update(preds, target)
    return metric.compute()


def filled(name: str, batches: list[tuple[Tensor, Tensor]]) -> Metric:
    metric = make(name)
    for preds, target in batches:
        metric.update(preds, target)
    return metric


@pytest.mark.parametrize("name", KINDS)
def test_the_result_is_that_of_the_streaming_metric(name: str) -> None:
    found = filled(name, pictures()).compute()
    assert found.item() == expected(name, pictures())
    assert (found.dtype, found.shape) == (torch.float64, ())


@pytest.mark.parametrize("name", KINDS)
def test_forward_gives_the_value_of_the_batch_and_counts_it(name: str) -> None:
    metric = make(name)
    for batch in pictures():
        assert metric(*batch).item() == expected(name, [batch])
    assert metric.compute().item() == expected(name, pictures())


@pytest.mark.parametrize("name", KINDS)
def test_it_says_of_itself_what_it_is(name: str) -> None:
    metric = make(name)
    assert isinstance(metric, Metric)
    assert metric.higher_is_better is (name not in LOWER)
    assert metric.is_differentiable is False
    assert metric.full_state_update is False
    batch = [x.clone().requires_grad_() for x in pictures()[0]]
    assert not metric(*batch).requires_grad
    assert f"{name}(" in repr(metric)


@pytest.mark.parametrize("name", KINDS)
def test_its_options_are_those_of_the_streaming_metric(name: str) -> None:
    kind, plain, _ = KINDS[name]
    own = set(inspect.signature(kind).parameters) - {"kwargs"}
    assert own == set(inspect.signature(plain).parameters)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: `widnow`"):
        make(name, widnow=3)


@pytest.mark.parametrize("name", KINDS)
def test_reset_merging_copies_and_pickles(name: str) -> None:
    first, second, third = pictures()
    metric = filled(name, [first])
    metric.merge_state(filled(name, [second]))
    for one in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric)), metric.clone()):
        one.update(*third)
        assert one.compute().item() == expected(name, pictures())
    assert metric.compute().item() == expected(name, [first, second])
    metric.reset()
    metric.update(*third)
    assert metric.compute().item() == expected(name, [third])


# ---- MetricCollection


def all_of_them() -> MetricCollection:
    return MetricCollection({name: make(name) for name in KINDS})


def test_a_collection_finds_all_of_them() -> None:
    metrics = all_of_them()
    for batch in pictures():
        found = metrics(*batch)
        assert {k: v.item() for k, v in found.items()} == {k: expected(k, [batch]) for k in KINDS}
    found = metrics.compute()
    assert {k: v.item() for k, v in found.items()} == {k: expected(k, pictures()) for k in KINDS}
    metrics.reset()
    metrics.update(*pictures()[0])
    assert metrics.compute()["ssim"].item() == expected("ssim", pictures()[:1])


def test_metrics_that_are_alike_on_the_first_batch_are_not_taken_for_one() -> None:
    # torchmetrics compares states after the first batch: on identical pictures all similarities
    # are 1 and all errors 0.
    metrics = all_of_them()
    metrics.add_metrics({"finer": SSIM(**RANGE, convention=replace(SMALL, k1=0.02))})
    x, y = pictures()[0]
    metrics.update(y, y)
    metrics.update(x, y)
    assert len(metrics.compute_groups) == len(KINDS) + 1
    for name in set(KINDS) - {"psnr"}:
        assert metrics[name].compute().item() == expected(name, [(y, y), (x, y)])
    assert metrics["finer"].compute() != metrics["ssim"].compute()


def test_the_same_metric_twice_is_measured_once() -> None:
    metrics = MetricCollection({"one": make("ssim"), "two": make("ssim"), "other": make("mse")})
    for batch in pictures():
        metrics.update(*batch)
    assert sorted(map(sorted, metrics.compute_groups.values())) == [["one", "two"], ["other"]]
    found = metrics.compute()
    assert found["one"].item() == found["two"].item() == expected("ssim", pictures())


def test_pictures_that_are_not_valid_are_left_out() -> None:
    metrics = all_of_them()
    x, y = pictures()[0]
    found = metrics(x, y, valid=[True, False, True])
    rest = (x[::2], y[::2])
    assert {k: v.item() for k, v in found.items()} == {k: expected(k, [rest]) for k in KINDS}
    assert metrics(x, y, valid=[False] * 3)["ssim"].isnan()
    assert metrics.compute()["ssim"].item() == expected("ssim", [rest])


# ---- state


def test_an_interrupted_evaluation_goes_on() -> None:
    first, second, third = pictures()
    metrics = all_of_them()
    metrics.persistent(True)
    metrics.update(*first)
    metrics.update(*second)
    resumed = all_of_them()
    resumed.persistent(True)
    resumed.load_state_dict(metrics.state_dict())
    resumed.update(*third)
    assert {k: v.item() for k, v in resumed.compute().items()} == {
        k: expected(k, pictures()) for k in KINDS
    }


def test_states_are_left_out_of_checkpoints_until_asked_for() -> None:
    assert not make("ssim").state_dict()


def test_the_state_of_another_measure_is_refused() -> None:
    metric, other = filled("ssim", pictures()), SSIM(data_range=2.0, convention=SMALL)
    metric.persistent(True)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        other.load_state_dict(metric.state_dict())
    with pytest.raises(ValueError, match="Expected state variable tally_"):
        other.merge_state(metric)


def test_the_state_stays_one_of_integers() -> None:
    model = nn.Module()
    model.metric = filled("ssim", pictures()[:2])
    moves: list[Callable[[], Any]] = [
        model.half,
        model.double,
        lambda: model.to(torch.bfloat16),
        lambda: model.to("cpu"),
        lambda: model.metric.set_dtype(torch.float16),
    ]
    for move in moves:
        move()
        assert all(state.dtype == torch.int64 for state in model.metric.metric_state.values())
    model.metric.update(*pictures()[2])
    assert model.metric.compute().item() == expected("ssim", pictures())


def test_the_memory_does_not_grow() -> None:
    metric = make("mse")
    for _ in range(50):
        metric(torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8))
    (state,) = metric.metric_state.values()
    assert state.numel() < 64
    assert state[:-1].abs().max() < 2**40


def test_a_tracker_knows_the_best_epoch() -> None:
    metric = make("mse")
    assert metric.higher_is_better is not None
    tracker = MetricTracker(metric, maximize=metric.higher_is_better)
    batches = pictures()
    for batch in (batches[2], batches[0], batches[1]):
        tracker.increment()
        tracker.update(*batch)
    best, step = tracker.best_metric(return_step=True)
    values = [expected("mse", [batches[i]]) for i in (2, 0, 1)]
    assert (best, step) == (min(values), values.index(min(values)))


def test_bad_input_is_refused_as_everywhere() -> None:
    with pytest.raises(ValueError, match="data_range is needed for floating-point pictures"):
        SSIM().update(*pictures()[0])
    with pytest.raises(ValueError, match="Did you mean 'wang'"):
        SSIM(convention="wnag")


def test_without_torchmetrics_a_sentence_says_what_to_type() -> None:
    code = (
        "import sys; sys.modules['torchmetrics'] = None\n"
        "import snellen.metrics\n"
        "import snellen.metrics.torchmetrics"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        "ImportError: snellen.metrics.torchmetrics needs the package torchmetrics: "
        "pip install 'snellen[torchmetrics]'"
    )


def test_the_extra_that_the_sentence_names_is_there() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["torchmetrics"] == ["torchmetrics>=1.6"]


def test_it_may_be_filled_in_inference_mode() -> None:
    metrics = all_of_them()
    with torch.inference_mode():
        for x, y in pictures():
            metrics(x.clone(), y.clone())
    found = metrics.compute()
    assert {k: v.item() for k, v in found.items()} == {k: expected(k, pictures()) for k in KINDS}


def test_nothing_else_imports_torchmetrics() -> None:
    code = "import sys, snellen.metrics; print('torchmetrics' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
