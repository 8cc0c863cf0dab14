from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from snellen.errors import UserError
from snellen.networks import SRCNN, SRCNNOptions

SMALL = {"filters": (6, 4)}


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_the_defaults_are_the_posters():
    assert SRCNNOptions() == SRCNNOptions(kernels=(9, 5, 5), filters=(64, 32), start="he")


@pytest.mark.parametrize(("kernels", "margin"), [((9, 5, 5), 8), ((9, 1, 5), 6), ((1, 1, 1), 0)])
@pytest.mark.parametrize("size", [(17, 17), (18, 31)])
def test_training_loses_the_margin_on_every_side_and_evaluation_nothing(kernels, margin, size):
    network = SRCNN(kernels=kernels, **SMALL)
    assert network.margin == margin
    height, width = size
    enlarged = torch.rand(2, 1, height, width)
    assert network(enlarged).shape == (2, 1, height - 2 * margin, width - 2 * margin)
    assert network.eval()(enlarged).shape == enlarged.shape


@pytest.mark.parametrize("kernels", [(9, 5, 5), (9, 1, 5)])
def test_away_from_the_border_both_modes_give_the_same(kernels):
    network = SRCNN(kernels=kernels, **SMALL).double()
    enlarged = torch.rand(1, 1, 30, 25, dtype=torch.float64)
    inner = (slice(None), slice(None), *(2 * [slice(network.margin, -network.margin)]))
    torch.testing.assert_close(
        network(enlarged), network.eval()(enlarged)[inner], rtol=0, atol=1e-14
    )


def test_evaluation_is_three_convolutions_with_replicated_borders():
    network = SRCNN(**SMALL).double().eval()
    x = enlarged = torch.rand(2, 1, 7, 5, dtype=torch.float64)
    for key in ("features", "mapping", "reconstruction"):
        weight, bias = network.get_parameter(f"{key}.weight"), network.get_parameter(f"{key}.bias")
        side = weight.shape[-1]
        rows = torch.arange(-(side // 2), x.shape[2] + side // 2).clamp(0, x.shape[2] - 1)
        columns = torch.arange(-(side // 2), x.shape[3] + side // 2).clamp(0, x.shape[3] - 1)
        windows = functional.unfold(x[:, :, rows][..., columns], side)  # (N, C·k², H·W)
        x = (weight.flatten(1) @ windows + bias[:, None]).unflatten(2, x.shape[2:])
        x = x if key == "reconstruction" else x.clamp_min(0)
    torch.testing.assert_close(network(enlarged), x, rtol=0, atol=1e-13)


def test_keys_and_shapes_of_the_state_are_stable():
    state = SRCNN().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        "features.weight": (64, 1, 9, 9),
        "features.bias": (64,),
        "mapping.weight": (32, 64, 5, 5),
        "mapping.bias": (32,),
        "reconstruction.weight": (1, 32, 5, 5),
        "reconstruction.bias": (1,),
    }


def test_equal_seeds_give_equal_weights():
    def weights():
        torch.manual_seed(3)
        return nn.utils.parameters_to_vector(SRCNN(start="identity").parameters())

    assert torch.equal(weights(), weights())


def test_signal_neither_dies_nor_explodes():
    network = SRCNN().eval()
    assert 0.3 < network(torch.randn(4, 1, 48, 48)).std() < 3


@pytest.mark.parametrize("kernels", [(9, 5, 5), (9, 1, 5)])
@pytest.mark.parametrize("size", [(40, 33), (3, 2)])
def test_a_network_that_starts_as_the_identity_returns_the_picture(kernels, size):
    network = SRCNN(kernels=kernels, start="identity", faint=0.0).eval()
    enlarged = torch.rand(2, 1, *size)
    torch.testing.assert_close(network(enlarged), enlarged, rtol=0, atol=1e-6)


def test_the_default_start_from_the_identity_adds_noise_that_hardly_shows():
    enlarged = torch.rand(2, 1, 40, 33)
    noise = SRCNN(start="identity").eval()(enlarged) - enlarged
    assert 1e-4 < noise.detach().std() < 0.02


def test_from_the_identity_on_every_filter_answers_and_learns():
    network = SRCNN(start="identity")
    slopes = torch.linspace(0.2, 0.8, 40) + 0.1 * torch.rand(4, 1, 40, 40)  # positive as pictures
    network(slopes).square().mean().backward()
    for key, filters in (("features", 0), ("mapping", 0), ("reconstruction", 1)):
        gradient = network.get_parameter(f"{key}.weight").grad.transpose(0, filters).flatten(1)
        assert (gradient.abs().amax(1) > 0).all(), key


@pytest.mark.parametrize("training", [True, False])
def test_the_layout_of_the_input_changes_nothing(training):
    network = SRCNN(**SMALL).train(training)
    enlarged = torch.rand(3, 1, 20, 27)
    turned = enlarged.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)
    assert torch.equal(network(turned), network(enlarged))


@pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="another library than oneDNN convolves here"
)
@pytest.mark.parametrize("kernels", [(9, 5, 5), (9, 1, 5)])
@pytest.mark.parametrize("size", [(64, 64), (65, 67), (17, 50), (120, 20)])
def test_a_part_of_a_picture_gives_the_bits_of_the_whole(kernels, size):
    network = SRCNN(kernels=kernels, start="identity", faint=1.0).eval()
    margin, (height, width) = network.margin, size
    whole = torch.rand(2, 1, 130, 97)
    with torch.no_grad():
        wanted = network(whole)
        for top, left in ((0, 0), (7, 13), (130 - height, 97 - width)):
            rows, columns = slice(top, top + height), slice(left, left + width)
            part = network(whole[1:, :, rows, columns])
            inner = (..., slice(margin, height - margin), slice(margin, width - margin))
            assert torch.equal(part[inner], wanted[1:, :, rows, columns][inner])


@pytest.mark.parametrize("start", ["he", "identity"])
def test_bfloat16_stays_near_float32(start):
    network = SRCNN(start=start, **SMALL).eval()
    enlarged = torch.rand(1, 1, 24, 24)
    with torch.no_grad():
        exact = network(enlarged)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(enlarged)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, rtol=0, atol=0.05)


@pytest.mark.parametrize("shape", [(1, 3, 20, 20), (1, 20, 20), (1, 1, 16, 20), (1, 1, 0, 20)])
def test_pictures_that_do_not_fit_are_refused_in_training(shape):
    with pytest.raises(ValueError, match="with H and W of 17 or more in training mode"):
        SRCNN(**SMALL)(torch.rand(shape))


def test_an_empty_picture_is_refused_in_evaluation():
    with pytest.raises(ValueError, match=r"with H and W of 1 or more$"):
        SRCNN(**SMALL).eval()(torch.rand(1, 1, 4, 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernels": (9, 4, 5)}, "odd sides in pixels, such as 9,5,5, not 9,4,5"),
        ({"kernels": (9, 5)}, "not 9,5"),
        ({"kernels": ()}, "not nothing"),
        ({"filters": (64, 0)}, "such as 64,32, not 64,0"),
        ({"start": "identty"}, "Did you mean 'identity'"),
        ({"faint": -1.0}, "from 0 on, such as 0.01, not -1"),
        ({"faint": float("nan")}, "not nan"),
    ],
)
def test_options_that_cannot_be_built_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        SRCNNOptions(**options)
