"""The variational autoencoder: its divergence, the rule of its weight, its sample and its mean."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from snellen.errors import UserError
from snellen.metrics.loss_plans import parse_loss
from snellen.networks import (
    FullyConnectedAutoencoder,
    VariationalAutoencoder,
    build_network,
    calibrate,
    kl_to_standard_normal,
)

SIZES = {"size": 16, "channels": 1, "code_size": 3, "widths": (6, 5)}


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(params=["fc-vae", "conv-vae"])
def network(request):
    return build_network(request.param, **SIZES)


def pictures(count=6, size=16):
    """Smooth, so that MS-SSIM of their mean is no accident."""
    coarse = torch.rand(count, 1, size // 4, size // 4)
    return functional.interpolate(coarse, size=(size, size), mode="bilinear")


class Given(nn.Module):
    """An encoder that returns what it was given."""

    def __init__(self, encoded):
        super().__init__()
        self.encoded = nn.Parameter(torch.as_tensor(encoded))

    def encode(self, pictures):
        return self.encoded

    def decode(self, code):
        return code[:, :, None, None]


# The divergence


def test_the_divergence_is_that_of_the_closed_form():
    mean, log_variance = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 4).double()
    theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), theirs)


@pytest.mark.parametrize(
    ("mean", "variance", "nats"),
    [
        (0, 1, 0),
        (2, 1, 2),
        (0, math.e, (math.e - 2) / 2),
        (1, 0.5, (1 + 0.5 - 1 + math.log(2)) / 2),
    ],
)
def test_the_divergence_of_known_gaussians(mean, variance, nats):
    found = kl_to_standard_normal(torch.tensor([[float(mean)]]), torch.tensor([[variance]]).log())
    assert found.item() == pytest.approx(nats, abs=1e-6)


def test_near_the_prior_no_digit_is_lost():
    assert kl_to_standard_normal(torch.zeros(1, 1), torch.full((1, 1), 1e-4)).item() == (
        pytest.approx(1e-8 / 4, rel=1e-3)
    )


# Its parts


def test_the_shapes_of_all_that_it_gives(network):
    x = pictures()
    mean, log_variance = network.posterior(x)
    assert mean.shape == log_variance.shape == network.encode(x).shape == (6, 3)
    assert torch.equal(network.encode(x), mean)
    assert network(x).shape == network.decode(mean).shape == x.shape


def test_means_come_before_log_variances_and_stay_in_range():
    network = VariationalAutoencoder(
        Given([[1.0, 2.0, 0.1, 1e9], [3.0, 4.0, -0.1, -1e9]]), code_size=2
    )
    mean, log_variance = network.posterior(torch.zeros(2, 2, 1, 1))
    assert mean.tolist() == [[1, 2], [3, 4]]
    assert log_variance[:, 1].tolist() == [12, -12]
    assert log_variance[:, 0].tolist() == pytest.approx([0.1, -0.1], rel=1e-3)
    assert kl_to_standard_normal(mean, log_variance).isfinite().all()


def test_evaluation_is_the_mean_and_deterministic(network):
    x = pictures()
    network.eval()
    before = torch.random.get_rng_state()
    assert torch.equal(network(x), network(x))
    assert torch.equal(network(x), network.decode(network.encode(x)))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_training_draws_one_sample_of_each_code_from_the_posterior():
    log_variance = [0.0, math.log(4)]
    network = VariationalAutoencoder(Given([[1.0, -2.0, *log_variance]] * 20000), code_size=2)
    drawn = network(torch.zeros(20000, 2, 1, 1)).flatten(1)
    assert drawn.mean(0).tolist() == pytest.approx([1, -2], abs=0.06)
    assert drawn.std(0).tolist() == pytest.approx([1, 2], rel=0.03)
    assert abs(torch.corrcoef(drawn.T)[0, 1]) < 0.03


def test_the_gradient_passes_through_the_sample():
    """Of E[z²] for z ~ N(m, s²): 2m, and s² for the log-variance."""
    network = VariationalAutoencoder(Given([[0.5, math.log(0.49)]] * 20000), code_size=1)
    (network(torch.zeros(20000, 1, 1, 1)).square().sum() / 20000).backward()
    gradient = network.network.encoded.grad.sum(0)
    assert gradient[0].item() == pytest.approx(1.0, abs=0.05)
    assert gradient[1].item() == pytest.approx(0.49, abs=0.05)


def test_every_weight_gets_a_gradient(network):
    x = pictures()
    with torch.no_grad():  # from the start, the last layer lets next to nothing through
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    calibrate(network, nn.MSELoss(), x)
    network.objective(functional.mse_loss(network(x), x), 1.0).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_divergence_is_float32_under_bfloat16(network):
    x = pictures()
    network.weight.fill_(1.0)
    with torch.autocast("cpu", torch.bfloat16):
        mean, log_variance = network.posterior(x)
        network(x)
        value = network.objective(torch.zeros(()), 1.0)
    assert mean.dtype == log_variance.dtype == value.dtype == torch.float32
    assert value.item() == kl_to_standard_normal(mean, log_variance).mean().item()


def test_training_starts_with_little_noise_in_the_code(network):
    """More noise than signal, and a decoder under MS-SSIM learns one gray picture for all."""
    _, log_variance = network.posterior(pictures())
    assert (log_variance + 6).abs().max() < 1.5
    assert network.encode(pictures()).abs().max() < 1.5  # the means start around 0


def test_an_encoder_without_variances_is_refused():
    plain = FullyConnectedAutoencoder(size=16, widths=(6,), code_size=3)
    with pytest.raises(ValueError, match=r"gives \(6, 3\); \(N, 6\) is needed"):
        VariationalAutoencoder(plain, code_size=3)(pictures())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nats_per_pixel": 0.0}, "positive number, not 0.0"),
        ({"nats_per_pixel": math.inf}, "positive number, not inf"),
        ({"kl_warmup": 1.5}, r"in \[0, 1\], not 1.5"),
        ({"code_size": 0}, "code size must be at least 1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        build_network("fc-vae", **{**SIZES, **options})


def test_a_size_that_does_not_fit_is_told_as_for_the_plain_network():
    with pytest.raises(UserError, match=r"^a size of 9 pixels does not fit"):
        build_network("conv-vae", **{**SIZES, "size": 9})


# The objective


def test_the_divergence_comes_in_linearly():
    network = VariationalAutoencoder(Given([[2.0, 0.0]]), code_size=1, kl_warmup=0.2)
    network.weight.fill_(10.0)
    found = []
    for fraction in (0.0, 0.05, 0.1, 0.2, 0.7):
        network(torch.zeros(1, 1, 1, 1))
        found.append(network.objective(torch.tensor(3.0), fraction).item())
    assert found == pytest.approx([30, 30.5, 31, 32, 32])  # the divergence is 2 nats


def test_without_a_warm_up_it_counts_in_full_from_the_start():
    network = VariationalAutoencoder(Given([[2.0, 0.0]]), code_size=1, kl_warmup=0.0)
    network.weight.fill_(1.0)
    network(torch.zeros(1, 1, 1, 1))
    assert network.objective(torch.tensor(0.0), 0.0).item() == 2


def test_the_objective_needs_a_weight_and_a_forward_pass_in_training_mode(network):
    network(pictures())
    with pytest.raises(ValueError, match="call calibrate"):
        network.objective(torch.zeros(()), 0.0)
    network.weight.fill_(1.0)
    network.eval()(pictures())
    with pytest.raises(ValueError, match="without a forward pass in training mode"):
        network.objective(torch.zeros(()), 0.0)


# The weight


@pytest.mark.parametrize("loss", ["mse", "mae", "ms-ssim", "mse>ms-ssim@0.5"])
@pytest.mark.parametrize("nats", [3.0, 0.5])
def test_the_mean_picture_costs_what_was_asked_for(loss, nats):
    network = build_network("fc-vae", **{**SIZES, "size": 24, "nats_per_pixel": nats})
    x = pictures(count=70, size=24)  # more than one batch
    criterion = parse_loss(loss).at(1.0)
    weight = calibrate(network, criterion, x)
    cost = criterion(x.mean(0, keepdim=True).expand_as(x).contiguous(), x).item()
    assert weight * cost == pytest.approx(nats * 24 * 24, rel=1e-4)
    assert network.weight.item() == pytest.approx(weight)


def test_three_nats_under_mse_are_the_gaussian_that_the_documentation_names():
    network = build_network("fc-vae", **SIZES)
    x = pictures(count=50)
    weight = calibrate(network, nn.MSELoss(), x)
    variance = (x - x.mean(0)).square().mean().item() / 6
    # weight · MSE is −log N(x; mean, σ²) but for a constant: Σ d² / (2σ²).
    assert weight / (16 * 16) == pytest.approx(1 / (2 * variance), rel=1e-4)


def test_only_the_first_1024_pictures_count(network):
    x = torch.rand(1030, 1, 16, 16)
    first = calibrate(network, nn.MSELoss(), x[:1024])
    assert calibrate(network, nn.MSELoss(), x) == first
    assert calibrate(network, nn.MSELoss(), x[6:]) != first


def test_the_weight_travels_with_the_network(network):
    weight = calibrate(network, nn.MSELoss(), pictures())
    other = copy.deepcopy(network)
    other.weight.fill_(0)
    other.load_state_dict(network.state_dict())
    assert other.weight.item() == pytest.approx(weight)
    assert "weight" not in dict(network.named_parameters())


@pytest.mark.parametrize("value", [-0.25, 0.0, math.nan])
def test_a_loss_that_cannot_be_weighed_is_refused(network, value):
    with pytest.raises(UserError, match=r"the loss mine is (-0.25|0|nan) for the mean of 6"):
        calibrate(network, lambda preds, target: torch.tensor(value), pictures(), loss_name="mine")


def test_no_pictures_are_refused(network):
    with pytest.raises(UserError, match="no training pictures"):
        calibrate(network, nn.MSELoss(), pictures()[:0])


# By name


def test_options_reach_the_network_by_name():
    network = build_network("conv-vae", **SIZES, nats_per_pixel=2.0, kl_warmup=0.5)
    assert (network.nats_per_pixel, network.kl_warmup, network.code_size) == (2.0, 0.5, 3)


def test_a_variational_network_has_the_log_variances_in_addition_and_nothing_else():
    plain, variational = (
        sum(p.numel() for p in build_network(name, **SIZES).parameters())
        for name in ("fc-autoencoder", "fc-vae")
    )
    assert variational - plain == 3 * (5 + 1)
