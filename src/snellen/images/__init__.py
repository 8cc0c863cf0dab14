"""Reading, converting, resizing and writing pictures as NumPy arrays."""

from snellen.images.brightness import correct_gamma
from snellen.images.colour import luma_y, rgb2ycbcr, to_channels, to_uint8, ycbcr2rgb
from snellen.images.files import (
    IMAGE_SUFFIXES,
    Header,
    UnreadableImage,
    from_pillow,
    is_image_name,
    read_header,
    read_image,
    write_png,
)
from snellen.images.resize import area_resize, bicubic_part, bicubic_resize, bicubic_taps

__all__ = [
    "IMAGE_SUFFIXES",
    "Header",
    "UnreadableImage",
    "area_resize",
    "bicubic_part",
    "bicubic_resize",
    "bicubic_taps",
    "from_pillow",
    "is_image_name",
    "luma_y",
    "read_header",
    "read_image",
    "rgb2ycbcr",
    "correct_gamma",
    "to_channels",
    "to_uint8",
    "write_png",
    "ycbcr2rgb",
]
