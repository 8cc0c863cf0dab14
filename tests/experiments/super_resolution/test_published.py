"""Published bicubic numbers, recomputed to every printed digit."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from snellen.datasets.benchmarks import find_benchmarks
from snellen.experiments.super_resolution.evaluation import bicubic, evaluate_set
from snellen.experiments.super_resolution.methods import method_named
from snellen.images import bicubic_resize, to_channels
from snellen.images.protocols import PROTOCOLS
from snellen.metrics import psnr, ssim
from snellen.networks import list_shipped_weights, read_card, shipped_weights

# (protocol, set, scale): dB and SSIM as printed. The poster's are its own column "Bicubic"; the
# standard ones are those of Dong et al. and the papers after them; BasicSR's are its metrics of
# MATLAB's bicubic.
PUBLISHED = {
    ("poster", "Set5", 4): ("28.44", ".8097"),
    ("poster", "Set14", 4): ("26.01", ".7018"),
    ("poster", "BSD200", 4): ("25.92", ".6952"),
    ("standard", "Set5", 2): ("33.66", ".9299"),
    ("standard", "Set5", 3): ("30.39", ".8682"),
    ("standard", "Set5", 4): ("28.42", ".8104"),
    ("standard", "Set14", 2): ("30.23", ".8687"),
    ("standard", "Set14", 3): ("27.54", ".7736"),
    ("standard", "Set14", 4): ("26.00", ".7019"),
    ("standard", "BSD200", 2): ("29.70", ".8625"),
    ("standard", "BSD200", 3): ("27.26", ".7638"),
    ("standard", "BSD200", 4): ("25.97", ".6949"),
    ("basicsr", "Set5", 2): ("33.68", ".9304"),
    ("basicsr", "Set5", 3): ("30.41", ".8690"),
    ("basicsr", "Set5", 4): ("28.43", ".8113"),
}

# What the same pictures measure under a wrong choice: too far off to be overlooked.
BASICSR_IN_RGB = {2: "31.80", 3: "28.63", 4: "26.70"}
BASICSR_IN_FULL_RANGE_GRAY = {2: "32.36", 3: "29.08", 4: "27.11"}
BASICSR_WITH_SCIKIT_IMAGE = {2: ".9370", 3: ".8806", 4: ".8232"}


class Kept:
    """A set whose pictures are decoded once for all tests."""

    def __init__(self, benchmark):
        self.files, self.folder, self.read = (
            benchmark.files,
            benchmark.folder,
            cache(benchmark.read),
        )


@pytest.fixture(scope="module")
def sets(snellen_data):
    return {each.name: Kept(each) for each in find_benchmarks(snellen_data)}


def printed(db, similarity):
    return f"{db:.2f}", f"{similarity:.4f}".removeprefix("0")


@pytest.mark.parametrize(("protocol", "name", "scale"), PUBLISHED)
def test_bicubic_as_published(sets, protocol, name, scale):
    scores = evaluate_set(sets[name], {"bicubic": bicubic}, scale, PROTOCOLS[protocol])["bicubic"]
    expected = PUBLISHED[protocol, name, scale]
    assert printed(scores.mean_psnr, scores.mean_ssim) == expected


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_low_resolution_that_is_quantised_is_not_the_standard_protocol(sets, scale):
    protocol = PROTOCOLS["standard"]

    def quantised(posed):
        return bicubic_resize(np.floor(posed.low.clip(0, 255) + 0.5), scale)

    scores = evaluate_set(sets["Set5"], {"quantised": quantised}, scale, protocol)["quantised"]
    expected = PUBLISHED["standard", "Set5", scale]
    assert printed(scores.mean_psnr, scores.mean_ssim)[1] != expected[1]


@pytest.mark.parametrize(
    ("scale", "loss"), list_shipped_weights(), ids=lambda value: str(value).strip("()")
)
def test_shipped_weights_reach_what_their_cards_say(sets, scale, loss):
    card = read_card(shipped_weights(scale, loss))
    method = method_named(f"shipped:{loss}", scale)
    found = evaluate_set(sets["Set5"], {"": method}, scale, PROTOCOLS[card["protocol"]])[""]
    assert found.mean_psnr == pytest.approx(card["results"]["Set5"]["psnr"], abs=2e-3)
    assert found.mean_ssim == pytest.approx(card["results"]["Set5"]["ssim"], abs=2e-5)


def test_gray_read_through_colour_moves_set14_by_a_tenth_of_a_decibel(sets):
    right = PROTOCOLS["standard"]
    found = [
        evaluate_set(sets["Set14"], {"bicubic": bicubic}, 4, protocol)["bicubic"].mean_psnr
        for protocol in (right, replace(right, gray="as colour"))
    ]
    assert f"{found[1] - found[0]:.2f}" == "0.09"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_wrong_choices_beside_basicsr(sets, scale):
    pairs = [basicsr_colours(sets["Set5"].read(k), scale) for k in range(5)]
    assert f"{mean(psnr, pairs):.2f}" == BASICSR_IN_RGB[scale]
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    gray = [[torch.einsum("chw,c->hw", each, weights) for each in pair] for pair in pairs]
    assert f"{mean(psnr, gray):.2f}" == BASICSR_IN_FULL_RANGE_GRAY[scale]
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64) / 255
    luma = [[16 + torch.einsum("chw,c->hw", each, weights) for each in pair] for pair in pairs]
    found = mean(ssim, luma, convention="scikit-image")
    assert printed(0, found)[1] == BASICSR_WITH_SCIKIT_IMAGE[scale]


def basicsr_colours(picture, scale):
    """Bicubic and the original in colour, (3, H, W) in levels, with the border off."""
    height, width = (side // scale * scale for side in picture.shape[:2])
    original = to_channels(picture, 3)[:height, :width]
    low = bicubic_resize(original, 1 / scale).astype(np.float64)
    enlarged = np.floor(bicubic_resize(low, scale).clip(0, 255) + 0.5)
    inner = (slice(scale, -scale), slice(scale, -scale))
    return [
        torch.from_numpy(each[inner].astype(np.float64)).permute(2, 0, 1).contiguous()
        for each in (enlarged, original)
    ]


def mean(metric, pairs, **options):
    return np.mean([float(metric(*pair, data_range=255.0, **options)) for pair in pairs])
