"""Trained autoencoders as functions: pictures in, codes or reconstructions out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snellen.enlarging.methods import device_named
from snellen.errors import UserError
from snellen.experiments.autoencoders import network_for
from snellen.experiments.configuration import AutoencoderConfig
from snellen.experiments.picture_input import Picture, as_input, each_picture
from snellen.experiments.settings import resolve
from snellen.experiments.trainings import check_finished, choose, config_of, tags_of
from snellen.files import shown
from snellen.training import DamagedCheckpoint, checkpoint_place, load_weights
from snellen.training.precision import strict_float32

__all__ = ["Trained", "load"]

BATCH = 64


@dataclass(frozen=True, eq=False)
class Trained:
    """One trained network of a run, from `load`.

    Attributes:
        network: in evaluation mode, on `device`.
        kind: which experiment trained it.
        loss: under which it was trained.
        seed: of its initial weights and its batches.
        tags: what else tells it from the run's other trainings: ``split``, ``code``, ``fold``.
        size: side of the square pictures that it takes, in pixels.
        channels: 1 (gray) or 3 (colour).
        code_size: numbers in a code.
        whole: whether a picture is brought to size as a whole, its aspect lost, as ``represent``
            does; else its largest centred square is, as ``reconstruct`` shrinks its crops.
        device: where it runs.
        gamma: the power that a picture is raised to before it shrinks, as in the training.
    """

    network: nn.Module
    kind: Literal["reconstruction", "representation"]
    loss: str
    seed: int
    tags: Mapping[str, str | int]
    size: int
    channels: int
    code_size: int
    whole: bool
    device: torch.device
    gamma: float = 1.0

    def prepare(self, pictures: Picture | Iterable[Picture]) -> Tensor:
        """Bring pictures to what the network takes.

        Transparency is laid over white, colour becomes gray by the BT.601 luma where the network
        is gray, 16 bit and floats become 8 bit, the largest centred square (or, see `whole`, the
        whole picture) is raised to the power `gamma` and shrunk by area averaging. Float
        tensors of the network's own shape are taken as they are.

        Args:
            pictures: one or several of these: paths; images of Pillow's; arrays (H, W) or
                (H, W, C); tensors (C, H, W). Or an array (N, H, W, C), a tensor (N, C, H, W).
                Arrays and tensors are uint8, uint16, or floats in [0, 1].

        Returns:
            (N, channels, size, size), float32 in [0, 1], on the CPU.

        Raises:
            TypeError, ValueError: arrays, tensors or images of another kind, dtype or shape,
                smaller than the network's size, or with floats outside [0, 1].
            UserError: a file that is damaged, no picture, or too small.
        """
        ready = list(self._each(pictures))
        if not ready:
            return torch.empty(0, self.channels, self.size, self.size)
        return torch.stack(ready)

    def encode(
        self, pictures: Picture | Iterable[Picture], batch_size: int = BATCH
    ) -> NDArray[np.float32]:
        """Return the codes of pictures, computed in float32.

        Args:
            pictures: as `prepare` takes them, one after the other: of many paths no more than
                `batch_size` pictures are in memory.
            batch_size: how many the network sees at a time; codes depend on it by rounding only.

        Returns:
            (N, code_size), float32.

        Raises:
            TypeError, ValueError, UserError: as `prepare`; and a UserError where the memory is
                used up or a code is no number.
        """
        codes = self._in_batches(partial(encoded, self.network), pictures, batch_size)
        found = [part.cpu().numpy() for part in codes]
        result = np.concatenate([np.empty((0, self.code_size), np.float32), *found])
        if not np.isfinite(result).all():
            raise UserError(
                "the network gives codes that are no numbers (NaN or infinite): train it anew."
            )
        return result

    def reconstruct(
        self, pictures: Picture | Iterable[Picture], batch_size: int = BATCH
    ) -> NDArray[np.uint8]:
        """Return what the network makes of pictures, clipped and rounded to 8 bit.

        Args:
            pictures: as `prepare` takes them.
            batch_size: how many the network sees at a time.

        Returns:
            (N, channels, size, size), uint8.

        Raises:
            TypeError, ValueError, UserError: as `prepare`; and a UserError where the memory is
                used up.
        """
        parts = [np.empty((0, self.channels, self.size, self.size), np.uint8)]
        for output in self._in_batches(self.network, pictures, batch_size):
            eight_bit = (output.float() * 255).round().clamp(0, 255).to(torch.uint8)
            parts.append(eight_bit.cpu().numpy())
        return np.concatenate(parts)

    def _each(self, pictures: Picture | Iterable[Picture]) -> Iterator[Tensor]:
        fit = partial(
            as_input,
            size=self.size,
            channels=self.channels,
            whole=self.whole,
            gamma=self.gamma,
        )
        for number, picture in enumerate(each_picture(pictures)):
            yield fit(picture, f"picture {number}")

    def _in_batches(
        self,
        compute: Callable[[Tensor], Tensor],
        pictures: Picture | Iterable[Picture],
        batch_size: int,
    ) -> Iterator[Tensor]:
        if batch_size < 1:
            raise ValueError(f"got batch_size={batch_size}; need 1 or more")
        waiting = self._each(pictures)
        while batch := list(islice(waiting, batch_size)):
            with ExitStack() as stack:
                stack.enter_context(torch.inference_mode())
                stack.enter_context(torch.autocast(self.device.type, enabled=False))
                stack.enter_context(strict_float32(self.device))
                try:
                    output = compute(torch.stack(batch).to(self.device))
                except torch.OutOfMemoryError as error:
                    raise UserError(
                        f"the memory of {self.device} is used up by {len(batch)} pictures at a"
                        " time: use a smaller batch size."
                    ) from error
            yield output


def load(
    run: str | os.PathLike[str],
    *,
    loss: str | None = None,
    seed: int = 0,
    code_size: int | None = None,
    split: str | None = None,
    fold: int | None = None,
    device: str | torch.device = "cpu",
    ema: bool | None = None,
) -> Trained:
    """Load a trained autoencoder from a run folder of ``snellen reconstruct`` or ``represent``.

    The weights are those that the run's report judges: of the last step, averaged where the run
    kept an average (``ema``). A network of your own is imported by the name in the run's
    config.yaml, as it was for the training, which runs its code.

    Args:
        run: the run folder; it may have been moved or renamed.
        loss: under which the network was trained; needed where the run has several.
        seed: of its training, from 0.
        code_size: numbers in its code; needed where the run has several.
        split: of a run of ``represent``, which of its splits; needed where it has several.
        fold: where pictures were cross-fitted, which group of them was held out; None is the first.
        device: where it will run: ``cpu``, ``auto`` (a GPU where there is one), ``cuda``, …
        ema: True for averaged weights, False for those of the last step, None for those judged.

    Returns:
        The network and what is known of it.

    Raises:
        UserError: no such run, one of super-resolution, none or several such trainings, one that is
            not finished, a damaged checkpoint, a network that has no ``encode`` or cannot be had,
            no such device.

    >>> import tempfile
    >>> from snellen.experiments.configuration import ReconstructionConfig
    >>> from snellen.training.checkpoints import Checkpoint, write_checkpoint
    >>> config = ReconstructionConfig(losses="mse", size=16, widths=(4,), code_size=8, steps=2)
    >>> weights = network_for(config, 8, seed=0).state_dict()
    >>> with tempfile.TemporaryDirectory() as folder:  # what is read of a run folder
    ...     _ = Path(folder, "config.yaml").write_text(config.as_yaml())
    ...     place = Path(folder) / checkpoint_place("mse", seed=0)
    ...     _ = write_checkpoint(place, Checkpoint(step=2, network=weights))
    ...     trained = load(folder)
    >>> photographs = np.random.default_rng(0).integers(0, 256, (3, 60, 80, 3), np.uint8)
    >>> trained.encode(photographs).shape
    (3, 8)
    >>> trained.reconstruct(photographs).shape
    (3, 1, 16, 16)
    """
    root = Path(run)
    name = shown(run)
    place = device_named(device)
    keys = config_of(root, name)
    represents = "splits" in keys
    known = {key: keys[key] for key in AutoencoderConfig.model_fields if key in keys}
    config = resolve(AutoencoderConfig, options=known)
    loss = choose(name, ("loss", "losses"), loss, config.losses)
    if not 0 <= seed < config.seeds:
        have = "0" if config.seeds == 1 else f"0 to {config.seeds - 1}"
        raise UserError(f"the run {name} has no seed {seed}: name one of {have}.")
    code_size = choose(name, ("code size", "code sizes"), code_size, config.code_size)
    begun = root / checkpoint_place(loss, seed)
    tags = tags_of(begun, name, represents, code_size, len(config.code_size) > 1, split, fold)
    folder = root / checkpoint_place(loss, seed, **tags)
    check_finished(folder, config.steps, name, "represent" if represents else "reconstruct")
    network = network_for(config, code_size, seed)
    try:
        load_weights(network, folder, ema=config.ema is not None if ema is None else ema)
    except DamagedCheckpoint as error:
        raise UserError(f"{error} Go on with the run by --resume, or fetch it anew.") from error
    network = network.eval().requires_grad_(False)
    length = _code_length(network, config)  # before it leaves the CPU
    return Trained(
        network=network.to(place),
        kind="representation" if represents else "reconstruction",
        loss=loss,
        seed=seed,
        tags=tags,
        size=config.size,
        channels=config.channels,
        code_size=length,
        whole=represents,
        device=place,
        gamma=float(keys.get("gamma", 1.0)),
    )


def encoded(network: nn.Module, pictures: Tensor) -> Tensor:
    """Return the codes (N, code_size) of pictures (N, C, S, S); maps of features become flat."""
    code = network.encode(pictures)  # type: ignore[operator]
    return code.flatten(1).float()  # type: ignore[no-any-return]


def _code_length(network: nn.Module, config: AutoencoderConfig) -> int:
    """How many numbers a code has, by making one."""
    if not callable(getattr(network, "encode", None)):
        raise UserError(
            f"the network {config.network!r} has no method encode, so it has no code: give it"
            " encode(pictures), which returns a tensor (N, code_size)."
        )
    pictures = torch.full((2, config.channels, config.size, config.size), 0.5)
    try:
        with torch.inference_mode():
            code = network.encode(pictures)  # type: ignore[operator]
    except Exception as error:  # a stranger's network may raise anything
        raise UserError(
            f"the network {config.network!r} cannot encode {config.size}×{config.size} pictures:"
            f" {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error
    if not isinstance(code, Tensor) or code.ndim < 2 or len(code) != 2:
        came = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
        raise UserError(
            f"encode of the network {config.network!r} must return a tensor (N, code_size); for two"
            f" pictures it gave {came}."
        )
    return code[0].numel()
