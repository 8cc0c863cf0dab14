"""A quick look into a picture file: sides, a digest of its content, and whether it is whole."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import IO

from snellen.images import UnreadableImage, read_header, read_image

__all__ = ["Found", "inspect", "whole_digest"]

_WHOLE = 1 << 16  # files up to this many bytes are digested as a whole
_PIECE = 1 << 12
_PIECES = 5
_TAIL = 1 << 12  # where the end mark of a file is looked for: some writers append to it

# The bytes without which a file of this format was cut short.
_END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


@dataclass(frozen=True)
class Found:
    """What a file turned out to be.

    Attributes:
        height, width: stored sides in pixels, 0 if unreadable.
        content: a digest of the content.
        reason: why it is unreadable, or "".
        lasting: whether that will still hold while the file stays the same.
    """

    height: int
    width: int
    content: int
    reason: str = ""
    lasting: bool = True


def inspect(path: bytes) -> Found:
    """Look at a file without decoding it, unless its end is missing.

    Only a file that lacks its format's end mark is decoded, to learn whether it is cut short. A
    file that is damaged inside is found when it is decoded.
    """
    name = os.fsdecode(path)
    content = 0
    try:
        header = read_header(name)
        with open(path, "rb") as file:
            content, tail = _digest(file)
        if _END_MARKS.get(header.format, b"") not in tail:
            read_image(name)
    except UnreadableImage as error:
        return Found(0, 0, content, error.reason, error.lasting)
    except OSError as error:
        return Found(0, 0, content, (error.strerror or str(error)).lower(), False)
    return Found(header.height, header.width, content)


def whole_digest(path: bytes) -> bytes:
    """A digest of every byte of a file; of the error, if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "blake2b").digest()
    except OSError as error:
        return f"unreadable: {error.errno}".encode()


def _digest(file: IO[bytes]) -> tuple[int, bytes]:
    """64 bits that tell files of different content apart, and the end of the file.

    Of a large file the size and five pieces spread over it are taken: enough to know copies of a
    photograph, at a cost that does not grow with the photograph.
    """
    size = file.seek(0, os.SEEK_END)
    digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=8)
    if size <= _WHOLE:
        file.seek(0)
        data = file.read()
        digest.update(data)
    else:
        for k in range(_PIECES):
            file.seek((size - _PIECE) * k // (_PIECES - 1))
            data = file.read(_PIECE)
            digest.update(data)
    return int.from_bytes(digest.digest(), "little"), data[-_TAIL:]
