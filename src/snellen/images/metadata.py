"""What a picture file says beside its pixels: colour profile, EXIF, how many pictures it holds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import IO, Any

from PIL import ExifTags, Image, ImageFile, JpegImagePlugin

from snellen.images import decoders
from snellen.images.files import Refusals, UnreadableImage, opened

__all__ = ["Exif", "Metadata", "read_metadata", "refuse_print_and_several"]

# EXIF's own tags of the picture; in a TIFF they stand among those that describe its storage.
_OF_PICTURE = frozenset(
    {
        ExifTags.Base.ImageDescription,
        ExifTags.Base.Make,
        ExifTags.Base.Model,
        ExifTags.Base.Orientation,
        ExifTags.Base.XResolution,
        ExifTags.Base.YResolution,
        ExifTags.Base.ResolutionUnit,
        ExifTags.Base.Software,
        ExifTags.Base.DateTime,
        ExifTags.Base.Artist,
        ExifTags.Base.HostComputer,
        ExifTags.Base.Rating,
        ExifTags.Base.RatingPercent,
        ExifTags.Base.Copyright,
        ExifTags.Base.XPTitle,
        ExifTags.Base.XPComment,
        ExifTags.Base.XPAuthor,
        ExifTags.Base.XPKeywords,
        ExifTags.Base.XPSubject,
    }
)
# Points to a directory of its own, which a copy would have to carry along.
_INTEROPERABILITY = 0xA005
_NUMBER_OF_IMAGES = 0xB001  # CIPA DC-007, Multi-Picture Format


@dataclass(frozen=True)
class Exif:
    """EXIF by tag number.

    Attributes:
        picture: of the picture itself, such as orientation, camera and copyright.
        photo: how it was taken (the Exif directory).
        place: where (the GPS directory).
    """

    picture: dict[int, Any] = field(default_factory=dict)
    photo: dict[int, Any] = field(default_factory=dict)
    place: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels.

    Attributes:
        format: PNG, JPEG, WEBP, TIFF, GIF, BMP or PPM, by content.
        mode: Pillow's name for the kind of its pixels, such as RGB or CMYK.
        pictures: frames of an animation, pages of a document, or pictures of a JPEG that holds more
            than one (MPO, as phones write it); 1 for a picture.
        icc_profile: the embedded colour profile, None if there is none.
        exif: what EXIF says; the thumbnail is left out.
        unread_channels: of a TIFF, those that are neither colour nor alpha.
    """

    format: str
    mode: str
    pictures: int
    icc_profile: bytes | None
    exif: Exif
    unread_channels: int = 0


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Read what a file says beside its pixels. Damaged EXIF counts as none.

    Raises:
        UnreadableImage: no file, no permission, not an image, or a header that is damaged.
    """
    with opened(path) as file, Refusals(path):
        image = decoders.open_by_content(file)
        # A TIFF's tags are read while it is open, so EXIF comes before tifffile moves in it.
        exif = _read_exif(image)
        profile = image.info.get("icc_profile")
        pictures, unread = _of_tiff(file) if image.format == "TIFF" else (_pictures(image), 0)
        return Metadata(
            image.format or "",
            image.mode,
            pictures,
            profile if isinstance(profile, bytes) and profile else None,
            exif,
            unread,
        )


def refuse_print_and_several(path: str | os.PathLike[str], metadata: Metadata) -> None:
    """Refuse what is no single picture for a screen.

    Raises:
        UnreadableImage: it is CMYK, an animation, or has several pages.
    """
    if metadata.mode == "CMYK":
        raise UnreadableImage(path, "it is CMYK, meant for print: convert it to RGB first")
    # Of a JPEG with several, as phones write it (MPO), the first is the picture.
    if metadata.pictures > 1 and metadata.format != "JPEG":
        what = "pages" if metadata.format == "TIFF" else "frames"
        raise UnreadableImage(
            path,
            f"it holds {metadata.pictures} {what}: save the one that you want as a file of its own",
        )


def _read_exif(image: Image.Image) -> Exif:
    try:
        exif = image.getexif()
        photo = dict(exif.get_ifd(ExifTags.IFD.Exif))
        place = dict(exif.get_ifd(ExifTags.IFD.GPSInfo))
        picture = {tag: value for tag, value in exif.items() if tag in _OF_PICTURE}
    except Exception:  # decoders of damaged blocks throw nearly everything; the picture is good
        return Exif()
    photo.pop(_INTEROPERABILITY, None)
    return Exif(picture, photo, place)


def _pictures(image: ImageFile.ImageFile) -> int:
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return int(getattr(image, "n_frames", 1))
    try:
        return int((image._getmp() or {}).get(_NUMBER_OF_IMAGES, 1))
    except Exception:  # of a damaged list; the first picture is good
        return 1


def _of_tiff(file: IO[bytes]) -> tuple[int, int]:
    """How many pictures there are, and how many channels of the first are not read."""
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file, name="image") as tiff:
        first = tiff.pages.first
        count = first.samplesperpixel
        kept = decoders.kept_channels(count, tuple(map(int, first.extrasamples)))
        # Smaller copies of the first page are no pictures of their own.
        pictures = sum(not getattr(page, "is_reduced", False) for page in tiff.pages)
    return pictures, count - len(kept)
