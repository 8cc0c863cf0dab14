"""Random patches for super-resolution, in batches that depend on the seed and the step only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.datasets.batches import BatchStream, item_words
from snellen.datasets.patch_cache import MARGIN, PatchSource
from snellen.datasets.patch_cutting import cut_enlarged, cut_squares
from snellen.datasets.pictures import Skipped
from snellen.errors import UserError
from snellen.images.resize import bicubic_taps

__all__ = ["PatchBatch", "PatchOptions", "PatchStream"]


@dataclass(frozen=True)
class PatchOptions:
    """How patches are cut.

    >>> PatchOptions(size=48, inside=True)
    PatchOptions(size=48, flip=True, rotate=True, inside=True)

    Attributes:
        size: side of a target in pixels; with `inside` a multiple of the scale.
        flip: mirror every second patch, left to right, at random.
        rotate: turn patches by 0, 90, 180 or 270 degrees at random.
        inside: give the low-resolution patch itself, for networks that enlarge it inside, instead
            of its bicubic enlargement.

    Raises:
        UserError: `size` is below 1.
    """

    size: int
    flip: bool = True
    rotate: bool = True
    inside: bool = False

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"got size={self.size}; a patch needs a side of at least 1 pixel.")


@dataclass(frozen=True)
class PatchBatch:
    """One process's share of a training step.

    Attributes:
        step: which.
        pixels: the targets, Y as uint8, (n, 1, P, P).
        inputs: float32, 1 is white: bicubic enlargements (n, 1, P, P), not cut to 0..1; or
            low-resolution patches (n, 1, P/scale, P/scale).
        names: of the pictures that the patches are from.
    """

    step: int
    pixels: torch.Tensor
    inputs: torch.Tensor
    names: list[str]


class PatchStream(BatchStream[PatchBatch]):
    """Batches of random patches, the same ones however they are computed.

    Patch k of a stream is a pure function of k, the seed, the source and the options: each position
    on the low-resolution grid of each picture is as likely as any other, so that large pictures are
    seen more often, by their area. A stream that starts at step t continues one that stopped there;
    several processes see together exactly, and in order, what one process sees.

    An enlarged input equals the same cut of the whole enlarged picture bit for bit (for scales that
    are no powers of two but for the last digit of float32): it is made from the low-resolution
    pixels under the patch and the two beyond each side. Flips and rotations turn input and target
    alike.

    Iterating yields a `PatchBatch` per step, made ahead in one thread. Leaving the iteration early,
    the `with` block or `close` stops the thread.

    Args:
        source: prepared pictures.
        options: how to cut.
        batch_size: of all processes together.
        steps: iteration ends before this step.
        seed: which patches.
        start_step: iteration begins at this step.
        rank, world_size: this process among how many; `batch_size` must be a multiple.

    Raises:
        UserError: no picture is as large as a patch, a size that is no multiple of the scale with
            `inside`, or a batch that cannot be shared evenly.

    >>> from snellen.datasets.super_resolution import prepare_patches
    >>> source = prepare_patches(["builtin"], scale=4, protocol="poster")
    >>> with PatchStream(source, PatchOptions(48), batch_size=8, steps=2, seed=0) as stream:
    ...     [(batch.step, *batch.pixels.shape, *batch.inputs.shape) for batch in stream]
    [(0, 8, 1, 48, 48, 8, 1, 48, 48), (1, 8, 1, 48, 48, 8, 1, 48, 48)]
    """

    def __init__(
        self,
        source: PatchSource,
        options: PatchOptions,
        *,
        batch_size: int,
        steps: int,
        seed: int,
        start_step: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            steps=steps,
            start_step=start_step,
            rank=rank,
            world_size=world_size,
            workers=1,
            thread_name="patches",
        )
        self.source = source
        self.options = options
        self.seed = seed
        size, scale = options.size, source.scale
        if options.inside and size % scale:
            near = [size // scale * scale, -(-size // scale) * scale]
            raise UserError(
                f"a patch of {size} pixels is no multiple of the scale {scale}, which a network "
                f"that enlarges inside needs; choose {' or '.join(str(n) for n in near if n)}."
            )
        self._rows = np.maximum(0, (source.height - size) // scale + 1)
        self._columns = np.maximum(0, (source.width - size) // scale + 1)
        self._ends = np.cumsum(self._rows * self._columns)
        if not len(source) or not self._ends[-1]:
            largest = np.minimum(source.height, source.width).max(initial=0)
            raise UserError(
                f"no picture is as large as a patch of {size}×{size} pixels; the largest could "
                f"hold one of {largest}×{largest}."
            )
        self._low = source.data.view(np.float32)
        grid = -(-size // scale)
        self._window = grid + 2 * MARGIN
        index, weight = bicubic_taps(self._window, self._window * scale, scale)
        inner = slice(MARGIN * scale, MARGIN * scale + size)
        self._index, self._weight = index[inner], weight[inner]

    @property
    def too_small(self) -> list[Skipped]:
        """The pictures that are smaller than a patch, and therefore never seen."""
        size, source = self.options.size, self.source
        return [
            Skipped(
                source.names[k],
                f"smaller than a patch of {size} pixels",
                f"{source.width[k]}×{source.height[k]}",
            )
            for k in np.flatnonzero(self._rows * self._columns == 0).tolist()
        ]

    def batch(self, step: int) -> PatchBatch:
        """The batch of one step, computed here and now."""
        source, size = self.source, self.options.size
        words = item_words(self.numbers(step), "patches", self.seed)
        index, row, column = self._places(words[:, 0])
        codes = self._codes(words[:, 1])
        count, scale = len(index), source.scale
        pixels = np.empty((count, size, size), np.uint8)
        start = source.pixels_at[index] + scale * (row * source.width[index] + column)
        cut_squares(source.data, start, source.width[index], codes, pixels)
        low_width = source.width[index] // scale + 2 * MARGIN
        low_start = source.low_at[index] // self._low.itemsize + row * low_width + column
        if self.options.inside:
            inputs = np.empty((count, size // scale, size // scale), np.float32)
            low_start += MARGIN * (low_width + 1)
            cut_squares(self._low, low_start, low_width, codes, inputs)
        else:
            inputs = np.empty((count, size, size), np.float32)
            place = self._low, low_start, low_width, codes
            cut_enlarged(*place, self._index, self._weight, self._window, inputs)
        names = [source.names[k] for k in index.tolist()]
        return PatchBatch(
            step, torch.from_numpy(pixels[:, None]), torch.from_numpy(inputs[:, None]), names
        )

    def _places(
        self, word: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Picture, row and column on the low-resolution grid for numbers in [0, 1)."""
        # The last digit of a product just below the end may round up to it.
        place = np.minimum(word * self._ends[-1], self._ends[-1] - 1).astype(np.int64)
        index = np.searchsorted(self._ends, place, side="right").astype(np.int64, copy=False)
        inside = place - (self._ends[index] - self._rows[index] * self._columns[index])
        row, column = np.divmod(inside, self._columns[index])
        return index, row, column

    def _codes(self, word: NDArray[np.float64]) -> NDArray[np.int64]:
        """How each patch is turned, in the bits that `patch_cutting.orientation` reads."""
        eighth = (word * 8).astype(np.int64)
        codes = np.zeros(len(word), np.int64)
        if self.options.rotate:
            # By 0, 90, 180, 270 degrees: nothing, 1 and 4, 1 and 2, 2 and 4.
            codes = np.array([0, 5, 3, 6])[eighth & 3]
        if self.options.flip:
            # Mirrored first: as 1 and 2 are mirrored before 4 transposes, bit 1 changes.
            codes = codes ^ (eighth >> 2)
        return codes
