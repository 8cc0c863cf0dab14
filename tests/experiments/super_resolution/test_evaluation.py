import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import nn
from torch.nn import functional

from snellen.datasets.benchmarks import find_benchmarks
from snellen.errors import UserError
from snellen.experiments.super_resolution import evaluation
from snellen.experiments.super_resolution.evaluation import (
    NetworkMethod,
    bicubic,
    evaluate_picture,
    evaluate_posed,
    evaluate_set,
)
from snellen.images import write_png
from snellen.images.protocols import PROTOCOLS, pose

POSTER, STANDARD, BASICSR = (PROTOCOLS[name] for name in ("poster", "standard", "basicsr"))


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


class Blur(nn.Module):
    """Two blurs with replicated borders, as SRCNN's layers have them; its reach is 4."""

    margin = 0  # what it loses in training, where nothing is valid: not how far it looks

    def __init__(self):
        super().__init__()
        self.register_parameter("weight", nn.Parameter(torch.full((1, 1, 5, 5), 0.04)))

    def forward(self, x):
        for _ in range(2):
            x = functional.conv2d(functional.pad(x, (2,) * 4, "replicate"), self.weight)
        return x


class Inside(nn.Module):
    upsamples_inside = True

    def forward(self, x):
        return x.repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_the_score_is_that_of_an_independent_computation_inside_the_border():
    picture = noise(52, 61)
    outcome = evaluate_picture(picture, bicubic, 4, STANDARD)
    target = picture[:52, :60].astype(np.float64)[4:-4, 4:-4]
    made = outcome.output.astype(np.float64)[4:-4, 4:-4]
    error = ((made - target) ** 2).mean()
    assert outcome.psnr == pytest.approx(10 * np.log10(255**2 / error), rel=1e-12)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(made, target, data_range=255, **options)
    assert outcome.ssim == pytest.approx(expected, abs=1e-9)
    assert outcome.output.shape == (52, 60)


@pytest.mark.parametrize("protocol", [POSTER, STANDARD, BASICSR])
def test_the_border_does_not_count(protocol):
    posed = pose(noise(64, 64, 3), 4, protocol)
    border = protocol.border(4)

    def spoiled(posed):
        luma = posed.enlarged.copy()
        luma[:border] = luma[-border:] = luma[:, :border] = luma[:, -border:] = 0
        return luma

    right, wrong = (evaluate_posed(posed, each, 4, protocol) for each in (bicubic, spoiled))
    assert (right.psnr, right.ssim) == (wrong.psnr, wrong.ssim)
    assert (right.output != wrong.output).any()


@pytest.mark.parametrize("protocol", [POSTER, STANDARD, BASICSR])
def test_a_network_that_passes_the_picture_on_scores_as_bicubic_does(protocol):
    picture = noise(48, 48, 3)
    network = evaluate_picture(picture, NetworkMethod(nn.Identity()), 3, protocol)
    expected = evaluate_picture(picture, bicubic, 3, protocol)
    assert network.psnr == pytest.approx(expected.psnr, abs=1e-3)
    assert network.ssim == pytest.approx(expected.ssim, abs=1e-5)


def test_a_network_that_enlarges_inside_gets_the_small_picture():
    picture = noise(48, 64)
    outcome = evaluate_picture(picture, NetworkMethod(Inside()), 4, POSTER)
    low = pose(picture, 4, POSTER).low.clip(0, 255)
    expected = np.floor(low + 0.5).repeat(4, 0).repeat(4, 1)
    assert np.abs(outcome.output - expected).max() <= 1
    assert (outcome.output == expected).mean() > 0.99


class Shuffled(nn.Module):
    """Enlarges inside; its reach is 2 pixels of the low resolution."""

    upsamples_inside = True

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.convolution = nn.Conv2d(1, 16, 5, padding=2)

    def forward(self, x):
        return functional.pixel_shuffle(self.convolution(x), 4)


class Mean(nn.Module):
    """Looks at all of the picture."""

    def forward(self, x):
        return x - x.mean((2, 3), keepdim=True)


@pytest.mark.parametrize(
    ("network", "heights"),
    [
        (Blur(), [11 + 4] + 7 * [11 + 8] + [8 + 4]),
        (Shuffled(), [4] + 10 * [6] + [4]),
        (Mean(), [96]),
    ],
    ids=["near", "inside", "far"],
)
def test_strips_give_the_same_picture_with_less_at_once(monkeypatch, network, heights):
    """96×40 pixels in strips of 440; each strip sees as much beside it as the network reaches."""
    posed = pose(noise(96, 40, 3), 4, POSTER)
    whole = NetworkMethod(network)(posed)
    monkeypatch.setattr(evaluation, "_STRIP", 40 * 11)
    seen = []
    with network.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2:])):
        np.testing.assert_allclose(NetworkMethod(network)(posed), whole, atol=1e-4)
    # The reach is measured on copies, hooks and all, on squares.
    assert [height for height, width in seen if width in (10, 40)] == heights


def test_a_network_in_training_is_run_in_evaluation_mode_and_left_as_it_was():
    network = nn.Sequential(nn.Dropout(0.9)).train()
    posed = pose(noise(48, 48), 4, POSTER)
    made = NetworkMethod(network)(posed)
    np.testing.assert_allclose(made, posed.enlarged, atol=1e-4)
    assert network.training


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.AvgPool2d(2), "made 24×20 of a picture that has 48×40 pixels"),
        (nn.Linear(7, 7), "fails on a picture of 48×40 pixels: RuntimeError"),
        (nn.Softplus(float("nan")), "no numbers"),
        (Inside(), "perhaps trained for another scale"),
    ],
)
def test_what_a_network_cannot_do_is_said(network, message):
    posed = pose(noise(40, 48), 2, STANDARD)
    with pytest.raises(UserError, match=message) as caught:
        evaluate_posed(posed, NetworkMethod(network, "that.safetensors"), 2, STANDARD)
    assert "that.safetensors" in str(caught.value)


@pytest.mark.parametrize(("protocol", "side"), [(POSTER, 28), (STANDARD, 20), (BASICSR, 20)])
def test_a_picture_smaller_than_the_shave_and_the_window_is_refused(protocol, side):
    """What the sentence asks for is enough; a pixel less, which is cut away to a multiple, not."""
    assert np.isfinite(evaluate_picture(noise(side, side), bicubic, 4, protocol).psnr)
    with pytest.raises(UserError, match=f"{side}×{side - 4} pixels is too .* {side}×{side}"):
        evaluate_picture(noise(side - 1, side), bicubic, 4, protocol)


@pytest.fixture
def benchmark(tmp_path):
    for k, name in enumerate(["a.png", "b.png", "c.png"]):
        write_png(tmp_path / "three" / name, np.roll(noise(40, 44, 3), k, 1) // (k + 1))
    return find_benchmarks(tmp_path / "three")[0]


def test_a_set_is_the_mean_of_its_pictures_for_every_method(benchmark):
    steps = []
    methods = {"bicubic": bicubic, "blur": NetworkMethod(Blur())}
    found = evaluate_set(benchmark, methods, 2, POSTER, lambda: steps.append(1))
    assert len(steps) == 3
    for name, method in methods.items():
        scores = found[name]
        single = [evaluate_picture(benchmark.read(k), method, 2, POSTER) for k in range(3)]
        assert scores.pictures == ("a.png", "b.png", "c.png")
        assert scores.psnr == tuple(each.psnr for each in single)
        assert scores.mean_psnr == pytest.approx(np.mean(scores.psnr))
        assert scores.mean_ssim == pytest.approx(np.mean([each.ssim for each in single]))
    assert found["bicubic"].psnr != found["blur"].psnr


def test_the_picture_that_is_too_small_is_named(benchmark):
    write_png(benchmark.folder / "b.png", noise(20, 20))
    with pytest.raises(UserError, match=r"b\.png: a picture of 20×20 pixels is too small"):
        evaluate_set(benchmark, {"bicubic": bicubic}, 4, POSTER)
    write_png(benchmark.folder / "b.png", noise(3, 20))
    with pytest.raises(UserError, match=r"b\.png: a picture of 20×3 pixels is too small"):
        evaluate_set(benchmark, {"bicubic": bicubic}, 4, POSTER)


def test_a_picture_that_is_damaged_is_named(benchmark):
    path = benchmark.folder / "c.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"c\.png"):
        evaluate_set(benchmark, {"bicubic": bicubic}, 4, POSTER)
