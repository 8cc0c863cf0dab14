"""What a picture is known by: a digest of its pixels, and how it looks from afar.

The look is a perceptual hash after Zauner's pHash (2010), kept as numbers instead of bits: the
lowest 8×8 frequencies of the picture brought to 32×32 (the mean left out), each multiplied by its
frequency. Natural pictures have amplitudes like 1/frequency, so that all then count alike; without
this, every two skies over dark ground look the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from snellen.datasets.pictures import Pictures, read_undamaged
from snellen.images import UnreadableImage, to_channels
from snellen.images.resize import bicubic_resize

__all__ = ["LOOK_LENGTH", "PictureHashes", "hash_pictures", "look", "pixel_digest", "turned_looks"]

_SIDE = 32
_FREQUENCIES = 8
_FLAT = 0.5  # gray levels of deviation below which there is nothing to recognise

LOOK_LENGTH = _FREQUENCIES**2
"""How many numbers a look has."""

_FREQUENCY = np.hypot(*np.mgrid[:_FREQUENCIES, :_FREQUENCIES])


@dataclass(frozen=True)
class PictureHashes:
    """Hashes of a set of pictures.

    Attributes:
        names: n names.
        digests: n digests of the decoded pixels, hexadecimal.
        looks: (n, 64), float32, of length 1; not a number for pictures without any structure.
    """

    names: list[str]
    digests: list[str]
    looks: NDArray[np.float32] = field(repr=False)

    @classmethod
    def of(cls, hashed: Sequence[tuple[str, str, NDArray[np.float32]]]) -> Self:
        """Put together name, digest and look of each picture."""
        looks = np.array([item[2] for item in hashed], np.float32).reshape(-1, LOOK_LENGTH)
        return cls([item[0] for item in hashed], [item[1] for item in hashed], looks)


def hash_pictures(pictures: Pictures) -> PictureHashes:
    """Decode every picture of a set once, and hash it; damaged ones are passed over.

    Raises:
        UserError: a file that cannot be read though it is not damaged.

    >>> from snellen.datasets import open_pictures
    >>> hashes = hash_pictures(open_pictures("builtin", channels=3))
    >>> hashes.names[0], hashes.looks.shape[1]
    ('astronaut', 64)
    """
    hashed = []
    for index in range(len(pictures)):
        try:
            picture = read_undamaged(pictures, index)
        except UnreadableImage:
            continue
        hashed.append((pictures.name(index), pixel_digest(picture), look(picture)))
    return PictureHashes.of(hashed)


def pixel_digest(picture: NDArray[np.uint8]) -> str:
    """128 bits of BLAKE2b of a picture's sides and pixels, hexadecimal; gray counts as colour."""
    digest = hashlib.blake2b(repr(picture.shape[:2]).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(to_channels(picture, 3)).data)
    return digest.hexdigest()


def look(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the perceptual hash of a picture.

    Two looks are compared by 1 - their inner product: 0 for copies, also after resizing, strong
    compression, a change of brightness or contrast or a turn to gray; near 1 for other pictures.

    Args:
        picture: (H, W), (H, W, 1) or (H, W, 3), uint8.

    Returns:
        (64,), float32, of length 1, or not a number where the picture is flat.

    >>> a = np.add.outer(np.arange(90) ** 2 % 251, np.arange(120)).astype(np.uint8)
    >>> float(look(a) @ look(a // 2 + 40)) > 0.99
    True
    """
    gray = to_channels(picture, 1)[..., 0]
    small = bicubic_resize(gray.astype(np.float32), (_SIDE, _SIDE))
    spectrum = scipy.fft.dctn(small.astype(np.float64), norm="ortho")
    low = spectrum[:_FREQUENCIES, :_FREQUENCIES]
    deviation = np.sqrt(np.sum(low**2) - low[0, 0] ** 2) / _SIDE
    weighted: NDArray[np.float64] = (low * _FREQUENCY).ravel()
    if not deviation >= _FLAT:
        weighted[:] = np.nan
    weighted /= np.linalg.norm(weighted)
    return weighted.astype(np.float32)


def turned_looks(looks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (8, n, 64): looks of the pictures as they are, and of their mirrors and rotations.

    A mirror changes the sign of every second frequency, a transposition exchanges the two axes.
    """
    planes = looks.reshape(-1, _FREQUENCIES, _FREQUENCIES)
    sign = np.where(np.arange(_FREQUENCIES) % 2, -1, 1).astype(np.float32)
    turned = [
        base * down[:, None] * across
        for base in (planes, planes.transpose(0, 2, 1))
        for down in (np.abs(sign), sign)
        for across in (np.abs(sign), sign)
    ]
    return np.stack(turned).reshape(8, -1, LOOK_LENGTH)
