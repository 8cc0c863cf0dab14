"""The NVIDIA engine against the definition in float64; in Triton's interpreter without a GPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from snellen.metrics import POSTER, WANG, Convention, definition
from snellen.metrics.engines import cuda
from snellen.metrics.engines.plan import make_plan

from ..cases import BORDERS, POLICIES, tensors

pytest.importorskip("triton", reason="Triton has no build for this platform")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# Three taps let three programs each way and two levels fit on some 20 pixels; the interpreter
# takes milliseconds for each row of each program.
TINY = replace(WANG, window_size=3, sigma=0.8, levels=2)
BY_PIXELS = replace(TINY, reading="pixels", border="replicate", exponents=(1.0, 0.5))
TILES = cuda.Tiling(pairs=4, rows=8)

Result = tuple[Tensor, Tensor | None, Tensor | None]


def run(
    x: Tensor,
    y: Tensor,
    convention: Convention,
    *,
    multiscale: bool = False,
    wanted: str = "xy",
    peak: float = 1.0,
    weight: float = 1.0,
    tiling: cuda.Tiling | None = None,
) -> Result:
    sides = (x.shape[2], x.shape[3])
    plan = make_plan(convention, sides, peak, multiscale=multiscale)
    assert plan is not None
    complement, grad_x, grad_y = cuda.similarity_on_tiles(
        x.to(DEVICE), y.to(DEVICE), plan, wanted, weight, tiling
    )
    assert complement.dtype == torch.float32
    return (
        complement.cpu(),
        grad_x if grad_x is None else grad_x.cpu(),
        (grad_y if grad_y is None else grad_y.cpu()),
    )


def exact(
    x: Tensor, y: Tensor, convention: Convention, *, multiscale: bool = False, peak: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    x, y = x.double().requires_grad_(), y.double().requires_grad_()
    function = definition.ms_ssim if multiscale else definition.ssim
    complement = function(x, y, peak, convention).complement
    grad_x, grad_y = torch.autograd.grad(complement.sum(), (x, y))
    return complement.detach(), grad_x, grad_y


def assert_exact(found: Result, truth: tuple[Tensor, Tensor, Tensor]) -> None:
    """The engine's promise: 1e-5 of the complement, 1e-4 of a tiny one; 1e-5 of the gradient."""
    complement = truth[0]
    allowed = torch.where(complement >= 1e-3, 1e-5, 1e-4) * complement.clamp(min=1e-7)
    assert ((found[0] - complement).abs() <= allowed).all(), (found[0], complement)
    for got, want in zip(found[1:], truth[1:], strict=True):
        if got is not None:
            # Picture by picture: a tiny gradient is not measured by a large one beside it.
            error = (got - want).abs().amax(dim=(1, 2, 3))
            assert (error <= 1e-5 * want.abs().amax(dim=(1, 2, 3))).all(), error


def check(x: Tensor, y: Tensor, convention: Convention, **options: object) -> None:
    shared = {k: v for k, v in options.items() if k in ("multiscale", "peak")}
    found = run(x, y, convention, **options)  # type: ignore[arg-type]
    assert_exact(found, exact(x, y, convention, **shared))  # type: ignore[arg-type]


def pair(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    return tensors(shape, seed, dtype=torch.float32)


@pytest.mark.parametrize("border", BORDERS)
def test_ssim_on_three_tiles_each_way(border: str) -> None:
    check(*pair(1, 1, 19, 17), replace(TINY, border=border), tiling=TILES)


@pytest.mark.parametrize("border", BORDERS)
def test_levels_on_three_tiles_each_way(border: str) -> None:
    convention = replace(TINY, border=border)
    check(*pair(1, 1, 19, 17), convention, multiscale=True, wanted="x", tiling=TILES)


@pytest.mark.parametrize("border", BORDERS[1:])
def test_pixels_on_three_tiles_each_way(border: str) -> None:
    convention = replace(BY_PIXELS, border=border)
    check(*pair(1, 1, 19, 17), convention, multiscale=True, wanted="y", tiling=TILES)


@pytest.mark.parametrize("convention", [TINY, BY_PIXELS], ids=["levels", "pixels"])
def test_dropped_odd_rows_and_channels_first(convention: Convention) -> None:
    convention = replace(
        convention,
        odd_sizes="drop",
        channel_order="mean-then-product",
        levels=3,
        exponents=(0.5, 0.0, 0.5),
    )
    check(*pair(1, 2, 13, 15), convention, multiscale=True)


@pytest.mark.parametrize("convention", [TINY, BY_PIXELS], ids=["levels", "pixels"])
@pytest.mark.parametrize("negative", POLICIES)
def test_negative_factors(convention: Convention, negative: str) -> None:
    _, y = pair(1, 1, 13, 11)
    five = replace(convention, window_size=5, sigma=1.0, exponents=(1.0, 2.0), negative=negative)
    check(1 - y, y, five, multiscale=True, wanted="x")


def test_smooth_counts_two_negatives_as_one() -> None:
    _, y = pair(1, 1, 13, 11)
    check(-y, y, replace(TINY, negative="smooth", levels=1, exponents="ones"), multiscale=True)


def kinds() -> dict[str, tuple[Tensor, Tensor]]:
    """Pictures that are hard in one way each: (1, 1, 22, 25)."""
    x, y = pair(1, 1, 22, 25)
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(y.shape, generator=random)
    flat = torch.full_like(y, 0.5)
    return {
        "random": (torch.rand(y.shape, generator=random), torch.rand(y.shape, generator=random)),
        "scene": (x, y),
        "flat": (flat, flat + 0.1),
        "near-identical": (y + 1e-3 * noise, y),
        "as near as 1e-4": (y + 1e-4 * noise, y),
        "anti-correlated": (1 - y, y),
        "saturated": ((4 * x - 1.5).clamp(0, 1), (4 * y - 1.5).clamp(0, 1)),
        "bright": (0.98 + 0.01 * x, 0.98 + 0.01 * y),
        "an edge": (x + 0.0, (y > y.median()).float()),
    }


@pytest.mark.parametrize("kind", list(kinds()))
def test_exact_on_every_kind_of_picture(kind: str) -> None:
    check(*kinds()[kind], WANG, wanted="x")


@pytest.mark.parametrize("kind", ["as near as 1e-4", "bright", "anti-correlated"])
@pytest.mark.parametrize("convention", [TINY, BY_PIXELS], ids=["levels", "pixels"])
def test_multiscale_exact_on_hard_pictures(kind: str, convention: Convention) -> None:
    x, y = (t[..., :14, :15] for t in kinds()[kind])
    check(x, y, replace(convention, exponents="ones"), multiscale=True, wanted="x")


def test_exact_on_a_photograph() -> None:
    from skimage import data

    y = torch.from_numpy(data.camera()[100:124, 200:227]).float()[None, None]
    x = (y + 10 * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 255)
    check(x, y, WANG, peak=255.0, wanted="x")


def test_several_pictures_and_channels() -> None:
    check(*pair(2, 3, 9, 8), TINY, wanted="x")


def test_sample_covariance_of_a_uniform_window() -> None:
    check(*pair(1, 1, 12, 13), replace(WANG, window="uniform", window_size=7, covariance="sample"))


@pytest.mark.parametrize(("size", "border"), [(1, "valid"), (1, "reflect"), (33, "valid")])
def test_smallest_and_widest_window(size: int, border: str) -> None:
    convention = replace(WANG, window_size=size, sigma=0.2 * size, border=border)
    check(*pair(1, 1, max(size, 6), size + 3), convention, wanted="x")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    x, y = (t.to(dtype) for t in pair(1, 1, 12, 13))
    complement, grad, _ = run(x, y, TINY, wanted="x")
    truth, want, _ = exact(x, y, TINY)
    assert grad is not None
    assert grad.dtype == torch.float32  # to be scaled before it is rounded
    torch.testing.assert_close(complement.double(), truth, rtol=1e-5, atol=0)
    assert ((grad.double() - want).abs() <= 1e-5 * want.abs().max()).all()


def test_uint8() -> None:
    x, y = ((255 * t).round().to(torch.uint8) for t in pair(1, 1, 12, 13))
    for convention, multiscale in ((TINY, False), (TINY, True), (BY_PIXELS, True)):
        options = {"multiscale": multiscale, "peak": 255.0}
        complement, *grads = run(x, y, convention, wanted="", **options)  # type: ignore[arg-type]
        truth = exact(x, y, convention, **options)[0]  # type: ignore[arg-type]
        torch.testing.assert_close(complement.double(), truth, rtol=1e-5, atol=0)
        assert grads == [None, None]


def test_strides_change_nothing() -> None:
    x, y = pair(2, 2, 9, 10)
    want = run(x, y, TINY, wanted="x")
    within = torch.full((2, 2, 11, 23), torch.nan)
    within[..., 1:10, 2:22:2] = x
    for one in (x.to(memory_format=torch.channels_last), within[..., 1:10, 2:22:2]):
        found = run(one, y.transpose(2, 3).contiguous().transpose(2, 3), TINY, wanted="x")
        assert torch.equal(found[0], want[0])
        assert found[1] is not None
        assert want[1] is not None
        assert torch.equal(found[1], want[1])


def test_only_the_gradients_asked_for() -> None:
    x, y = pair(1, 1, 12, 13)
    assert run(x, y, TINY, wanted="")[1:] == (None, None)
    assert run(x, y, TINY, wanted="x")[2] is None
    assert run(x, y, TINY, wanted="y")[1] is None


def test_weight_multiplies_the_gradient() -> None:
    x, y = pair(1, 1, 7, 8)
    for convention, multiscale in ((TINY, False), (TINY, True), (BY_PIXELS, True)):
        one = run(x, y, convention, multiscale=multiscale, wanted="x")[1]
        four = run(x, y, convention, multiscale=multiscale, wanted="x", weight=-4.0)[1]
        assert one is not None
        assert four is not None
        assert torch.equal(four, -4 * one)


@pytest.mark.parametrize("convention", [TINY, BY_PIXELS], ids=["levels", "pixels"])
def test_identical_pictures_are_at_distance_0(convention: Convention) -> None:
    _, y = pair(1, 1, 12, 13)
    complement, grad_x, grad_y = run(y, y.clone(), convention, multiscale=True)
    assert complement == 0
    assert grad_x is not None
    assert grad_y is not None
    assert not grad_x.any()
    assert not grad_y.any()


@pytest.mark.parametrize("convention", [TINY, BY_PIXELS], ids=["levels", "pixels"])
def test_nan_stays_in_its_picture(convention: Convention) -> None:
    x, y = pair(2, 1, 9, 10)
    x[0, 0, 3, 4] = torch.nan
    complement, grad, _ = run(x, y, convention, multiscale=True, wanted="x")
    assert complement.isnan().tolist() == [True, False]
    assert grad is not None
    assert grad[0, 0, 3, 4].isnan()
    assert not grad[1].isnan().any()


@pytest.mark.parametrize("border", BORDERS)
def test_nan_reaches_no_further_than_its_windows(border: str) -> None:
    x, y = pair(1, 1, 19, 17)
    x[0, 0, 9, 8] = torch.nan
    grad = run(x, y, replace(TINY, border=border), wanted="x", tiling=TILES)[1]
    assert grad is not None
    rows, columns = (abs(torch.arange(n) - at) <= 2 for n, at in ((19, 9), (17, 8)))
    assert torch.equal(grad[0, 0].isnan(), rows[:, None] & columns[None, :])


def test_no_pictures() -> None:
    complement, grad, _ = run(*(torch.empty(0, 1, 12, 13),) * 2, TINY, wanted="x")
    assert complement.shape == (0,)
    assert grad is not None
    assert grad.shape == (0, 1, 12, 13)


def test_the_house_convention_on_eleven_taps() -> None:
    check(*pair(1, 1, 13, 14), replace(POSTER, levels=1), multiscale=True, wanted="x")


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a GPU: there a scheduler could change the order")
@pytest.mark.parametrize("convention", [WANG, POSTER], ids=["levels", "pixels"])
def test_results_repeat_bit_for_bit(convention: Convention) -> None:
    x, y = pair(4, 3, 251, 263)
    first = run(x, y, convention, multiscale=True)
    for _ in range(5):
        again = run(x, y, convention, multiscale=True)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True) if a is not None)


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a GPU: a CPU has no graphs")
@pytest.mark.parametrize("convention", [WANG, POSTER], ids=["levels", "pixels"])
def test_a_graph_replays_it(convention: Convention) -> None:
    x, y = (t.to(DEVICE) for t in pair(2, 3, 251, 263))
    plan = make_plan(convention, (251, 263), 1.0, multiscale=True)
    assert plan is not None
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):  # the first call compiles, which no graph can hold
        cuda.similarity(x, y, plan, need_x=True, need_y=False)
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        held = cuda.similarity(x, y, plan, need_x=True, need_y=False)
    x.copy_(x.flip(-1))
    graph.replay()
    fresh = cuda.similarity(x, y, plan, need_x=True, need_y=False)
    for a, b in zip(held[:2], fresh[:2], strict=True):
        assert a is not None
        assert b is not None
        assert torch.equal(a, b)


@pytest.mark.skipif(
    DEVICE == "cpu" or torch.cuda.mem_get_info()[0] < 20 * 2**30,
    reason="needs a GPU with 20 GiB free for pictures of more than 2^31 pixels",
)
def test_offsets_beyond_32_bits() -> None:
    x = torch.rand(1, 1, 47_000, 46_000, device=DEVICE, dtype=torch.float16)
    y = (x + 0.1).contiguous()
    plan = make_plan(WANG, (47_000, 46_000), 1.0, multiscale=False)
    assert plan is not None
    _, grad, _ = cuda.similarity(x, y, plan, need_x=True, need_y=False, weight=1e9)
    assert grad is not None
    corner = make_plan(WANG, (64, 64), 1.0, multiscale=False)
    assert corner is not None
    weight = 1e9 * 54**2 / ((47_000 - 10) * (46_000 - 10))
    few = (t[..., -64:, -64:] for t in (x, y))
    _, want, _ = cuda.similarity(*few, corner, need_x=True, need_y=False, weight=weight)
    assert want is not None
    torch.testing.assert_close(
        grad[..., -20:, -20:], want[..., -20:, -20:], rtol=2e-3, atol=1e-3 * float(want.abs().max())
    )


def test_availability_is_that_of_a_gpu() -> None:
    assert cuda.is_available() == (torch.cuda.is_available() and torch.version.hip is None)
