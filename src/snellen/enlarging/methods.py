"""From the name of a method to what enlarges pictures by it."""

from __future__ import annotations

import copy
import hashlib
import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from snellen.enlarging.reach import reach
from snellen.errors import UserError
from snellen.files import shown
from snellen.images.protocols import SCALES
from snellen.networks import SRCNN, named_weights, read_weights, upsamples_inside

__all__ = ["BICUBIC", "Enlarger", "device_named", "open_method"]

BICUBIC = "bicubic"


@dataclass(frozen=True)
class Enlarger:
    """A method, ready to run.

    Attributes:
        scale: the factor of enlargement.
        name: the method and, of a network, a digest of its weights; ASCII.
        network: what sharpens Y, on `device` and in evaluation mode; None for bicubic.
        reach: pixels of its input, on each side, that the network's output depends on; None where
            pictures must not be cut.
        inside: whether the network enlarges, too, and takes the low resolution.
        kernel: the side of its largest filters: smaller pictures are refused.
        device: where it runs.
    """

    scale: int
    name: str
    network: nn.Module | None = None
    reach: int | None = 0
    inside: bool = False
    kernel: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def margin(self) -> int:
        """`reach` in pixels of the enlarged picture; 0 where there is none."""
        return (self.reach or 0) * (self.scale if self.inside else 1)

    def run(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on one plane (H, W), values in [0, 1].

        Returns:
            (H, W), or (H·scale, W·scale) where the network upsamples inside; float32.

        Raises:
            UserError: the network fails, returns another size, or values that are no numbers.
            OutOfMemoryError: of a GPU; a smaller plane may do.
        """
        if self.network is None:
            return plane
        kind = self.device.type
        # In full float32 on GPUs too, whatever the caller has chosen for trainings.
        exact = (
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False, fp32_precision="ieee")
            if kind == "cuda"
            else nullcontext()
        )
        try:
            with torch.inference_mode(), torch.autocast(kind, enabled=False), exact:
                picture = torch.from_numpy(np.ascontiguousarray(plane))[None, None].to(self.device)
                sharp: NDArray[np.float32] = self.network(picture)[0, 0].float().cpu().numpy()
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # a stranger's network may raise anything
            first = next(iter(str(error).strip().splitlines()), "")
            raise UserError(
                f"the network fails on {plane.shape[1]}×{plane.shape[0]} pixels:"
                f" {type(error).__name__}: {first}"
            ) from error
        factor = self.scale if self.inside else 1
        wanted = (factor * plane.shape[0], factor * plane.shape[1])
        if sharp.shape != wanted:
            raise UserError(
                f"the network returned {sharp.shape[1]}×{sharp.shape[0]} pixels instead of"
                f" {wanted[1]}×{wanted[0]}: it must return the whole picture in evaluation mode."
            )
        if not np.isfinite(sharp).all():
            raise UserError("the network returns values that are no numbers (NaN or infinite).")
        return sharp


def open_method(
    method: str | os.PathLike[str] | nn.Module,
    scale: int,
    *,
    device: str | torch.device = "auto",
    network: str | None = None,
) -> Enlarger:
    """Find a method by its name and make it ready.

    Args:
        method: ``bicubic``; weights as :func:`snellen.networks.named_weights` takes them, such as
            ``ms-ssim``, ``mse`` or the path of a file; or a network itself.
        scale: 2, 3 or 4.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, …
        network: for a weights file of a network that is none of snellen's, its
            ``package.module:Class``.

    Raises:
        TypeError: a method or device that is neither a name nor what else is named above.
        UserError: no such method, scale or device; weights that are damaged, no numbers, of another
            network or another scale.

    >>> open_method("bicubic", 4).name
    'bicubic'
    """
    # Whole, because sizes are multiplied by it: 4.0 is in SCALES, too.
    if not isinstance(scale, Integral) or scale not in SCALES:
        raise UserError(f"cannot enlarge by {scale}: the scale is 2, 3 or 4.")
    if not isinstance(method, str | os.PathLike | nn.Module):
        raise TypeError(
            f"got method={method!r}; need a name such as 'ms-ssim' or 'bicubic', a weights file or"
            " a network"
        )
    place = device_named(device)
    if isinstance(method, nn.Module):
        _refuse_no_numbers(method, "the network")
        return _of_network(copy.deepcopy(method), scale, "network", place)
    if method == BICUBIC:
        return Enlarger(scale, BICUBIC, device=place)
    path = named_weights(method, scale) if isinstance(method, str) else Path(method)
    built, card = read_weights(path, scale=scale, network=network)
    _refuse_no_numbers(built, shown(path))
    return _of_network(built, scale, str(card["loss"]), place)


def _of_network(network: nn.Module, scale: int, name: str, device: torch.device) -> Enlarger:
    network = network.cpu().float().eval()
    kernel = max(network.options.kernels) if isinstance(network, SRCNN) else 1
    try:
        farthest = reach(network, scale)
    except Exception as error:  # a stranger's network may raise anything
        raise UserError(
            f"the network could not be run on a gray picture of odd sides: {type(error).__name__}:"
            f" {error}"
        ) from error
    return Enlarger(
        scale,
        f"{name.encode('ascii', 'replace').decode()} {_digest(network)}",
        network.to(device),
        farthest,
        upsamples_inside(network),
        kernel,
        device,
    )


def _digest(network: nn.Module) -> str:
    """The same for the same weights, wherever their file lies."""
    digest = hashlib.sha256()
    for key, value in network.state_dict().items():
        digest.update(f"{key}{tuple(value.shape)}{value.dtype}".encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def device_named(device: str | torch.device) -> torch.device:
    """Return the device of a name, after trying that it computes.

    Args:
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``, …

    Raises:
        TypeError: something else than a name or a device.
        UserError: no such device here, or its memory is used up.

    >>> device_named("cpu")
    device(type='cpu')
    """
    if not isinstance(device, str | torch.device):
        raise TypeError(f"got device={device!r}; need a name such as 'auto', 'cpu' or 'cuda'")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        # Read back, because the device meta takes everything and holds nothing.
        torch.zeros(1, device=place).item()
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the memory of {device} is used up: close what else uses it, or choose the device cpu."
        ) from error
    except Exception as error:  # what is missing differs by device, and so does what is raised
        there = ["auto", "cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
        raise UserError(
            f"there is no device {shown(str(device))!r} here: choose"
            f" {', '.join(there[:-1])} or {there[-1]}."
        ) from error
    return place


def _refuse_no_numbers(network: nn.Module, name: str) -> None:
    """Refuse weights of which one is no number.

    Raises:
        UserError: one is NaN or infinite.
    """
    for weights in network.parameters():
        if not torch.isfinite(weights).all():
            raise UserError(
                f"{name} holds weights that are no numbers (NaN or infinite), as a training that"
                " failed leaves them: train it anew, or choose other weights."
            )
