"""The stochastic autoencoder: any loss in the place of the likelihood, a code of known prior.

Its objective is the expected-loss variational autoencoder of Snell et al., "Learning to Generate
Images with Perceptual Similarity Metrics" (arXiv 1511.06409), after Kingma & Welling (arXiv
1312.6114): ``E_q(z|x)[loss(x, decode(z))] · weight + KL(q(z|x) ‖ N(0, I))``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from snellen.errors import UserError

__all__ = ["CALIBRATED_ON", "VariationalAutoencoder", "calibrate", "kl_to_standard_normal"]

CALIBRATED_ON = 1024  # pictures
LOG_VARIANCE = 12.0  # the largest in size: a standard deviation between 1/403 and 403
_BATCH = 64  # pictures at a time


class VariationalAutoencoder(nn.Module):
    """A network with an encoder and a decoder, its code drawn from a Gaussian for each picture.

    The encoder of `network` gives 2·code_size numbers for each picture: the means of its code and
    their log-variances. While training, the decoder gets one sample of the code per picture,
    reparameterised (mean + standard deviation · noise, from torch's global generator); in
    evaluation mode it gets the mean.

    How much the loss counts against the divergence is one rule for every loss, so that losses of
    any unit can be compared: `weight` is such that answering every picture with the mean training
    picture costs `nats_per_pixel` nats for each of its C·S·S numbers. With 3 nats, under the mean
    squared error, that is a Gaussian likelihood whose standard deviation is 1/√6 of that of the
    pictures around their mean. `calibrate` sets the weight; it is a buffer, saved with the network.

    Args:
        network: with ``encode``, (N, C, S, S) → (N, 2·code_size), and ``decode``,
            (N, code_size) → (N, C, S, S).
        code_size: numbers in the code.
        nats_per_pixel: what the mean training picture costs, in nats per number of a picture.
        kl_warmup: the share of the steps, in [0, 1], over which the divergence comes in linearly.

    Raises:
        UserError: an option out of its range.

    >>> from snellen.networks import FullyConnectedAutoencoder
    >>> network = FullyConnectedAutoencoder(size=8, widths=(16,), code_size=3, statistics=2)
    >>> network = VariationalAutoencoder(network, code_size=3).eval()
    >>> pictures = torch.rand(2, 1, 8, 8)          # (N, C, S, S), values in [0, 1]
    >>> mean, log_variance = network.posterior(pictures)
    >>> mean.shape, network(pictures).shape
    (torch.Size([2, 3]), torch.Size([2, 1, 8, 8]))
    """

    weight: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        code_size: int,
        nats_per_pixel: float = 3.0,
        kl_warmup: float = 0.2,
    ) -> None:
        super().__init__()
        if not (math.isfinite(nats_per_pixel) and nats_per_pixel > 0):
            raise UserError(f"nats_per_pixel must be a positive number, not {nats_per_pixel}.")
        if not 0 <= kl_warmup <= 1:
            raise UserError(f"kl_warmup is a share of the steps in [0, 1], not {kl_warmup}.")
        self.network = network
        self.code_size = code_size
        self.nats_per_pixel = nats_per_pixel
        self.kl_warmup = kl_warmup
        self.register_buffer("weight", torch.tensor(math.nan))  # not known before `calibrate`
        self._divergence: Tensor | None = None
        self._known = False

    def posterior(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, float32 (N, code_size), of the codes of `pictures`.

        The log-variance stays between -12 and 12, smoothly, so that no gradient is cut off.

        Raises:
            ValueError: the encoder does not give two numbers for each one of the code.
        """
        encoded: Tensor = self.network.encode(pictures)  # type: ignore[operator]
        if encoded.shape != (len(pictures), 2 * self.code_size):
            raise ValueError(
                f"the encoder gives {tuple(encoded.shape)}; (N, {2 * self.code_size}) is needed, "
                "mean and log-variance of each number of the code"
            )
        mean, raw = encoded.float().chunk(2, dim=1)  # also under bfloat16 autocast
        return mean, LOG_VARIANCE * torch.tanh(raw / LOG_VARIANCE)

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the codes (N, code_size) of `pictures` (N, C, S, S): the means, no noise."""
        return self.posterior(pictures)[0]

    def decode(self, code: Tensor) -> Tensor:
        """Return the pictures (N, C, S, S) of `code` (N, code_size), not clipped to [0, 1]."""
        pictures: Tensor = self.network.decode(code)  # type: ignore[operator]
        return pictures

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the reconstructions (N, C, S, S) of `pictures`, of one sample of each code.

        In evaluation mode they are those of the mean, and nothing is random.
        """
        mean, log_variance = self.posterior(pictures)
        self._divergence = None
        if not self.training:
            return self.decode(mean)
        self._divergence = kl_to_standard_normal(mean, log_variance).mean()
        noise = torch.randn_like(mean)
        return self.decode(mean + (log_variance / 2).exp() * noise)

    def objective(self, distortion: Tensor, fraction: float) -> Tensor:
        """Return what is minimised, in nats per picture: weight · distortion + share · divergence.

        Args:
            distortion: the loss of what the last forward pass in training mode returned.
            fraction: of the training's steps that are done, in [0, 1]; the divergence's share is
                ``min(1, fraction / kl_warmup)``.

        Raises:
            ValueError: there was no such forward pass, or `calibrate` was not called.
        """
        if self._divergence is None:
            raise ValueError("the objective is asked for without a forward pass in training mode")
        if not self._known:  # looked at once: on a GPU, looking waits
            if not bool(self.weight.isfinite()):
                raise ValueError(
                    "the weight of the loss is not known: call calibrate(network, loss, pictures) "
                    "before the training"
                )
            self._known = True
        share = min(1.0, fraction / self.kl_warmup) if self.kl_warmup else 1.0
        divergence, self._divergence = self._divergence, None  # lets go of the graph
        return self.weight * distortion + share * divergence


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) ‖ N(0, I)) in nats, (N,), of Gaussians (N, units).

    >>> kl_to_standard_normal(torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.zeros(2, 2)).tolist()
    [0.0, 2.5]
    """
    # expm1: near the prior the terms cancel.
    return (mean.square() + log_variance.expm1() - log_variance).sum(1) / 2


@torch.no_grad()
def calibrate(
    network: VariationalAutoencoder,
    loss: Callable[[Tensor, Tensor], Tensor],
    pictures: Tensor,
    *,
    loss_name: str = "",
) -> float:
    """Set `network.weight` for `loss` and return it.

    ``weight = nats_per_pixel · C·S·S / loss(mean training picture)``.

    Args:
        network: whose weight is set.
        loss: called as ``loss(preds, target)`` on float32, range 1; its mean over a batch is taken
            as a mean over pictures.
        pictures: training pictures, (N, C, S, S) in [0, 1]; the first 1,024 are used.
        loss_name: what messages call the loss.

    Raises:
        UserError: the loss of the mean picture is not above zero, so that no weight does it.

    >>> from snellen.networks import FullyConnectedAutoencoder
    >>> network = FullyConnectedAutoencoder(size=2, widths=(4,), code_size=1, statistics=2)
    >>> network = VariationalAutoencoder(network, code_size=1)
    >>> pictures = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    >>> calibrate(network, nn.MSELoss(), pictures)  # 3 nats · 4 numbers / 0.25
    48.0
    """
    chosen = pictures[:CALIBRATED_ON].float()
    if not len(chosen):
        raise UserError("there are no training pictures to set the weight of the loss by.")
    mean = chosen.mean(0, keepdim=True)
    total = 0.0
    for start in range(0, len(chosen), _BATCH):
        part = chosen[start : start + _BATCH]
        total += float(loss(mean.expand_as(part).contiguous(), part)) * len(part)
    cost = total / len(chosen)
    if not (math.isfinite(cost) and cost > 0):
        raise UserError(
            f"the loss {f'{loss_name} ' if loss_name else ''}is {cost:g} for the mean of "
            f"{len(chosen)} training pictures; a variational network needs a finite loss above 0 "
            "there, to weigh it against the divergence of the code: use a loss that is 0 for "
            "equal pictures and positive for others, or another network."
        )
    weight = network.nats_per_pixel * chosen[0].numel() / cost
    network.weight.fill_(weight)
    return weight
