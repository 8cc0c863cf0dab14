"""Reading, converting, shrinking and writing pictures as NumPy arrays."""

from snellen.images.colour import to_channels, to_uint8
from snellen.images.files import (
    IMAGE_SUFFIXES,
    Header,
    UnreadableImage,
    is_image_name,
    read_header,
    read_image,
    write_png,
)
from snellen.images.resize import area_resize

__all__ = [
    "IMAGE_SUFFIXES",
    "Header",
    "UnreadableImage",
    "area_resize",
    "is_image_name",
    "read_header",
    "read_image",
    "to_channels",
    "to_uint8",
    "write_png",
]
