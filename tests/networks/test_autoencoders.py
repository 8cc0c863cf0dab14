from __future__ import annotations

import pytest
import torch
from torch import nn

from snellen.errors import UserError
from snellen.networks.autoencoders import AutoencoderOptions, ConvAutoencoder, subpixel_transposed


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "widths"), [(8, (2, 3, 4)), (24, (2, 3, 4)), (12, (2, 3)), (2, (5,))]
)
def test_output_has_the_shape_of_the_input(size, widths, channels):
    network = ConvAutoencoder(size=size, channels=channels, widths=widths, code_size=3)
    pictures = torch.rand(2, channels, size, size)
    assert network(pictures).shape == pictures.shape
    assert network.encode(pictures).shape == (2, 3)


def test_the_defaults_are_the_posters():
    options = AutoencoderOptions()
    assert (options.size, options.channels, options.widths) == (96, 1, (128, 256, 512))


def test_forward_is_decode_after_encode():
    network = ConvAutoencoder(size=8, widths=(2, 3), code_size=3)
    pictures = torch.rand(2, 1, 8, 8)
    assert torch.equal(network(pictures), network.decode(network.encode(pictures)))


def test_the_code_is_all_that_reaches_the_decoder():
    network = ConvAutoencoder(size=16, widths=(2, 3), code_size=2)
    with torch.no_grad():
        network.to_code.weight.zero_()
    first, second = network(torch.rand(2, 1, 16, 16))
    assert torch.equal(first, second)


def test_options_and_keywords_together():
    network = ConvAutoencoder(AutoencoderOptions(size=8, widths=(2,)), code_size=7)
    assert network.options == AutoencoderOptions(size=8, widths=(2,), code_size=7)


def test_keys_and_shapes_of_the_state_are_stable():
    state = ConvAutoencoder(size=8, channels=3, widths=(2, 4), code_size=5).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        "encoder.0.weight": (2, 3, 5, 5),
        "encoder.0.bias": (2,),
        "encoder.1.weight": (4, 2, 5, 5),
        "encoder.1.bias": (4,),
        "to_code.weight": (5, 16),
        "to_code.bias": (5,),
        "from_code.weight": (16, 5),
        "from_code.bias": (16,),
        "decoder.0.weight": (4, 2, 5, 5),
        "decoder.0.bias": (2,),
        "decoder.1.weight": (2, 3, 5, 5),
        "decoder.1.bias": (3,),
    }


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 5, 6])
def test_subpixels_equal_the_transposed_convolution_in_value_and_gradient(channels, side):
    layer = nn.ConvTranspose2d(4, channels, 5, stride=2, padding=2, output_padding=1).double()
    x = torch.rand(2, 4, side, side, dtype=torch.float64)
    ours, theirs = subpixel_transposed(x, layer.weight, layer.bias), layer(x)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)
    weights = torch.rand_like(ours)
    mine = torch.autograd.grad((ours * weights).sum(), layer.parameters())
    wanted = torch.autograd.grad((theirs * weights).sum(), layer.parameters())
    torch.testing.assert_close(mine, wanted, rtol=1e-12, atol=1e-12)


def test_signal_neither_dies_nor_explodes_on_the_way_to_the_last_layer():
    network = ConvAutoencoder(size=32, widths=(16, 32, 64), code_size=64)
    assert 0.3 < network.encode(torch.randn(16, 1, 32, 32)).std() < 3


def test_training_starts_from_a_nearly_flat_gray_picture():
    network = ConvAutoencoder(size=32, widths=(16, 32, 64), code_size=64)
    pictures = network(torch.rand(16, 1, 32, 32))
    assert 0 < pictures.detach().std() < 0.05
    assert pictures.detach().mean() == pytest.approx(0.5, abs=0.01)


def test_a_batch_may_be_empty():
    network = ConvAutoencoder(size=8, widths=(2,), code_size=3)
    assert network(torch.rand(0, 1, 8, 8)).shape == (0, 1, 8, 8)


def test_a_colour_picture_is_refused_by_a_gray_network():
    network = ConvAutoencoder(size=8, widths=(2,), code_size=3)
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\); this network needs \(N, 1, 8, 8\)"):
        network(torch.rand(1, 3, 8, 8))


def test_a_code_of_another_length_is_refused():
    network = ConvAutoencoder(size=8, widths=(2,), code_size=3)
    with pytest.raises(ValueError, match=r"needs \(N, 3\)"):
        network.decode(torch.rand(1, 4))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"size": 100}, "multiple of 8, such as 96 or 104"),
        ({"size": 4}, "multiple of 8, such as 8"),
        ({"size": -8}, "multiple of 8, such as 8"),
        ({"channels": 2}, "1 .gray. or 3 .colour., not 2"),
        ({"widths": ()}, "not nothing"),
        ({"widths": (8, 0)}, "not 8,0"),
        ({"code_size": 0}, "at least 1, not 0"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(sizes, message):
    with pytest.raises(UserError, match=message):
        AutoencoderOptions(**sizes)
