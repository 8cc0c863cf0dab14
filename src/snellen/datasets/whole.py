"""Whole pictures of one size in memory, and batches of them for training."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.datasets.batches import BatchStream, item_words, processors
from snellen.datasets.crops import Batch
from snellen.datasets.keys import shuffled
from snellen.datasets.pictures import Pictures, read_undamaged
from snellen.errors import UserError
from snellen.images import UnreadableImage, area_resize, correct_gamma

__all__ = ["WholeStream", "whole_pictures"]

_WORKERS = 2


def whole_pictures(
    pictures: Pictures, size: int, *, gamma: float = 1.0
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Shrink every picture, whole, to size×size by area; the sides may shrink differently.

    Args:
        pictures: the set; each side of its pictures must be `size` or more.
        size: side of the result, in pixels.
        gamma: the power that each picture is first raised to, see `correct_gamma`.

    Returns:
        uint8 (n, C, size, size), and the n indices of the pictures that could be read.

    Raises:
        UserError: a picture cannot be read though it is not damaged, or none can be.

    >>> from snellen.datasets import open_pictures
    >>> whole_pictures(open_pictures("builtin"), 32)[0].shape[1:]
    (1, 32, 32)
    """

    def shrink(index: int) -> NDArray[np.uint8] | None:
        try:
            picture = read_undamaged(pictures, index)
        except UnreadableImage:
            return None
        bright = correct_gamma(picture, gamma)
        return np.ascontiguousarray(area_resize(bright, (size, size)).transpose(2, 0, 1))

    with ThreadPoolExecutor(min(4, processors()), thread_name_prefix="shrink") as pool:
        found = list(pool.map(shrink, range(len(pictures))))
    kept = np.array([k for k, picture in enumerate(found) if picture is not None], np.int64)
    if not len(kept):
        raise UserError(f"none of the {len(pictures)} pictures of {pictures.spec} can be read.")
    return np.stack([picture for picture in found if picture is not None]), kept


class WholeStream(BatchStream[Batch]):
    """Batches of whole pictures that lie in memory, the same ones however they are computed.

    Every picture is shown once in each epoch, in a fresh order. The picture number k of a stream
    is a pure function of k, the seed and the pictures, so a stream that starts at step t continues
    one that stopped there.

    Args:
        pixels: uint8 (n, C, S, S).
        names: of the n pictures.
        batch_size: of all processes together.
        steps: iteration ends before this step.
        seed: which order, shifts and mirrorings.
        shift: each picture is moved by up to this many pixels either way, the pixels at its edge
            repeated.
        mirror: every second picture, by chance, is mirrored left to right.
        targets: float32 (n, …), what the network should return in the place of the pictures.
        start_step: iteration begins at this step.
        rank, world_size: this process among how many; `batch_size` must be a multiple.

    >>> pixels = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    >>> with WholeStream(pixels, list("abcd"), batch_size=2, steps=2, seed=0) as stream:
    ...     sorted(name for batch in stream for name in batch.names)
    ['a', 'b', 'c', 'd']
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        names: list[str],
        *,
        batch_size: int,
        steps: int,
        seed: int,
        shift: int = 0,
        mirror: bool = False,
        targets: NDArray[np.float32] | None = None,
        start_step: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not len(pixels):
            raise UserError("there are no pictures to train on.")
        super().__init__(
            batch_size=batch_size,
            steps=steps,
            start_step=start_step,
            rank=rank,
            world_size=world_size,
            workers=_WORKERS,
            thread_name="whole pictures",
        )
        self.seed = seed
        self.shift = shift
        self.mirror = mirror
        self._names = names
        self._targets = targets
        edges: Any = ((0, 0), (0, 0), (shift, shift), (shift, shift))
        self._size = pixels.shape[-1]
        self._padded = np.pad(pixels, edges, mode="edge") if shift else pixels
        self._orders: dict[int, NDArray[np.int64]] = {}

    def batch(self, step: int) -> Batch:
        """The batch of one step, computed here and now."""
        numbers = self.numbers(step)
        rows = np.array([self._row(number) for number in numbers.tolist()], np.int64)
        if self.shift:
            places = item_words(numbers, "shifts", self.seed)[:, :2] * (2 * self.shift + 1)
            size = self._size
            pixels = np.stack(
                [
                    self._padded[row, :, top : top + size, left : left + size]
                    for row, (top, left) in zip(rows, places.astype(np.int64), strict=True)
                ]
            )
        else:
            pixels = self._padded[rows]
        if self.mirror:
            turned = item_words(numbers, "mirrors", self.seed)[:, 0] < 0.5
            pixels[turned] = pixels[turned, :, :, ::-1]
        targets = None if self._targets is None else torch.from_numpy(self._targets[rows])
        names = [self._names[row] for row in rows.tolist()]
        return Batch(step, torch.from_numpy(pixels), names, targets)

    def _row(self, number: int) -> int:
        epoch, place = divmod(number, len(self._names))
        order = self._orders.get(epoch)
        if order is None:
            order = shuffled(len(self._names), "epoch", self.seed, epoch)
            self._orders = {
                **{k: v for k, v in self._orders.items() if k > epoch - 64},
                epoch: order,
            }
        return int(order[place])
