"""One entry to the engines: eager, compiled, exported, vectorised, differentiated twice."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from snellen import MixedLoss, MSSSIMLoss, SSIMLoss, dssim, ms_dssim, ms_ssim, ssim
from snellen.metrics import POSTER, WANG, Convention, prepare, ssim_map
from snellen.metrics.engines import cpu, dispatch
from snellen.metrics.engines.metric import Metric, metric_from_text

from ..cases import tensors

AUTO = replace(WANG, levels="auto")
SMOOTH = replace(AUTO, negative="smooth", border="replicate")
METRIC = Metric(SMOOTH, 1.0, multiscale=True)


def pair(*shape: int, grad: bool = True, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    x, y = tensors(shape or (2, 3, 48, 52), dtype=dtype)
    return [x.requires_grad_(grad), y]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """What the CPU engine was asked for."""
    seen: list[tuple[bool, bool]] = []
    whole = cpu.similarity

    def recorded(*args: object, need_x: bool, need_y: bool, **options: object) -> object:
        seen.append((need_x, need_y))
        return whole(*args, need_x=need_x, need_y=need_y, **options)

    monkeypatch.setattr(cpu, "similarity", recorded)
    return seen


def gradient(value: Tensor, x: Tensor, **options: bool) -> Tensor:
    return torch.autograd.grad(value, x, **options)[0]


def test_metric_survives_as_text() -> None:
    metrics = [
        METRIC,
        Metric(POSTER, 255.0, multiscale=True, structural=0.84, pixelwise="l1", beside=0.16),
        Metric(Convention(exponents=(0.2, 0.8), levels=2), 1 / 3, multiscale=False),
    ]
    assert [metric_from_text(metric.to_text()) for metric in metrics] == metrics


def test_auto_takes_the_cpu_engine(calls: list[tuple[bool, bool]]) -> None:
    x, y = pair(grad=False)
    ssim(x, y, data_range=1.0)
    ms_ssim(x, y, data_range=1.0, convention=AUTO)
    SSIMLoss()(x, y)
    MSSSIMLoss()(x, y)
    MixedLoss()(x, y)
    assert len(calls) == 5


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"dtype": torch.float64}, {}),
        ({}, {"convention": replace(AUTO, reading="sigmas", border="reflect")}),
        ({}, {"convention": replace(AUTO, window_size=35)}),
        ({}, {"mask": torch.ones(48, 52)}),
        ({}, {"engine": "definition"}),
    ],
)
def test_auto_leaves_the_rest_to_the_definition(
    change: dict[str, torch.dtype],
    options: dict[str, object],
    calls: list[tuple[bool, bool]],
) -> None:
    x, y = pair(**change)
    ms_dssim(x, y, data_range=1.0, **{"convention": AUTO, **options}).backward()
    assert calls == []


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        ({"dtype": torch.float64}, {}, r"engine='cpu' computes in float32 .* torch.float64: use"),
        ({}, {"mask": torch.ones(48, 52)}, "engine='cpu' takes no masks: use engine='auto'"),
        ({}, {"convention": replace(WANG, window_size=35)}, "'cpu' does not have this convention"),
        ({}, {"engine": "cuda"}, "engine='cuda' needs pictures on that device, these are on cpu"),
        ({}, {"engine": "gpu"}, "no engine 'gpu'; there are auto, definition, cpu, cuda"),
    ],
)
def test_an_engine_asked_for_by_name_refuses_what_it_cannot(
    change: dict[str, torch.dtype], options: dict[str, object], sentence: str
) -> None:
    x, y = pair(**change)
    with pytest.raises(ValueError, match=sentence):
        ssim(x, y, data_range=1.0, **{"engine": "cpu", **options})


def test_maps_and_volumes_refuse_an_engine() -> None:
    x, y = pair()
    with pytest.raises(ValueError, match="engine='cpu' gives no maps"):
        ssim_map(x, y, data_range=1.0, engine="cpu")
    volume = torch.rand(1, 1, 12, 12, 12)
    with pytest.raises(ValueError, match="engine='cpu' takes no volumes"):
        ssim(volume, volume, data_range=1.0, engine="cpu")


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("function", [ssim, dssim, ms_ssim, ms_dssim])
def test_gradients_whatever_arrives(function: object, reduction: str) -> None:
    x, y = pair()
    options = {"data_range": 1.0, "convention": SMOOTH, "reduction": reduction}
    arriving = torch.tensor([0.7, -1.9]) if reduction == "none" else torch.tensor(-3.1)
    found, truth = (
        torch.autograd.grad(function(x, y, engine=engine, **options), x, arriving)[0]
        for engine in ("cpu", "definition")
    )
    torch.testing.assert_close(found, truth, rtol=0, atol=1e-5 * float(truth.abs().max()))


def test_only_the_gradients_asked_for(calls: list[tuple[bool, bool]]) -> None:
    x, y = pair()
    other = y.clone().requires_grad_()
    for a, b in ((x, y), (x, other), (y, y)):
        ms_dssim(a, b, data_range=1.0, convention=AUTO)
    with torch.no_grad():
        ms_dssim(x, other, data_range=1.0, convention=AUTO)
    with torch.inference_mode():
        ms_dssim(x, other, data_range=1.0, convention=AUTO)
    none = (False, False)
    assert calls == [(True, False), (True, True), none, none, none]
    calls.clear()
    ms_dssim(y, x, data_range=1.0, convention=AUTO)
    assert calls[0] == (False, True)


def test_a_gradient_asked_for_twice_is_the_same() -> None:
    x, y = pair()
    value = dssim(x, y, data_range=1.0)
    first = gradient(value, x, retain_graph=True)
    kept = first.clone()
    first.zero_()
    assert torch.equal(gradient(value, x), kept)


def test_a_picture_against_itself_gets_both_gradients() -> None:
    x, _ = pair()
    shifted = x + 0.1
    mine = gradient(dssim(x, shifted, data_range=1.0), x)
    truth = gradient(dssim(x, shifted, data_range=1.0, engine="definition"), x)
    torch.testing.assert_close(mine, truth, rtol=0, atol=1e-5 * float(truth.abs().max()) + 1e-9)


def test_double_backward_is_the_definition_s() -> None:
    results = []
    for engine in ("cpu", "definition"):
        x, y = pair(1, 1, 24, 24)
        value = dssim(x, y, data_range=1.0, engine=engine)
        slope = gradient(value, x, create_graph=True)
        results.append((slope.detach(), gradient(slope.square().sum(), x)))
    for found, truth in zip(*results, strict=True):
        torch.testing.assert_close(found, truth, rtol=0, atol=1e-5 * float(truth.abs().max()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_and_half_pictures(dtype: torch.dtype) -> None:
    x, y = (picture.detach().to(dtype) for picture in pair())
    x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        value = ms_dssim(x, y, data_range=1.0, convention=AUTO)
    truth = ms_dssim(x.float(), y.float(), data_range=1.0, convention=AUTO)
    assert value.dtype == torch.float32
    assert torch.equal(value, truth)
    assert gradient(value, x).dtype == dtype


def losses() -> list[torch.nn.Module]:
    return [
        SSIMLoss(),
        MSSSIMLoss(),
        MixedLoss(),
        MixedLoss(pixelwise="mse", multiscale=False),
        SSIMLoss(reduction="sum"),
    ]


@pytest.mark.parametrize("loss", losses(), ids=repr)
def test_compiles_without_a_graph_break(loss: torch.nn.Module) -> None:
    x, y = pair()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, y), loss(x, y), rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient(compiled(x, y), x), gradient(loss(x, y), x))


def test_compiled_code_uses_the_engine(calls: list[tuple[bool, bool]]) -> None:
    x, y = pair()
    compiled = torch.compile(SSIMLoss(), fullgraph=True, backend="aot_eager")
    compiled(x, y).backward()
    assert calls == [(True, False)]


@pytest.mark.parametrize("loss", losses(), ids=repr)
def test_exports(loss: torch.nn.Module) -> None:
    x, y = pair(grad=False)
    program = torch.export.export(loss, (x, y))
    assert torch.equal(program.module()(x, y), loss(x, y))


@pytest.mark.parametrize("need_y", [False, True])
def test_opcheck(need_y: bool) -> None:
    x, y = pair(2, 1, 24, 28)
    y.requires_grad_(need_y)
    arguments = (x, y, METRIC.to_text(), "cpu", 0.5, True, need_y)
    torch.library.opcheck(dispatch._operator, arguments)


def test_operator_differentiates_twice() -> None:
    x, y = pair(1, 1, 24, 24)
    value = dispatch._operator(x, y, METRIC.to_text(), "cpu", 1.0, True, False)[0].sum()
    slope = gradient(value, x, create_graph=True)
    second = gradient(slope.square().sum(), x)
    x2, y2 = pair(1, 1, 24, 24)
    slope2 = gradient(
        ms_dssim(x2, y2, data_range=1.0, convention=SMOOTH, engine="definition"),
        x2,
        create_graph=True,
    )
    truth = gradient(slope2.square().sum(), x2)
    torch.testing.assert_close(second, truth, rtol=0, atol=1e-5 * float(truth.abs().max()))


def test_vmap_and_functional_gradients() -> None:
    x, y = pair(3, 1, 32, 36, grad=False)

    def loss(a: Tensor, b: Tensor) -> Tensor:
        return ms_dssim(a, b, data_range=1.0, convention=SMOOTH)

    each = torch.func.vmap(loss)(x, y)
    truth = ms_dssim(x, y, data_range=1.0, convention=SMOOTH, reduction="none")
    torch.testing.assert_close(each, truth, rtol=1e-5, atol=0)
    slopes = torch.func.vmap(torch.func.grad(loss))(x, y)
    x.requires_grad_()
    sums = gradient(ms_dssim(x, y, data_range=1.0, convention=SMOOTH, reduction="sum"), x)
    torch.testing.assert_close(slopes, sums, rtol=0, atol=1e-5 * float(sums.abs().max()))


def test_vmap_over_the_operator_itself() -> None:
    x, y = pair(6, 1, 24, 28, grad=False)
    batches = x.unflatten(0, (2, 3)), y.unflatten(0, (2, 3))

    def measure(a: Tensor, b: Tensor) -> Tensor:
        return dispatch.dissimilarity(a, b, METRIC, "cpu")

    truth = measure(x, y).unflatten(0, (2, 3))
    assert torch.equal(torch.func.vmap(measure)(*batches), truth)
    one = torch.func.vmap(measure, in_dims=(0, None))(batches[0], batches[1][0])
    assert torch.equal(one[0], truth[0])


@pytest.mark.parametrize("pixelwise", ["l1", "mse"])
@pytest.mark.parametrize("multiscale", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_mixes_in_one_pass(pixelwise: str, multiscale: bool, channels_last: bool) -> None:
    loss = MixedLoss(alpha=0.3, pixelwise=pixelwise, multiscale=multiscale, data_range=2.0)
    alone = SSIMLoss(data_range=2.0) if not multiscale else MSSSIMLoss(data_range=2.0)
    x, y = (picture.detach() for picture in pair(2, 3, 47, 161, dtype=torch.float64))
    error = (x - y).abs() / 2 if pixelwise == "l1" else (x - y).square() / 4
    truth_value = 0.3 * alone(x, y) + 0.7 * error.mean()
    x.requires_grad_()
    y.requires_grad_()
    truth = torch.autograd.grad(loss(x, y), (x, y))
    torch.testing.assert_close(loss(x, y).detach(), truth_value.detach())
    layout = torch.channels_last if channels_last else torch.contiguous_format
    single = [p.detach().float().to(memory_format=layout).requires_grad_() for p in (x, y)]
    value = loss(*single)
    assert value.item() == pytest.approx(truth_value.item(), rel=1e-5)
    for found, expected in zip(torch.autograd.grad(value, single), truth, strict=True):
        difference = (found.double() - expected).abs().max()
        assert float(difference) <= 1e-5 * float(expected.abs().max())


def test_mix_by_pixels() -> None:
    x, y = pair(1, 2, 177, 180)
    loss = MixedLoss(convention=replace(POSTER, negative="smooth"))
    truth = MixedLoss(convention=replace(POSTER, negative="smooth"), engine="definition")
    assert loss(x, y).item() == pytest.approx(truth(x, y).item(), rel=1e-5)
    expected = gradient(truth(x, y), x)
    difference = (gradient(loss(x, y), x) - expected).abs().max()
    assert float(difference) <= 1e-5 * float(expected.abs().max())


def test_a_prepared_target_is_compared_by_the_engine(calls: list[tuple[bool, bool]]) -> None:
    x, y = pair(3, 2, 48, 52, grad=False)
    one = prepare(y[0], data_range=1.0, convention=AUTO)
    found = one.ms_ssim(x, reduction="none")
    assert calls == [(False, False)]
    repeated = y[:1].expand_as(x)
    assert torch.equal(
        found, ms_ssim(x, repeated, data_range=1.0, convention=AUTO, reduction="none")
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inductor, on importing itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler for inductor")
def test_inductor() -> None:
    x, y = pair()
    loss = MixedLoss()

    def step(x: Tensor, y: Tensor) -> Tensor:
        return loss(x.sigmoid(), y)

    compiled = torch.compile(step, fullgraph=True, backend="inductor")
    value = compiled(x, y)
    torch.testing.assert_close(value, step(x, y), rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient(value, x), gradient(step(x, y), x))
