"""A picture, a method and a protocol: PSNR, SSIM and the picture that was made.

A method is any function that takes a posed picture and returns its Y, so that bicubic, a network in
memory and weights from a file are evaluated by the same lines. For a network that is being trained:

>>> from snellen.images.protocols import pose, protocol_named
>>> protocol = protocol_named("standard")
>>> step = np.repeat(np.array([[40, 200]], np.uint8), 24, axis=1).repeat(48, axis=0)
>>> posed = pose(step, 4, protocol)
>>> outcome = evaluate_posed(posed, NetworkMethod(torch.nn.Identity()), 4, protocol)
>>> round(outcome.psnr, 2), round(outcome.ssim, 3), outcome.output.shape
(24.87, 0.878, (48, 48))
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snellen.datasets.benchmarks import Benchmark
from snellen.datasets.super_resolution import whole_levels
from snellen.enlarging.reach import reach
from snellen.errors import UserError
from snellen.files import shown
from snellen.images.colour import Pixels
from snellen.images.protocols import Posed, SuperResolutionProtocol, finished, pose
from snellen.metrics import psnr, ssim
from snellen.metrics.conventions import get_convention
from snellen.networks.output_size import upsamples_inside
from snellen.training.precision import strict_float32

__all__ = [
    "Method",
    "NetworkMethod",
    "Outcome",
    "SetScores",
    "bicubic",
    "evaluate_each",
    "evaluate_picture",
    "evaluate_posed",
    "evaluate_set",
]

Method: TypeAlias = Callable[[Posed], NDArray[np.floating]]
"""From a posed picture to Y of the enlarged one: (H, W), levels 0 to 255, not yet rounded."""

# Pixels that go through a network at once where its reach is known: SRCNN takes some 600 MB.
_STRIP = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """What a method made of a picture.

    Attributes:
        psnr: dB with peak 255, over what the protocol compares; infinite for no difference.
        ssim: mean structural similarity, at most 1, over the same.
        output: Y of the whole result, nothing shaved, (H, W), uint8.
    """

    psnr: float
    ssim: float
    output: NDArray[np.uint8]


@dataclass(frozen=True)
class SetScores:
    """What a method reached on a set of n pictures.

    Attributes:
        pictures: names of the files.
        psnr: dB, of each picture.
        ssim: of each picture.
    """

    pictures: tuple[str, ...]
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]

    @property
    def mean_psnr(self) -> float:
        """The mean of the pictures' PSNR, as papers print it, not the PSNR of their mean error."""
        return math.fsum(self.psnr) / len(self.psnr)

    @property
    def mean_ssim(self) -> float:
        """The mean of the pictures' SSIM."""
        return math.fsum(self.ssim) / len(self.ssim)


def bicubic(posed: Posed) -> NDArray[np.floating]:
    """Return the picture as bicubic alone enlarges it: the method that others are compared with."""
    return posed.enlarged


@dataclass(frozen=True)
class NetworkMethod:
    """A network as a method, on the device of its weights and in float32.

    A network whose output depends on near pixels alone, as `snellen.enlarging.reach` measures, sees
    large pictures in strips that overlap by its reach, so that the memory it takes does not grow
    with the picture.

    Attributes:
        network: from Y in 0..1 to the same. It takes the enlarged picture (1, 1, H, W) and returns
            as much; or, if its attribute `upsamples_inside` is true, it takes the low-resolution
            picture (1, 1, H/scale, W/scale). Its training mode is left as it was.
        name: what errors call it.
    """

    network: nn.Module
    name: str = "the network"

    def __call__(self, posed: Posed) -> NDArray[np.floating]:
        """See :data:`Method`.

        Raises:
            UserError: the network fails on a picture of this size, returns another size, or values
                that are no numbers.
        """
        inside = upsamples_inside(self.network)
        given = torch.from_numpy((posed.low if inside else posed.enlarged) / 255).float()
        factor = len(posed.target) // len(posed.low) if inside else 1
        was_training = self.network.training
        self.network.eval()
        try:
            margin = self._reach(factor) if given.numel() * factor**2 > _STRIP else None
            output = self._run(given) if margin is None else self._in_strips(given, margin, factor)
        finally:
            self.network.train(was_training)
        if output.shape != posed.target.shape:
            raise UserError(
                f"{self.name} made {_size(output.shape)} of a picture that has"
                f" {_size(posed.target.shape)} pixels; it was perhaps trained for another scale, or"
                " does not keep the size."
            )
        if not output.isfinite().all():
            raise UserError(f"{self.name} returns values that are no numbers (NaN or infinite).")
        return output.double().numpy() * 255

    def _reach(self, factor: int) -> int | None:
        """Pixels on each side that the network looks at; None where it must see all at once."""
        try:
            return reach(copy.deepcopy(self.network).cpu().float(), factor)
        except Exception:  # a stranger's network may raise anything, and do well on this picture
            return None

    def _in_strips(self, given: Tensor, margin: int, factor: int) -> Tensor:
        height, width = given.shape
        step = max(1, _STRIP // (width * factor**2))
        parts = []
        for top in range(0, height, step):
            above = min(top, margin)
            part = self._run(given[top - above : top + step + margin])
            parts.append(part[above * factor : (above + step) * factor])
        return torch.cat(parts)

    @torch.no_grad()
    def _run(self, given: Tensor) -> Tensor:
        device = next((p.device for p in self.network.parameters()), torch.device("cpu"))
        try:
            with strict_float32(device):
                output: Tensor = self.network(given[None, None].to(device))
            return output[0, 0].float().cpu()
        except Exception as error:  # a stranger's network may raise anything
            raise UserError(
                f"{self.name} fails on a picture of {_size(given.shape)} pixels:"
                f" {type(error).__name__}: {error}"
            ) from error


def evaluate_posed(
    posed: Posed, method: Method, scale: int, protocol: SuperResolutionProtocol
) -> Outcome:
    """Let a method enlarge a posed picture, and judge the result.

    Args:
        posed: what :func:`snellen.images.protocols.pose` returns. Pose pictures once to evaluate
            many methods, or one network again and again.
        method: see :data:`Method`.
        scale: by which the picture was posed.
        protocol: by which the picture was posed.

    Raises:
        UserError: the picture is too small for what the protocol shaves and SSIM's window; and what
            `method` raises.
    """
    border = protocol.border(scale)
    height, width = posed.target.shape
    least = get_convention(protocol.ssim).window_size
    if min(height, width) - 2 * border < least:
        needed = -(-(least + 2 * border) // scale) * scale
        raise UserError(
            f"a picture of {width}×{height} pixels is too small (both sides are cut to multiples of"
            f" {scale}): protocol {protocol.name} leaves out {border} on each side, and SSIM needs"
            f" {least}×{least} of the rest; need at least {needed}×{needed}."
        )
    made = finished(method(posed), posed, protocol)
    inner = (slice(border, height - border), slice(border, width - border))
    preds, target = (
        torch.from_numpy(levels[inner].astype(np.float64)) for levels in (made, posed.target)
    )
    return Outcome(
        psnr=float(psnr(preds, target, data_range=255.0)),
        ssim=float(ssim(preds, target, data_range=255.0, convention=protocol.ssim)),
        output=whole_levels(made),
    )


def evaluate_picture(
    picture: Pixels, method: Method, scale: int, protocol: SuperResolutionProtocol
) -> Outcome:
    """Shrink a picture, let a method enlarge it again, and judge the result.

    Args:
        picture: (H, W) or (H, W, 3), uint8 or uint16.
        method: see :data:`Method`.
        scale: a whole number from 2 on.
        protocol: see `snellen.images.protocols`.

    Raises:
        UserError: as :func:`evaluate_posed`.

    >>> from snellen.images.protocols import PROTOCOLS
    >>> flat = np.full((40, 40), 90, np.uint8)
    >>> evaluate_picture(flat, bicubic, 2, PROTOCOLS["standard"]).psnr
    inf
    """
    return evaluate_posed(pose(picture, scale, protocol), method, scale, protocol)


def evaluate_each(
    names: Sequence[str],
    read: Callable[[int], Pixels],
    methods: Mapping[str, Method],
    scale: int,
    protocol: SuperResolutionProtocol,
) -> Iterator[tuple[Posed, dict[str, Outcome]]]:
    """Evaluate methods on pictures, one after the other, each read and posed once.

    Args:
        names: what errors call the pictures.
        read: returns picture k.
        methods: by name.
        scale: a whole number from 2 on.
        protocol: see `snellen.images.protocols`.

    Yields:
        Each picture as it was posed, and what each method made of it.

    Raises:
        UserError: what `read` raises; a picture that is too small or a network that fails: the
            sentence names the picture.
    """
    for index, name in enumerate(names):
        picture = read(index)
        try:
            posed = pose(picture, scale, protocol)
            outcomes = {
                method: evaluate_posed(posed, made_by, scale, protocol)
                for method, made_by in methods.items()
            }
        except UserError as error:
            raise UserError(f"{shown(name)}: {error}") from error
        yield posed, outcomes


def evaluate_set(
    benchmark: Benchmark,
    methods: Mapping[str, Method],
    scale: int,
    protocol: SuperResolutionProtocol,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, SetScores]:
    """Evaluate methods on the same pictures, each decoded and posed once.

    Args:
        benchmark: see `snellen.datasets.benchmarks`.
        methods: by name.
        scale: a whole number from 2 on.
        protocol: see `snellen.images.protocols`.
        progress: called after each picture.

    Returns:
        Scores by the name of the method.

    Raises:
        UserError: a picture that is damaged or too small, a network that fails; the sentence names
            the picture.
    """
    outcomes: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    names = [str(benchmark.folder / name) for name in benchmark.files]
    for _, found in evaluate_each(names, benchmark.read, methods, scale, protocol):
        for name, outcome in found.items():
            outcomes[name].append((outcome.psnr, outcome.ssim))
        progress()
    return {
        name: SetScores(
            benchmark.files, tuple(psnr for psnr, _ in each), tuple(ssim for _, ssim in each)
        )
        for name, each in outcomes.items()
    }


def _size(shape: Sequence[int]) -> str:
    return "×".join(str(side) for side in reversed(shape))
