from __future__ import annotations

import pytest
import torch

from snellen.errors import UserError
from snellen.networks import FullyConnectedAutoencoder, FullyConnectedOptions, build_network


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "widths"), [(8, (6, 5)), (9, (6,)), (1, (4, 3, 2))])
def test_output_has_the_shape_of_the_input(size, widths, channels):
    network = FullyConnectedAutoencoder(size=size, channels=channels, widths=widths, code_size=3)
    pictures = torch.rand(2, channels, size, size)
    assert network(pictures).shape == pictures.shape
    assert network.encode(pictures).shape == (2, 3)
    assert torch.equal(network(pictures), network.decode(network.encode(pictures)))


def test_keys_and_shapes_of_the_state_are_stable():
    state = FullyConnectedAutoencoder(size=2, channels=3, widths=(7, 5), code_size=4).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        "encoder.0.weight": (7, 12),
        "encoder.0.bias": (7,),
        "encoder.1.weight": (5, 7),
        "encoder.1.bias": (5,),
        "to_code.weight": (4, 5),
        "to_code.bias": (4,),
        "from_code.weight": (5, 4),
        "from_code.bias": (5,),
        "decoder.0.weight": (7, 5),
        "decoder.0.bias": (7,),
        "decoder.1.weight": (12, 7),
        "decoder.1.bias": (12,),
    }


def test_each_pixel_comes_back_to_its_place():
    """With weights that pass the numbers on, a picture above gray comes back as it was."""
    network = FullyConnectedAutoencoder(size=3, channels=3, widths=(27,), code_size=27)
    with torch.no_grad():
        for layer in (network.encoder[0], network.to_code, network.from_code, network.decoder[0]):
            layer.weight.copy_(torch.eye(27))
    pictures = 0.5 + torch.rand(2, 3, 3, 3) / 2
    torch.testing.assert_close(network(pictures), pictures)


def test_the_code_is_linear_and_so_is_the_output():
    network = FullyConnectedAutoencoder(size=8, widths=(16, 16), code_size=4)
    assert network.encode(torch.rand(64, 1, 8, 8)).min() < 0
    with torch.no_grad():
        network.decoder[-1].bias.fill_(-1)
    assert network(torch.rand(2, 1, 8, 8)).max() < 0


def test_signal_neither_dies_nor_explodes_on_the_way_to_the_last_layer():
    network = FullyConnectedAutoencoder(code_size=64)
    assert 0.3 < network.encode(torch.randn(16, 1, 32, 32)).std() < 3


def test_training_starts_from_a_nearly_flat_gray_picture():
    pictures = FullyConnectedAutoencoder()(torch.rand(16, 1, 32, 32)).detach()
    assert 0 < pictures.std() < 0.05
    assert pictures.mean() == pytest.approx(0.5, abs=0.01)


def test_a_batch_may_be_empty():
    network = FullyConnectedAutoencoder(size=4, widths=(5,), code_size=3)
    assert network(torch.rand(0, 1, 4, 4)).shape == (0, 1, 4, 4)


def test_pictures_and_codes_of_another_shape_are_refused():
    network = FullyConnectedAutoencoder(size=4, widths=(5,), code_size=3)
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\); this network needs \(N, 1, 4, 4\)"):
        network(torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"\(1, 1, 2, 8\); this network needs \(N, 1, 4, 4\)"):
        network(torch.rand(1, 1, 2, 8))  # as many pixels
    with pytest.raises(ValueError, match=r"needs \(N, 3\)"):
        network.decode(torch.rand(1, 4))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"size": 0}, "at least 1 pixel, not 0"),
        ({"channels": 2}, "1 .gray. or 3 .colour., not 2"),
        ({"widths": ()}, "numbers of units, outermost first, such as 1024,1024, not nothing"),
        ({"widths": (8, 0)}, "not 8,0"),
        ({"code_size": 0}, "at least 1, not 0"),
        ({"statistics": 3}, "statistics must be 1"),
    ],
)
def test_sizes_that_cannot_be_built_are_refused(sizes, message):
    with pytest.raises(UserError, match=message):
        FullyConnectedOptions(**sizes)


def test_by_name_it_has_the_widths_of_its_own_where_none_are_named():
    sizes = {"size": 8, "channels": 1, "code_size": 3}
    assert build_network("fc-autoencoder", **sizes).options.widths == (1024, 1024)
    assert build_network("fc-autoencoder", **sizes, widths=[9]).options.widths == (9,)
    assert build_network("conv-autoencoder", **sizes).options.widths == (32, 64, 128)
