"""Random crops for training, in batches that depend on the seed and the step only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.datasets.batches import AHEAD, BatchStream, item_words, processors
from snellen.datasets.keys import philox, shuffled, unit
from snellen.datasets.pictures import CACHE_BYTES, Pictures, read_undamaged
from snellen.errors import UserError
from snellen.images import UnreadableImage, area_resize

__all__ = ["Batch", "CropOptions", "CropStream", "HeldOut", "held_out_crops"]

_REUSE = 8  # crops per decoding, where decoded pictures do not all fit into memory


@dataclass(frozen=True)
class CropOptions:
    """How crops are cut.

    >>> CropOptions(size=96, channels=3, max_downscale=1.0)
    CropOptions(size=96, channels=3, max_downscale=1.0, flip=True, crops_per_read=None)

    Attributes:
        size: side of a crop in pixels.
        channels: 1 (gray) or 3 (colour), as the pictures were opened.
        max_downscale: a square of side size·s is cut, s log-uniform in 1..max_downscale, and
            shrunk to `size` by area averaging; limited by the picture's smaller side.
        flip: mirror every second crop, left to right, at random (training only).
        crops_per_read: how many crops are taken of a picture before it is decoded anew. None takes
            1 if all pictures fit into memory decoded, and else 8, for decoding costs far more than
            cropping. The crops of one reading lie many batches apart where memory allows it.

    Raises:
        UserError: a value out of its range.
    """

    size: int
    channels: int = 1
    max_downscale: float = 2.0
    flip: bool = True
    crops_per_read: int | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"got size={self.size}; a crop needs a side of at least 1 pixel.")
        if self.channels not in (1, 3):
            raise UserError(f"got channels={self.channels}; need 1 (gray) or 3 (colour).")
        if not 1 <= self.max_downscale < float("inf"):
            raise UserError(f"got max_downscale={self.max_downscale}; need a number from 1 up.")
        if self.crops_per_read is not None and self.crops_per_read < 1:
            raise UserError(f"got crops_per_read={self.crops_per_read}; need at least 1.")


@dataclass(frozen=True)
class Batch:
    """One process's share of a training step: pixels uint8 (b, C, S, S), and b names.

    `targets`, (b, …), is what the network should return where that is not the pictures.
    """

    step: int
    pixels: torch.Tensor
    names: list[str]
    targets: torch.Tensor | None = None


@dataclass(frozen=True)
class HeldOut:
    """Fixed crops to judge by: pixels uint8 (n, C, S, S), n names, and n sources."""

    pixels: torch.Tensor
    names: list[str]
    sources: list[str]


class CropStream(BatchStream[Batch]):
    """Batches of random crops, the same ones however they are computed.

    The crop number k of a stream is a pure function of k, the seed, the pictures, the options and
    the batch size: in each epoch every picture is shown once, in a fresh order (or
    `crops_per_read` times in as many epochs). So a stream that starts at step t continues one that
    stopped there, and several processes see together exactly, and in order, what one process sees;
    threads, their number and their timing change nothing. Where a file turns out to be damaged,
    the next picture of the same order takes its place; where one cannot be read for another reason
    (a disk or network that fails, too many open files), the iteration ends with an error, because
    going on would change the batches.

    Iterating yields a `Batch` per step. A stream can be iterated again; leaving the iteration
    early, the `with` block or `close` stops the threads.

    Args:
        pictures: the set, and `indices` into it.
        options: how to cut.
        batch_size: of all processes together.
        steps: iteration ends before this step.
        seed: which crops.
        start_step: iteration begins at this step.
        rank, world_size: this process among how many; `batch_size` must be a multiple.
        workers: threads that read and cut; None for one per processor, at most four.

    Raises:
        UserError: no pictures, channels that differ, or a batch that cannot be shared evenly; and
            during iteration, if a file cannot be read though it is not damaged, or if none of
            the pictures can be decoded.

    >>> from snellen.datasets import open_pictures
    >>> options = CropOptions(size=32)
    >>> with CropStream(open_pictures("builtin"), range(5), options, batch_size=4, steps=2,
    ...                 seed=0) as stream:
    ...     [(batch.step, tuple(batch.pixels.shape)) for batch in stream]
    [(0, (4, 1, 32, 32)), (1, (4, 1, 32, 32))]
    """

    def __init__(
        self,
        pictures: Pictures,
        indices: NDArray[np.int64] | range | list[int],
        options: CropOptions,
        *,
        batch_size: int,
        steps: int,
        seed: int,
        start_step: int = 0,
        rank: int = 0,
        world_size: int = 1,
        workers: int | None = None,
    ) -> None:
        self.pictures = pictures
        self.indices = np.asarray(indices, np.int64)
        self.options = options
        self.seed = seed
        if not len(self.indices):
            raise UserError(f"no pictures of {pictures.spec} to train on.")
        _check_channels(pictures, options)
        super().__init__(
            batch_size=batch_size,
            steps=steps,
            start_step=start_step,
            rank=rank,
            world_size=world_size,
            workers=min(4, processors()) if workers is None else max(1, workers),
            thread_name="crops",
        )
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._reuse, self._stride = _reuse(pictures, len(self.indices), options, batch_size)

    def batch(self, step: int) -> Batch:
        """The batch of one step, computed here and now."""
        options = self.options
        numbers = self.numbers(step)
        words = item_words(numbers, "crops", self.seed)
        shape = (len(numbers), options.channels, options.size, options.size)
        pixels = np.empty(shape, np.uint8)
        names = []
        for row, (number, word) in enumerate(zip(numbers.tolist(), words, strict=True)):
            index, picture = self._picture(number)
            mirrored = options.flip and word[3] < 0.5
            crop = _cut(picture, options, word)
            pixels[row] = (crop[:, ::-1] if mirrored else crop).transpose(2, 0, 1)
            names.append(self.pictures.name(index))
        return Batch(step, torch.from_numpy(pixels), names)

    def _picture(self, number: int) -> tuple[int, NDArray[np.uint8]]:
        """The picture for a crop, or the next good one in the epoch's order."""
        # Of R crops in a row, one takes a new picture and the others those that were new 1, 2, …
        # R − 1 strides ago: each picture is taken R times, and decoding is spread evenly.
        turn, lane = divmod(number, self._reuse)
        epoch, place = divmod(turn - lane * self._stride, len(self.indices))
        order = self._order(epoch)
        error: UnreadableImage | None = None
        for step in range(len(order)):
            index = int(self.indices[order[(place + step) % len(order)]])
            try:
                return index, read_undamaged(self.pictures, index)
            except UnreadableImage as caught:
                error = caught
        raise UserError(f"none of {len(order)} pictures can be read; the last: {error}")

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = self._orders.get(epoch)
        if order is None:
            order = shuffled(len(self.indices), "epoch", self.seed, epoch)
            # The batches under way reach over this many epochs, more than one if the set is tiny.
            ahead = (AHEAD + 1) * self.batch_size + self._reuse * self._stride
            reach = 2 + ahead // len(self.indices)
            for old in [kept for kept in list(self._orders) if kept < epoch - reach]:
                self._orders.pop(old, None)
            self._orders[epoch] = order
        return order


def held_out_crops(
    pictures: Pictures,
    indices: NDArray[np.int64] | range | list[int],
    options: CropOptions,
    *,
    per_picture: int,
    seed: int = 0,
) -> HeldOut:
    """Cut the fixed crops on which networks are judged, unmirrored.

    The crops of one picture are spread over it, and over the scales, by a sequence of low
    discrepancy (Roberts 2018: multiples of powers of the root of x⁴ = x + 1) from a random start.
    They depend on the picture's name, the options and the seed only. Damaged pictures are left out
    and are then among `pictures.skipped`.

    Args:
        pictures: the set.
        indices: of the pictures in it to cut from.
        options: how to cut; `flip` is ignored.
        per_picture: crops of each picture.
        seed: which crops.

    Raises:
        UserError: a file cannot be read though it is not damaged, none of the pictures can be
            decoded, or channels differ.

    >>> from snellen.datasets import open_pictures
    >>> made = held_out_crops(open_pictures("builtin"), [0, 1], CropOptions(64), per_picture=2)
    >>> made.pixels.shape, made.names
    (torch.Size([4, 1, 64, 64]), ['astronaut-1', 'astronaut-2', 'brick-1', 'brick-2'])
    """
    _check_channels(pictures, options)
    crops, names, sources = [], [], []
    for index in np.asarray(indices, np.int64).tolist():
        try:
            picture = read_undamaged(pictures, index)
        except UnreadableImage:
            continue
        name = pictures.name(index)
        start = unit(philox("held out", seed, name).random_raw(3))
        for k in range(per_picture):
            crop = _cut(picture, options, (start + k * _SPREAD) % 1)
            crops.append(crop.transpose(2, 0, 1))
            names.append(name if per_picture == 1 else f"{name}-{k + 1}")
            sources.append(pictures.source(index))
    if not crops:
        raise UserError(f"none of the held-out pictures of {pictures.spec} can be read.")
    return HeldOut(torch.from_numpy(np.stack(crops)), names, sources)


# 1/φ, 1/φ², 1/φ³ for the positive root φ of x⁴ = x + 1.
_SPREAD = np.power(1.2207440846057596, -np.arange(1.0, 4.0))


def _cut(
    picture: NDArray[np.uint8], options: CropOptions, place: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Cut a square at `place` (scale, row, column in 0..1) and shrink it: (S, S, C)."""
    height, width = picture.shape[:2]
    limit = min(options.max_downscale, min(height, width) / options.size)
    side = min(round(options.size * limit ** float(place[0])), height, width)
    top = int(float(place[1]) * (height - side + 1))
    left = int(float(place[2]) * (width - side + 1))
    crop = picture[top : top + side, left : left + side]
    return area_resize(crop, (options.size, options.size))


def _reuse(
    pictures: Pictures, count: int, options: CropOptions, batch_size: int
) -> tuple[int, int]:
    """How many crops to take per decoding, and how many new pictures apart.

    It must not depend on this machine's memory, or the same seed would mean other crops elsewhere.
    """
    mean = pictures.decoded_bytes / len(pictures)
    reuse = options.crops_per_read or (_REUSE if mean * count > CACHE_BYTES else 1)
    # A whole number of batches, so that in many processes a picture returns to the same one.
    batch = -(-batch_size // reuse)
    room = CACHE_BYTES / 2 / max(1.0, mean * reuse * batch)
    return reuse, batch * max(1, min(reuse, int(room)))


def _check_channels(pictures: Pictures, options: CropOptions) -> None:
    if pictures.channels != options.channels:
        raise UserError(
            f"the pictures have {pictures.channels} channels and the crops {options.channels};"
            " open the pictures with the channels of the crops."
        )
