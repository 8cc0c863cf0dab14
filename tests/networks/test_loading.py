from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from snellen.errors import UserError
from snellen.networks import (
    SRCNN,
    ConvAutoencoder,
    SRCNNOptions,
    build_network,
    build_super_resolution_network,
)

SIZES = {"size": 8, "channels": 1, "code_size": 3, "widths": (2, 4)}

OWN = """
from torch import nn

class Plain(nn.Module):
    def __init__(self, channels, extra=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.extra = extra

class Greedy(Plain):
    def __init__(self, channels, depth):
        super().__init__(channels)

class Everything(Plain):
    def __init__(self, **keywords):
        super().__init__(keywords["channels"])
        self.keywords = keywords

class Failing(Plain):
    def __init__(self):
        raise RuntimeError("no luck")

class Lazy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.LazyConv2d(1, 1))

class Frozen(Plain):
    def __init__(self, channels):
        super().__init__(channels)
        self.requires_grad_(False)

class WithoutInit(nn.Module):
    weight = nn.Parameter(nn.Linear(1, 1).weight.detach())

    def parameters(self, recurse=True):
        yield self.weight

class Upscaler(nn.Module):
    upsamples_inside = True

    def __init__(self, scale, width=4):
        super().__init__()
        self.conv = nn.Conv2d(1, scale**2, 3)
        self.width = width

def make(size, *, code_size):
    return Plain(1, extra=size + code_size)

def wrong():
    return 3

number = 7
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(OWN)
    (tmp_path / "broken_networks.py").write_text("import nothing_of_that_name\n")
    monkeypatch.chdir(tmp_path)
    yield "own_networks"
    sys.modules.pop("own_networks", None)


def test_the_name_of_the_posters_network():
    network = build_network("conv-autoencoder", **SIZES)
    assert isinstance(network, ConvAutoencoder)
    assert network.options.code_size == 3


def test_equal_seeds_give_equal_weights_and_others_do_not():
    first, again, other = (
        nn.utils.parameters_to_vector(
            build_network("conv-autoencoder", **SIZES, seed=s).parameters()
        )
        for s in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_global_random_state_is_untouched():
    before = torch.random.get_rng_state()
    build_network("conv-autoencoder", **SIZES, seed=5)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_class_in_the_current_folder_gets_the_keywords_it_takes(own):
    network = build_network(f"{own}:Plain", **SIZES)
    assert network.conv.in_channels == 1


def test_a_function_may_build_the_network(own):
    assert build_network(f"{own}:make", **SIZES).extra == 11


def test_a_class_with_any_keywords_gets_all(own):
    assert build_network(f"{own}:Everything", **SIZES).keywords == SIZES


def test_a_class_without_an_init_of_its_own_gets_none(own):
    assert type(build_network(f"{own}:WithoutInit", **SIZES)).__name__ == "WithoutInit"


def test_the_import_path_is_put_back(own):
    before = list(sys.path)
    build_network(f"{own}:Plain", **SIZES)
    assert sys.path == before


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("conv-autoencodr", "Did you mean 'conv-autoencoder'"),
        ("", "Type conv-autoencoder, conv-vae, .*, or package.module:Class"),
        ("a b:c", "there is no network"),
        ("no_such_package.thing:Net", r"could not be imported \(ModuleNotFoundError"),
        ("broken_networks:Net", "nothing_of_that_name"),
        ("own_networks:Plane", "Did you mean 'Plain'"),
        ("own_networks:number", "not a class or a function"),
        ("own_networks:wrong", "gave a int"),
        ("own_networks:Greedy", "needs depth"),
        ("own_networks:Failing", "RuntimeError: no luck"),
        ("own_networks:Frozen", "no weights to train"),
        ("own_networks:Lazy", "such as LazyConv2d: give them their sizes"),
    ],
)
def test_a_network_that_cannot_be_had_is_refused(own, spec, message):
    with pytest.raises(UserError, match=message):
        build_network(spec, **SIZES)


def test_a_size_that_does_not_fit_keeps_its_own_message():
    with pytest.raises(UserError, match=r"^a size of 9 pixels does not fit"):
        build_network("conv-autoencoder", **{**SIZES, "size": 9})


@pytest.mark.parametrize(
    ("spec", "options", "built"),
    [
        ("srcnn", None, SRCNNOptions()),
        ("srcnn-9-1-5", {}, SRCNNOptions(kernels=(9, 1, 5))),
        ("srcnn", {"start": "identity", "faint": 0.0}, SRCNNOptions(start="identity", faint=0.0)),
        ("srcnn", {"filters": [8, 4]}, SRCNNOptions(filters=(8, 4))),
        ("srcnn-9-1-5", {"kernels": [5, 3, 3]}, SRCNNOptions(kernels=(5, 3, 3))),
    ],
)
def test_the_names_of_the_super_resolution_networks(spec, options, built):
    network = build_super_resolution_network(spec, scale=4, options=options)
    assert isinstance(network, SRCNN)
    assert network.options == built


def test_equal_seeds_give_equal_super_resolution_networks_at_every_scale():
    first, again, other = (
        nn.utils.parameters_to_vector(
            build_super_resolution_network("srcnn", scale=scale, seed=seed).parameters()
        )
        for scale, seed in ((2, 5), (4, 5), (2, 6))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_network_of_ones_own_is_given_the_scale_and_its_options(own):
    network = build_super_resolution_network(f"{own}:Upscaler", scale=3, options={"width": 9})
    assert (network.conv.out_channels, network.width) == (9, 9)


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("srcn", {}, "Did you mean 'srcnn'.* Type srcnn, srcnn-9-1-5, or package.module:Class"),
        ("srcnn", {"filter": [8, 4]}, "takes no option 'filter'. Did you mean 'filters'"),
        ("own_networks:Upscaler", {"blocks": 3}, "takes no option 'blocks'. Leave it out"),
        ("own_networks:Plain", {}, "needs channels, but only scale can be given"),
        ("srcnn", {"kernels": [9, 4, 5]}, "^the kernels must be three positive odd sides"),
        ("conv-autoencoder", {}, "there is no network 'conv-autoencoder'"),
    ],
)
def test_a_super_resolution_network_that_cannot_be_had_is_refused(own, spec, options, message):
    with pytest.raises(UserError, match=message):
        build_super_resolution_network(spec, scale=3, options=options)
