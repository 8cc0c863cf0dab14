"""`snellen.upscale`: arrays and tensors of every kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snellen import upscale
from snellen.enlarging import open_method
from snellen.errors import UserError
from snellen.images import bicubic_resize
from snellen.networks import SRCNN, list_shipped_weights, save_weights

from .helpers import picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(20, 24), (20, 24, 1), (20, 24, 2), (20, 24, 3), (20, 24, 4)])
def test_the_same_kind_comes_back(network, dtype, shape):
    large = upscale(picture(shape, dtype), 3, method=network)
    assert large.dtype == dtype
    assert large.shape == (60, 72, *shape[2:])
    assert large.min() >= 0
    assert large.max() <= (1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max)


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float64]
)
def test_tensors_equal_arrays(network, dtype):
    array = picture((20, 24, 3), np.uint16 if dtype == torch.uint16 else np.uint8)
    tensor = torch.from_numpy(array).movedim(-1, 0)
    if dtype.is_floating_point:
        tensor = (tensor / 255).to(dtype)
        array = tensor.float().movedim(0, -1).numpy()
    large = upscale(tensor, 2, method=network)
    expected = torch.from_numpy(upscale(array, 2, method=network)).movedim(-1, 0).to(dtype)
    assert large.dtype == dtype
    assert torch.equal(large, expected)


def test_each_of_a_batch_is_enlarged_alone(network):
    batch = torch.rand(3, 1, 20, 24)
    large = upscale(batch, 4, method=network)
    assert large.shape == (3, 1, 80, 96)
    for number in range(3):
        assert torch.equal(large[number], upscale(batch[number], 4, method=network))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_imresize(dtype, scale):
    pixels = picture((33, 41, 3), dtype)
    large = upscale(pixels, scale, method="bicubic", tile=50)
    np.testing.assert_array_equal(large, bicubic_resize(pixels, scale))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_network_that_changes_nothing_is_bicubic_to_a_level(dtype):
    pixels = picture((30, 40, 3), dtype) // 2 + 60  # away from the ends, where Y alone is cut
    large = upscale(pixels, 4, method=SRCNN(filters=(2, 2), start="identity", faint=0))
    expected = upscale(pixels / np.iinfo(dtype).max, 4, method="bicubic") * np.iinfo(dtype).max
    assert np.abs(large - expected).max() < 0.51


def test_a_scale_of_numpys_is_a_scale():
    pixels = picture((20, 24))
    large = upscale(pixels, np.int64(3), method="bicubic")
    np.testing.assert_array_equal(large, upscale(pixels, 3, method="bicubic"))


def test_a_weights_file_is_a_method(weights):
    pixels = picture((20, 24, 3))
    large = upscale(pixels, 3, method=weights(3))
    assert large.shape == (60, 72, 3)
    np.testing.assert_array_equal(large, upscale(pixels, 3, method=str(weights(3))))


@pytest.mark.parametrize("name", ["mse", "ms-ssim", "shipped", "bicubic"])
def test_a_folder_that_is_called_like_a_method_is_not_in_its_way(name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    if name != "bicubic" and not list_shipped_weights():
        with pytest.raises(UserError, match="no weights come with this installation"):
            open_method(name, 4)
    else:
        assert open_method(name, 4).scale == 4


def test_the_callers_network_and_switches_stay_as_they_are(network):
    trained = SRCNN(filters=(4, 3)).double().train()
    upscale(picture((20, 20)), 2, method=trained)
    assert trained.training
    assert trained.features.weight.dtype == torch.float64


def test_autocast_changes_nothing(network):
    pixels = picture((20, 24), np.float32)
    with torch.autocast("cpu", torch.bfloat16):
        under = upscale(pixels, 2, method=network)
    np.testing.assert_array_equal(under, upscale(pixels, 2, method=network))


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([[1, 2], [3, 4]], TypeError, "got list"),
        (np.zeros((20, 20, 5), np.uint8), ValueError, r"\(20, 20, 5\)"),
        (np.zeros((20, 20), np.int32), TypeError, "int32"),
        (np.full((20, 20), 2.0), ValueError, r"floats from 2\.0 to 2\.0"),
        (np.full((20, 20), 1.0000001), ValueError, r"floats from 1\.0000001 to 1\.0000001"),
        (np.full((20, 20), np.nan), ValueError, r"need \[0, 1\]"),
        (np.ma.masked_array(np.zeros((20, 20)), np.eye(20)), TypeError, r"fill it first: \.filled"),
        (torch.zeros(3, 20, 20, device="meta"), TypeError, "device meta, which has no values"),
        (torch.zeros(3, 20, 20).to_sparse(), TypeError, r"torch.sparse_coo; need a dense one"),
        (np.zeros((0, 20), np.uint8), ValueError, "empty"),
        (torch.zeros(1, 3, 0, 5), ValueError, "empty"),
        (torch.zeros(0, 3, 5, 5), ValueError, "empty"),
        (torch.zeros(20, 20), ValueError, r"\(20, 20\)"),
        (torch.zeros(1, 20, 20, dtype=torch.int64), TypeError, "int64"),
    ],
)
def test_what_is_no_picture_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        upscale(given, 2, method="bicubic")


def test_a_matrix_is_taken_as_a_plain_array(network):
    pixels = picture((20, 24))
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(pixels)
    large = upscale(matrix, 2, method=network)
    assert type(large) is np.ndarray
    np.testing.assert_array_equal(large, upscale(pixels, 2, method=network))


@pytest.mark.parametrize("dtype", [">u2", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("method", ["bicubic", "network"])
def test_the_order_of_bytes_does_not_matter(network, dtype, method):
    method = network if method == "network" else method
    pixels = picture((20, 24, 4), np.dtype(dtype).newbyteorder("<"))
    large = upscale(pixels.astype(dtype), 2, method=method)
    assert large.dtype.str == dtype
    np.testing.assert_array_equal(large, upscale(pixels, 2, method=method))


def test_tensors_of_any_strides_and_no_gradient(network):
    tensor = torch.rand(2, 3, 20, 24)
    expected = upscale(tensor, 2, method=network)
    strided = tensor.contiguous(memory_format=torch.channels_last).requires_grad_()
    large = upscale(strided, 2, method=network)
    assert torch.equal(large, expected)
    assert not large.requires_grad


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tile": "a"}, "got tile='a'; need a whole number of pixels"),
        ({"tile": 50.5}, r"got tile=50\.5; need a whole number of pixels"),
        ({"method": None}, "got method=None; need a name such as 'ms-ssim'"),
        ({"device": None}, "got device=None; need a name such as 'auto'"),
    ],
)
def test_options_of_another_kind_are_one_sentence(options, words):
    with pytest.raises(TypeError, match=words):
        upscale(picture((20, 20)), 2, **{"method": "bicubic", **options})


@pytest.mark.parametrize("device", ["banana", "meta", "cuda:99", torch.device("meta")])
def test_no_such_device_is_one_short_sentence(device):
    sentence = rf"^there is no device '{device}' here: choose auto(, cpu| or cpu)[^(]*\.$"
    with pytest.raises(UserError, match=sentence):
        open_method("bicubic", 2, device=device)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, value):
    network = SRCNN(filters=(4, 3))
    network.features.bias.data[1] = value
    with pytest.raises(UserError, match="the network holds weights that are no numbers"):
        open_method(network, 2)
    card = {"network": "srcnn", "options": {"filters": [4, 3]}, "scale": 2, "loss": "mse"}
    save_weights(tmp_path / "w.safetensors", network, card)
    with pytest.raises(UserError, match=r"w\.safetensors holds weights that are no numbers"):
        open_method(tmp_path / "w.safetensors", 2)


def test_a_scale_that_weights_were_not_trained_for(weights):
    with pytest.raises(UserError, match="trained for scale 2, not 3"):
        upscale(picture((20, 20)), 3, method=weights(2))


def test_other_scales_tiles_devices_and_methods_are_refused():
    pixels = picture((20, 20))
    with pytest.raises(UserError, match="the scale is 2, 3 or 4"):
        upscale(pixels, 5, method="bicubic")
    with pytest.raises(UserError, match=r"enlarge by 4\.0: the scale is 2, 3 or 4"):
        upscale(pixels, 4.0, method="bicubic")
    with pytest.raises(ValueError, match="at least 32"):
        upscale(pixels, 2, method="bicubic", tile=8)
    with pytest.raises(UserError, match="no device 'gpu'"):
        upscale(pixels, 2, method="bicubic", device="gpu")
    with pytest.raises(UserError, match="no file"):
        upscale(pixels, 2, method="missing.safetensors")


def test_a_network_of_another_output_size_is_refused():
    with pytest.raises(UserError, match="returned 38×38 pixels instead of 40×40"):
        upscale(picture((20, 20)), 2, method=torch.nn.Conv2d(1, 1, 3))


def test_a_network_that_fails_on_small_pictures_is_one_sentence():
    network = torch.nn.Sequential(torch.nn.ReflectionPad2d(4), torch.nn.Conv2d(1, 1, 9))
    assert upscale(picture((20, 20)), 2, method=network).shape == (40, 40)
    with pytest.raises(UserError, match=r"fails on 6×4 pixels: RuntimeError: ") as info:
        upscale(picture((2, 3)), 2, method=network)
    assert "\n" not in str(info.value)


class Divides(torch.nn.Module):
    """By what it is given, so that black becomes infinite, or NaN."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, enlarged: torch.Tensor) -> torch.Tensor:
        return self.by / enlarged


@pytest.mark.parametrize("by", [0.0, 1.0])
def test_values_that_are_no_numbers_are_refused(by):
    with pytest.raises(UserError, match="NaN or infinite"):
        upscale(np.zeros((20, 20), np.uint8), 2, method=Divides(by))
