"""Labelled demonstration data from photographs that ship with the dependencies: no download.

The light is made, not photographed: each crop is multiplied by a smooth ramp of brightness. It
shows that everything runs, and what a network can tell about such a ramp; it says nothing about
real scenes under real lights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.builtin import BuiltinPictures
from snellen.datasets.keys import digest_text, philox, shuffled, unit
from snellen.datasets.pictures import CachedPictures, Skipped, require_some
from snellen.images import area_resize
from snellen.images.colour import Pixels

__all__ = ["CROPS", "SIDE", "Light", "LitPhotographs"]

SIDE = 96
CROPS = 40
_SHORT = 2 * SIDE  # larger photographs are shrunk to this smaller side: a crop shows a good part
_WEAKEST, _STRONGEST = 0.2, 0.9
# Black and white of a photograph before it is lit: times 1 ± 0.9 they stay within 0..255.
_BLACK, _WHITE = 32.0, 128.0
_RECIPE = "lit photographs 1"


@dataclass(frozen=True)
class Light:
    """A made light.

    Attributes:
        azimuth: where the bright side is, in degrees from 0 to 360: 0 right, 90 up, 180 left.
        strength: the factor of brightness is 1 + strength in the corner on the bright side and
            1 - strength opposite, for a light along the diagonal; 0.2 to 0.9.
    """

    azimuth: float
    strength: float

    @staticmethod
    def of(photograph: str, crop: int) -> Light:
        """The light of a crop: a pure function of the photograph's name and the crop's number.

        >>> Light.of("moon", 3) == Light.of("moon", 3)
        True
        """
        turn, share = unit(philox("light", photograph, crop).random_raw(2)).tolist()
        return Light(360 * turn, _WEAKEST + (_STRONGEST - _WEAKEST) * share)

    def gain(self, side: int) -> NDArray[np.float64]:
        """Factors of brightness (side, side), from 1 - strength to 1 + strength.

        >>> right = Light(azimuth=0.0, strength=0.5).gain(3)
        >>> right[0].round(2).tolist()
        [0.65, 1.0, 1.35]
        """
        ramp = np.linspace(-1, 1, side)
        angle = math.radians(self.azimuth)
        # Rows count downwards; √2 is how far out the corners are.
        along = (ramp * math.cos(angle) - ramp[:, None] * math.sin(angle)) / math.sqrt(2)
        return 1 + self.strength * along


class LitPhotographs(CachedPictures):
    """Crops of the built-in photographs, each under a light of its own; see `open_labelled`.

    Of each photograph (one of a stereo pair) 40 crops of 96×96 pixels are cut at different places,
    after it has been shrunk by area to a smaller side of at most 192. Contrast is lowered first,
    so that no pixel saturates. Everything depends on the photograph's name, its size and the
    crop's number only. **The light is made**, not photographed. A source is a photograph.

    Attributes:
        lights: the light of each picture.

    Raises:
        UserError: `min_side` is above 96, or no photographs are installed.
    """

    def __init__(self, channels: int, min_side: int, cache_bytes: int) -> None:
        super().__init__("builtin", channels, min_side, cache_bytes)
        small = [Skipped("all", f"smaller than {min_side} pixels on a side", f"{SIDE}×{SIDE}")]
        require_some(int(min_side <= SIDE), self.spec, small)
        # It keeps no decoded photographs: the shrunk ones are kept here.
        self._whole = BuiltinPictures(channels, SIDE, cache_bytes=0)
        views = {self._whole.source(k): k for k in reversed(range(len(self._whole)))}
        self._views = sorted(views.values())
        self.lights = tuple(
            Light.of(self.source(index), index % CROPS) for index in range(len(self))
        )
        self._shrunk = cache(self._shrink)

    def __len__(self) -> int:
        return len(self._views) * CROPS

    def name(self, index: int) -> str:
        """See `Pictures`."""
        return f"{self.source(index)}-{index % CROPS:02d}"

    def source(self, index: int) -> str:
        """The photograph."""
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        return self._whole.name(self._views[index // CROPS])

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        photographs = [digest_text(self._whole.name(view)) for view in self._views]
        return np.repeat(np.array(photographs, np.uint64), CROPS)

    def fingerprint(self, *, whole: bool = False) -> str:
        """Of the photographs and of how they are cut and lit."""
        names = " ".join(self._whole.name(view) for view in self._views)
        parts = (_RECIPE, names, self._whole.fingerprint(whole=whole))
        return self._fingerprint(part.encode() for part in parts)

    @property
    def decoded_bytes(self) -> int:
        """See `Pictures`."""
        return len(self) * SIDE * SIDE * self.channels

    def _decode(self, index: int) -> Pixels:
        self.source(index)  # an index that is not there ends here
        picture, places = self._shrunk(self._views[index // CROPS])
        top, left = divmod(int(places[index % CROPS]), picture.shape[1] - SIDE + 1)
        crop = picture[top : top + SIDE, left : left + SIDE].astype(np.float64)
        gain = self.lights[index].gain(SIDE)[..., None]
        lit = (_BLACK + (_WHITE - _BLACK) / 255 * crop) * gain
        return np.rint(lit).astype(np.uint8)

    def _skipped_at_opening(self) -> list[Skipped]:
        return self._whole.skipped

    def _shrink(self, view: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """A photograph as it is cut, and where: places counted row by row."""
        picture = self._whole.read(view)
        height, width = picture.shape[:2]
        scale = min(1.0, _SHORT / min(height, width))
        picture = area_resize(picture, (round(height * scale), round(width * scale)))
        free = (picture.shape[0] - SIDE + 1) * (picture.shape[1] - SIDE + 1)
        # Only a photograph of hardly more than 96×96 has fewer places than crops.
        return picture, np.resize(shuffled(free, "places", self._whole.name(view)), CROPS)
