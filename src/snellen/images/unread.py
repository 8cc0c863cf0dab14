"""Kinds of pictures that are known but not read, by the first bytes of a file."""

from __future__ import annotations

__all__ = ["START", "unread_kind"]

START = 64
"""How many bytes `unread_kind` looks at, at most."""

_STARTS = (
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "PSD"),
)
# Brands of ISO/IEC 23008-12 (HEIF). mif1 and msf1 are neither: the next brands say what is inside.
_BRANDS = {
    "AVIF": (b"avif", b"avis"),
    "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    "HEIF": (b"mif1", b"msf1"),
}


def unread_kind(start: bytes) -> str | None:
    r"""Return the name of a kind of pictures that is not read; None for all other files.

    >>> unread_kind(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), unread_kind(b"hello")
    ('HEIC', None)
    """
    for beginning, name in _STARTS:
        if start.startswith(beginning):
            return name
    if start[4:8] == b"ftyp":
        length = min(int.from_bytes(start[:4]), START)
        brands = [start[8:12], *(start[at : at + 4] for at in range(16, length, 4))]
        return next((k for k, names in _BRANDS.items() if any(b in names for b in brands)), None)
    # Four bytes are few, so two more that are always 0 are looked at, and the number of pictures.
    is_icon = start[:4] == b"\0\0\1\0" and start[4:5] != b"\0" and start[5:10:4] == b"\0\0"
    return "ICO" if is_icon else None
