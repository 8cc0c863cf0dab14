"""Enlarging a file: pixels, metadata, and what stands at the output already."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import ExifTags

from snellen.enlarging.canvas import Canvas
from snellen.enlarging.exif import enlarged_exif
from snellen.enlarging.formats import fitting_profile, format_of, refuse_unfit
from snellen.enlarging.methods import Enlarger
from snellen.enlarging.tiles import Watch, enlarged_strips, refuse_small
from snellen.errors import UserError
from snellen.files import atomic_path, shown
from snellen.images import UnreadableImage, read_header, read_image
from snellen.images.files import Refusals, opened
from snellen.images.metadata import Metadata, read_metadata, refuse_print_and_several

__all__ = ["Outcome", "enlarge_file"]

_AGAIN = "type the same again then: what is done is skipped"


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        done_before: whether the enlargement was there already, made in the same way.
        height, width: of the enlargement, in pixels.
        note: what the user should know, such as EXIF that could not be kept; mostly empty.
    """

    done_before: bool
    height: int
    width: int
    note: str = ""


def enlarge_file(
    source: Path,
    target: Path,
    enlarger: Enlarger,
    *,
    tile: int | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Outcome:
    """Enlarge a file; the format is that of `target`'s suffix.

    8 and 16 bit stay, as do gray, colour and alpha; palettes become colour, 1-bit pictures gray of
    8 bit. Colour profile and EXIF are kept: the orientation becomes upright because the pixels are
    turned, sizes are set right, a thumbnail is left out. The file says in EXIF's Software how and
    of what it was made, by digests of the weights and of `source`: one that says the same is left
    as it is. The output is there whole or not at all.

    Args:
        source: a picture.
        target: the file to write.
        enlarger: the method.
        tile: side of the tiles in pixels of the enlarged picture; None for the device's.
        force: overwrite whatever is at `target`.
        watch: told how far it is.

    Raises:
        UnreadableImage: a source that is no picture, is CMYK, or holds several pictures.
        UserError: something else is at `target`, or it cannot be written or hold the result; a
            picture smaller than the network's filters.
    """
    made_by = f"Snellen upscale x{enlarger.scale} {enlarger.name}"
    stamp = f"{made_by} of {_digest(source)}"
    if not force and os.path.lexists(target):
        return _found(target, made_by, stamp)
    metadata = read_metadata(source)
    refuse_print_and_several(source, metadata)
    pixels = read_image(source, alpha="keep")
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    canvas = Canvas(
        enlarger.scale * planes.shape[0],
        enlarger.scale * planes.shape[1],
        planes.shape[2],
        planes.dtype,
    )
    form = format_of(target.suffix)
    if form is None:
        raise UserError(f"cannot write {shown(target)}: its suffix names no format.")
    refuse_unfit(form, canvas, target)
    refuse_small(planes.shape[0], planes.shape[1], enlarger)
    exif = enlarged_exif(metadata.exif, (canvas.height, canvas.width), stamp)
    profile = fitting_profile(form, canvas, metadata.icc_profile)
    if watch is not None:
        watch.begin(canvas.height * canvas.width)
    _remove_leftovers(target)
    with atomic_path(target, again=_AGAIN) as temporary, _claimed(temporary) as file:
        strips = enlarged_strips(planes, enlarger, tile=tile, watch=watch)
        complete = form.write(file, canvas, strips, profile, exif)
    notes = _remarks(metadata)
    if not complete:
        notes.append("not all of its EXIF could be written again")
    if profile != metadata.icc_profile:
        notes.append(f"its colour profile is one of gray, and {form.name} stores it as RGB without")
    return Outcome(False, canvas.height, canvas.width, "; ".join(notes))


def _remarks(metadata: Metadata) -> list[str]:
    """What of the original will not be in the enlargement."""
    remarks = []
    if metadata.format == "JPEG" and metadata.pictures > 1:
        remarks.append(f"it holds {metadata.pictures} pictures (MPO), the first is enlarged")
    if metadata.unread_channels:
        remarks.append(
            "its extra channel, which is no transparency, is not kept"
            if metadata.unread_channels == 1
            else f"its {metadata.unread_channels} extra channels are not kept"
        )
    return remarks


def _digest(path: Path) -> str:
    """Twelve hexadecimal digits of a file's bytes."""
    with opened(path) as file, Refusals(path):
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _found(target: Path, made_by: str, stamp: str) -> Outcome:
    """Take what is at the target for done, or refuse to overwrite it."""
    try:
        header = read_header(target)
        software = str(read_metadata(target).exif.picture.get(ExifTags.Base.Software, ""))
    except UnreadableImage:
        why = "is no picture of ours"
    else:
        if software == stamp:
            return Outcome(True, header.height, header.width)
        if software.startswith(f"{made_by} of "):
            why = "was made of another picture, or before this one was changed"
        else:
            why = "was made in another way"
    raise UserError(
        f"{shown(target)} is there already and {why}: add --force to overwrite it, or, to make only"
        " this one anew, remove it and type the same again."
    )


@contextmanager
def _claimed(path: Path) -> Iterator[IO[bytes]]:
    """A new file, locked for as long as it is open."""
    while True:
        with path.open("wb") as file:
            # Another run may take a file that is not locked yet for a leftover, and delete it.
            if _claim(file, wait=True) and not _is_at(file, path):
                continue
            yield file
            return


def _is_at(file: IO[bytes], path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    return False


def _claim(file: IO[bytes], *, wait: bool = False) -> bool:
    """Lock a file for as long as it is open; False if another process has it, or none can."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # BlockingIOError, or a file system without locks
        return False
    return True


def _remove_leftovers(target: Path) -> None:
    """Delete what a killed run has left of this very file, and nothing that a live one writes."""
    if not target.parent.is_dir():
        return
    with os.scandir(target.parent) as entries:
        left = [e for e in entries if e.name.startswith(".tmp-") and e.name[14:] == target.name]
    for entry in left:
        with suppress(OSError), Path(entry.path).open("rb") as file:
            if _claim(file):
                Path(entry.path).unlink()
