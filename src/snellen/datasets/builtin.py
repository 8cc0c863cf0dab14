"""The photographs that ship inside scikit-image and scikit-learn: no download, no network."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.inspection import inspect, whole_digest
from snellen.datasets.keys import digest_text
from snellen.datasets.pictures import CachedPictures, Skipped, require_some, skipped_for, unfit
from snellen.images import UnreadableImage, read_header, read_image
from snellen.images.colour import Pixels

__all__ = ["PHOTOGRAPHS", "BuiltinPictures", "Photograph"]


@dataclass(frozen=True)
class Photograph:
    """One file inside an installed package; `scene` is shared by views of the same thing."""

    name: str
    package: str
    file: str
    scene: str


def _skimage(name: str, suffix: str = "png", scene: str = "") -> Photograph:
    return Photograph(name, "skimage", f"data/{name}.{suffix}", scene or name)


def _sklearn(name: str) -> Photograph:
    return Photograph(name, "sklearn", f"datasets/images/{name}.jpg", name)


# Everything in the wheels of scikit-image 0.26 and scikit-learn 1.9 that a lens has formed,
# through a telescope or a microscope too. Left out: drawings, logos and charts (chessboard,
# color, horse, logo, phantom), text (page, text), a computed phase map (cell), faces of 25×25
# pixels (lfw_subset) and test files (multipage, no_time_for_that_tiny).
PHOTOGRAPHS = (
    _skimage("astronaut"),
    _skimage("brick"),
    _skimage("camera"),
    _skimage("chelsea"),
    _skimage("clock_motion"),
    _skimage("coffee"),
    _skimage("coins"),
    _skimage("grass"),
    _skimage("gravel"),
    _skimage("hubble_deep_field", "jpg"),
    _skimage("ihc"),
    _skimage("microaneurysms"),
    _skimage("moon"),
    _skimage("motorcycle_left", scene="motorcycle"),  # a stereo pair: two views, one scene
    _skimage("motorcycle_right", scene="motorcycle"),
    _skimage("retina", "jpg"),
    _skimage("rocket", "jpg"),
    _sklearn("china"),
    _sklearn("flower"),
)


class BuiltinPictures(CachedPictures):
    """`PHOTOGRAPHS`, as far as the installed packages have them; see `open_pictures`."""

    def __init__(self, channels: int, min_side: int, cache_bytes: int) -> None:
        super().__init__("builtin", channels, min_side, cache_bytes)
        self._left_out: list[Skipped] = []
        self._photographs: list[tuple[Photograph, Path]] = []
        for photograph in PHOTOGRAPHS:
            if (reason := self._why_not(photograph)) is not None:
                self._left_out.append(skipped_for(photograph.name, reason))
            else:
                self._photographs.append((photograph, _path(photograph)))
        require_some(len(self), self.spec, self._left_out)

    def __len__(self) -> int:
        return len(self._photographs)

    def name(self, index: int) -> str:
        """See `Pictures`."""
        return self._photographs[index][0].name

    def source(self, index: int) -> str:
        """See `Pictures`."""
        return self._photographs[index][0].scene

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        scenes = [digest_text(photograph.scene) for photograph, _ in self._photographs]
        return np.array(scenes, np.uint64)

    def fingerprint(self, *, whole: bool = False) -> str:
        """See `Pictures`."""
        return self._fingerprint(
            f"{photograph.name} {_content(os.fsencode(path), whole)}".encode()
            for photograph, path in self._photographs
        )

    def _decode(self, index: int) -> Pixels:
        return read_image(self._photographs[index][1])

    def _skipped_at_opening(self) -> list[Skipped]:
        return list(self._left_out)

    def _why_not(self, photograph: Photograph) -> str | None:
        try:
            header = read_header(_path(photograph))
        except UnreadableImage as error:
            return f"not in the installed {photograph.package} ({error.reason})"
        return unfit(header.height, header.width, self.min_side)


def _content(path: bytes, whole: bool) -> int | str:
    return whole_digest(path).hex() if whole else inspect(path).content


def _path(photograph: Photograph) -> Path:
    # Looking the package up does not import it: scikit-learn alone would take a second.
    spec = importlib.util.find_spec(photograph.package)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0] if places else f"<no {photograph.package}>") / photograph.file
