"""What is written strip by strip is what readers of others read."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from snellen.enlarging.canvas import Canvas
from snellen.enlarging.formats import FORMATS, format_of, refuse_unfit
from snellen.errors import UserError
from snellen.images import read_image
from snellen.images.metadata import Exif, read_metadata

from .helpers import picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = Exif(
    {0x010F: "Maker", 0x0112: 1, 0x013B: "Jos\xc3\xa9", 0x0131: "Snellen"},
    {0x9003: "2020:01:02 03:04:05", 0xA002: 270, 0x829A: (1, 50)},
    {1: "N", 2: (52.0, 30.0, 0.0)},
)


def written(suffix, pixels, icc=None, exif=None, height=77):
    form = format_of(suffix)
    canvas = Canvas(*pixels.shape, pixels.dtype)
    file = io.BytesIO()
    strips = (pixels[top : top + height] for top in range(0, len(pixels), height))
    complete = form.write(file, canvas, strips, icc, exif or Exif())
    return file.getvalue(), complete


def chunks(data):
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.pack(">I", zlib.crc32(kind + body)) == data[at + 8 + length :][:4]
        yield kind, body
        at += 12 + length


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("height", [1, 77, 1000])
def test_libpng_reads_what_we_write(dtype, channels, height):
    pixels = picture((150, 93, channels), dtype)
    data, complete = written(".png", pixels, height=height)
    read = imagecodecs.png_decode(data)
    np.testing.assert_array_equal(read.reshape(pixels.shape), pixels)
    assert complete


def test_every_filter_of_png_is_used_and_understood():
    flat = np.full((40, 60, 3), 7, np.uint8)
    noise = picture((40, 60, 3))
    y, x = np.mgrid[:40, :60]
    slope = np.repeat((2 * x + 3 * y)[..., None], 3, 2).astype(np.uint8)
    across = np.repeat(noise[:1], 40, 0)
    along = np.repeat(noise[:, :1], 60, 1)
    smooth = (np.cumsum(np.cumsum(noise % 5, 0), 1) // 40).astype(np.uint8)
    pixels = np.concatenate([flat, noise, slope, across, along, smooth])
    data, _ = written(".png", pixels)
    raw = zlib.decompress(b"".join(body for kind, body in chunks(data) if kind == b"IDAT"))
    filters = set(np.frombuffer(raw, np.uint8).reshape(240, 181)[:, 0].tolist())
    assert len(filters) >= 4
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)


def test_a_photograph_is_no_larger_than_with_libpngs_own_filters():
    y, x = np.mgrid[:300, :300]
    waves = 128 + 60 * np.sin(x / 40 + y / 90) + 40 * np.cos(x * y / 9000)
    pixels = (waves[..., None] * [0.9, 1, 0.7]).astype(np.uint8)
    assert len(written(".png", pixels)[0]) < 1.02 * len(imagecodecs.png_encode(pixels, level=4))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tifffile_reads_what_we_write(dtype, channels):
    pixels = picture((300, 270, channels), dtype)
    data, _ = written(".tif", pixels)
    read = tifffile.imread(io.BytesIO(data))
    if read.shape[-1] == 4 and channels == 2:  # Pillow reads no 16-bit gray with alpha
        read = read[..., [0, 3]]
    np.testing.assert_array_equal(read.reshape(pixels.shape), pixels)


def test_pillow_reads_our_tiff_through_libtiff():
    pixels = picture((300, 270, 4))
    data, _ = written(".tif", pixels)
    image = Image.open(io.BytesIO(data))
    assert image.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossy_formats_are_near(suffix, channels):
    y, x = np.mgrid[:120, :90]
    waves = 128 + 60 * np.sin(x / 14 + y / 9)
    pixels = (waves[..., None] * [0.9, 1, 0.7][:channels]).astype(np.uint8)
    read = Image.open(io.BytesIO(written(suffix, pixels)[0])).convert("RGB")
    assert np.abs(np.asarray(read).astype(int) - pixels).mean() < 2


def test_jpeg_has_quality_95_and_colour_at_full_resolution():
    image = Image.open(io.BytesIO(written(".jpg", picture((64, 64, 3)))[0]))
    reference = io.BytesIO()
    Image.new("RGB", (8, 8)).save(reference, "JPEG", quality=95)
    assert image.quantization == Image.open(reference).quantization
    assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3


def test_webp_keeps_alpha_exactly():
    pixels = picture((60, 50, 4))
    read = np.asarray(Image.open(io.BytesIO(written(".webp", pixels)[0])))
    np.testing.assert_array_equal(read[..., 3], pixels[..., 3])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_profile_and_exif_come_back(suffix, tmp_path):
    data, complete = written(suffix, picture((300, 270, 3)), PROFILE, EXIF)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    found = read_metadata(path)
    assert complete
    assert found.icc_profile == PROFILE
    assert found.exif.picture == EXIF.picture
    assert found.exif.photo == {**EXIF.photo, 0x829A: pytest.approx((1, 50))}
    assert found.exif.place == EXIF.place
    assert read_image(path).shape == (300, 270, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_text_of_exif_comes_back_byte_for_byte(suffix, tmp_path):
    """Written by hand: a camera's owner in UTF-8, and what is neither UTF-8 nor ASCII."""
    owner, datum = "Jürgen Müller".encode() + b"\0", b"Z\xfcrich\0"
    head = b"Exif\0\0II*\0\x08\0\0\0"
    first = struct.pack("<HHHIIHHIII", 2, 0x8769, 4, 1, 38, 0x8825, 4, 1, 56, 0)
    photo = struct.pack("<HHHIII", 1, 0xA430, 2, len(owner), 74, 0)
    place = struct.pack("<HHHIII", 1, 0x0012, 2, len(datum), 74 + len(owner), 0)
    block = head + first + photo + place + owner + datum
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=block)
    exif = read_metadata(tmp_path / "a.jpg").exif
    assert exif.photo[0xA430].encode("latin-1") == owner[:-1]
    data, complete = written(suffix, picture((64, 64, 3)), None, exif)
    (tmp_path / f"b{suffix}").write_bytes(data)
    assert complete
    assert owner in data
    assert read_metadata(tmp_path / f"b{suffix}").exif.photo == exif.photo
    assert read_metadata(tmp_path / f"b{suffix}").exif.place == exif.place


def test_exif_too_long_for_a_jpeg_loses_the_makers_note_first(tmp_path):
    exif = Exif(EXIF.picture, {**EXIF.photo, 0x927C: bytes(70_000)}, EXIF.place)
    data, complete = written(".jpg", picture((64, 64, 3)), None, exif)
    (tmp_path / "a.jpg").write_bytes(data)
    found = read_metadata(tmp_path / "a.jpg").exif
    assert not complete
    assert found.photo.keys() == EXIF.photo.keys()
    assert found.place == EXIF.place


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_exif_of_wrong_types_costs_the_exif_and_not_the_picture(suffix, tmp_path):
    exif = Exif({0x0131: "Snellen", 0x011A: "no number"}, {0x9003: object()}, {})
    data, complete = written(suffix, picture((64, 64, 3)), None, exif)
    (tmp_path / f"a{suffix}").write_bytes(data)
    assert not complete
    assert read_metadata(tmp_path / f"a{suffix}").exif.picture[0x0131] == "Snellen"


@pytest.mark.parametrize(
    ("name", "canvas", "words"),
    [
        ("a.jpg", Canvas(10, 10, 4, np.dtype(np.uint8)), "JPEG holds no transparency"),
        ("a.jpg", Canvas(10, 10, 3, np.dtype(np.uint16)), "16 bit, JPEG holds 8"),
        ("a.webp", Canvas(10, 10, 3, np.dtype(np.uint16)), "16 bit, WebP holds 8"),
        ("a.webp", Canvas(10, 20_000, 3, np.dtype(np.uint8)), "16,383 pixels along a side"),
        (
            "a.webp",
            Canvas(6000, 5001, 4, np.dtype(np.uint8)),
            "limited to 30,000,000 pixels.*30,006",
        ),
        ("a.jpg", Canvas(70_000, 10, 3, np.dtype(np.uint8)), "65,500 pixels along a side"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(name, canvas, words):
    with pytest.raises(UserError, match=words):
        refuse_unfit(format_of(name[1:]), canvas, Path(name))


def test_png_and_tiff_hold_everything():
    for form in (format_of(".png"), format_of(".tif")):
        refuse_unfit(form, Canvas(100_000, 10, 4, np.dtype(np.uint16)), Path("a"))


def test_webp_holds_large_pictures_without_alpha_and_smaller_ones_with():
    refuse_unfit(format_of(".webp"), Canvas(10_000, 10_000, 3, np.dtype(np.uint8)), Path("a"))
    refuse_unfit(format_of(".webp"), Canvas(6000, 5000, 4, np.dtype(np.uint8)), Path("a"))


def test_what_libwebp_refuses_is_one_sentence(monkeypatch):
    def fails(*_, **__):
        raise imagecodecs.WebpError("WebPEncode", "VP8_ENC_ERROR_PARTITION0_OVERFLOW")

    monkeypatch.setattr(imagecodecs, "webp_encode", fails)
    with pytest.raises(UserError, match=r"cannot write this picture .*OVERFLOW.*ends in \.png"):
        written(".webp", picture((64, 64, 3)))


def test_every_suffix_names_one_format():
    suffixes = [suffix for form in FORMATS for suffix in form.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert format_of(".JPEG").name == "JPEG"
