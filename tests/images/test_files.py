import errno
import os
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from snellen.errors import UserError
from snellen.images import UnreadableImage, is_image_name, read_header, read_image, write_png


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(2).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


# What comes back is what was stored.


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp", "ppm"])
def test_colour_of_eight_bits_comes_back(tmp_path, suffix):
    array = noise(13, 17, 3)
    path = saved(
        tmp_path / f"a.{suffix}", array, **({"lossless": True} if suffix == "webp" else {})
    )
    np.testing.assert_array_equal(read_image(path), array)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "pgm"])
def test_gray_of_eight_bits_comes_back(tmp_path, suffix):
    array = noise(13, 17)
    np.testing.assert_array_equal(read_image(saved(tmp_path / f"a.{suffix}", array)), array)


@pytest.mark.parametrize("shape", [(13, 17), (13, 17, 3)])
def test_png_of_sixteen_bits_comes_back(tmp_path, shape):
    array = noise(*shape, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(array))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), array)


@pytest.mark.parametrize("shape", [(13, 17), (13, 17, 3)])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
def test_tiff_of_sixteen_bits_comes_back(tmp_path, shape, byteorder, compression):
    array = noise(*shape, dtype=np.uint16)
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, array, byteorder=byteorder, compression=compression, photometric=photometric
    )
    result = read_image(path)
    np.testing.assert_array_equal(result, array)
    assert result.dtype == np.dtype("=u2")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_with_separate_planes_comes_back_interleaved(tmp_path, dtype):
    array = noise(3, 13, 17, dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), array.transpose(1, 2, 0))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_in_which_white_is_zero_is_inverted(tmp_path, dtype):
    array = noise(13, 17, dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.iinfo(dtype).max - array)


def test_the_first_page_of_a_tiff_is_read(tmp_path):
    pages = noise(3, 13, 17)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pages[0])


@pytest.mark.parametrize(("kind", "shape"), [("P5", (3, 2)), ("P6", (3, 2, 3))])
def test_netpbm_of_sixteen_bits_is_big_endian(tmp_path, kind, shape):
    array = noise(*shape, dtype=np.uint16)
    header = f"{kind}\n# a remark\n2 3\n65535\n".encode()
    (tmp_path / "a.pnm").write_bytes(header + array.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "a.pnm"), array)


def test_netpbm_with_a_maximum_of_its_own_is_stretched(tmp_path):
    data = np.array([0, 1, 1023], ">u2").tobytes()
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 1023\n" + data)
    assert read_image(tmp_path / "a.pgm").tolist() == [[0, 64, 65535]]


def test_netpbm_with_samples_above_its_maximum_is_refused(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 1023\n" + np.array([0, 1024], ">u2").tobytes())
    with pytest.raises(UnreadableImage, match="maximum of 1023"):
        read_image(tmp_path / "a.pgm")


def test_plain_netpbm_is_read(tmp_path):
    (tmp_path / "a.pgm").write_text("P2\n3 1\n255\n0 128 255\n")
    assert read_image(tmp_path / "a.pgm").tolist() == [[0, 128, 255]]


def test_a_palette_becomes_colour(tmp_path):
    array = noise(13, 17, 3) // 128 * 255
    image = Image.fromarray(array).quantize(8)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("transparent", [False, True])
def test_gif_is_a_palette_too(tmp_path, transparent):
    image = Image.fromarray(noise(13, 17, 3)).quantize(8)
    options = {"transparency": 3} if transparent else {}
    image.save(tmp_path / "a.gif", **options)
    result = read_image(tmp_path / "a.gif", alpha="keep")
    np.testing.assert_array_equal(result[..., :3], np.asarray(image.convert("RGB")))
    assert result.shape == (13, 17, 4 if transparent else 3)
    if transparent:
        np.testing.assert_array_equal(result[..., 3] == 0, np.asarray(image) == 3)


def test_the_first_picture_of_an_animated_gif_is_read(tmp_path):
    first, second = (Image.fromarray(noise(13, 17, 3)[::turn]).quantize(8) for turn in (1, -1))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    found = read_image(tmp_path / "a.gif")
    np.testing.assert_array_equal(found, np.asarray(first.convert("RGB")))


def test_one_bit_becomes_black_and_white(tmp_path):
    array = noise(13, 17) > 127
    Image.fromarray(array).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), array * np.uint8(255))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("shape", [(64, 72), (64, 72, 3)])
def test_jpeg_is_what_pillow_decodes(tmp_path, shape, progressive):
    path = saved(tmp_path / "a.jpg", noise(*shape), quality=80, progressive=progressive)
    np.testing.assert_array_equal(read_image(path), np.asarray(Image.open(path)))


def test_cmyk_jpeg_becomes_rgb(tmp_path):
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red.save(tmp_path / "a.jpg", quality=100, subsampling=0)
    result = read_image(tmp_path / "a.jpg")
    assert result.shape == (16, 16, 3)
    assert np.abs(result.astype(int) - [255, 0, 0]).max() < 6


def test_jpeg_with_bytes_after_its_end_is_read(tmp_path):
    path = saved(tmp_path / "a.jpg", noise(32, 32))
    before = read_image(path)
    path.write_bytes(path.read_bytes() + b"appended by a camera")
    np.testing.assert_array_equal(read_image(path), before)


def test_the_content_counts_and_not_the_suffix(tmp_path):
    array = noise(13, 17, 3)
    saved(tmp_path / "a.jpg", array, format="PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), array)


# Transparency.


def test_alpha_lies_over_white_unless_told_otherwise(tmp_path):
    array = noise(13, 17, 4)
    array[..., 3] = np.where(array[..., 3] > 127, 255, 0)
    result = read_image(saved(tmp_path / "a.png", array))
    expected = np.where(array[..., 3:] == 255, array[..., :3], 255)
    np.testing.assert_array_equal(result, expected)


def test_alpha_can_be_dropped_or_kept(tmp_path):
    array = noise(13, 17, 4)
    path = saved(tmp_path / "a.png", array)
    np.testing.assert_array_equal(read_image(path, alpha="drop"), array[..., :3])
    np.testing.assert_array_equal(read_image(path, alpha="keep"), array)


def test_gray_with_alpha_stays_gray(tmp_path):
    array = noise(13, 17, 2)
    path = saved(tmp_path / "a.png", array)
    assert read_image(path).shape == (13, 17)
    np.testing.assert_array_equal(read_image(path, alpha="keep"), array)


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_of_sixteen_bits_is_kept(tmp_path, channels):
    array = noise(13, 17, channels, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(array))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", alpha="keep"), array)


def test_a_transparent_level_of_sixteen_bits_is_alpha(tmp_path):
    array = noise(13, 17, dtype=np.uint16)
    array[3:5] = 1000
    Image.fromarray(array).save(tmp_path / "a.png", transparency=1000)
    found = read_image(tmp_path / "a.png", alpha="keep")
    np.testing.assert_array_equal(found[..., 0], array)
    np.testing.assert_array_equal(found[..., 1], np.where(array == 1000, 0, 65535))
    assert (read_image(tmp_path / "a.png")[3:5] == 65535).all()  # over white


def test_a_transparent_palette_entry_turns_white(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    result = read_image(tmp_path / "a.png")
    assert result[0, 0].tolist() == [200, 100, 50]
    assert result[1, 1].tolist() == [255, 255, 255]


def test_palette_entries_of_partial_transparency_are_mixed(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0])
    image.save(tmp_path / "a.png", transparency=bytes([51]))
    assert read_image(tmp_path / "a.png")[0, 0].tolist() == [204, 204, 204]


def test_a_transparent_colour_turns_white(tmp_path):
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.putpixel((0, 0), (9, 9, 9))
    image.save(tmp_path / "a.png", transparency=(1, 2, 3))
    result = read_image(tmp_path / "a.png")
    assert result[0, 0].tolist() == [9, 9, 9]
    assert result[1, 1].tolist() == [255, 255, 255]


def test_another_word_for_alpha_is_refused(tmp_path):
    with pytest.raises(ValueError, match="over-white"):
        read_image(saved(tmp_path / "a.png", noise(4, 4)), alpha="black")


# Orientation: what a viewer shows of a stored arrow.

SHOWN = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    array = np.repeat(np.repeat(noise(2, 3, 3), 16, 0), 16, 1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}
    saved(path, array, exif=exif, **options.get(suffix, {}))
    difference = read_image(path).astype(int) - SHOWN[orientation](array)
    assert np.abs(difference).max() <= (6 if suffix == "jpg" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_sixteen_bit_tiff_is_applied(tmp_path, orientation):
    array = noise(5, 7, 3, dtype=np.uint16)
    tag = (0x0112, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extratags=[tag])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), SHOWN[orientation](array))


def test_orientation_of_a_sixteen_bit_png_is_applied(tmp_path):
    array = noise(5, 7, 3, dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    data = bytes(imagecodecs.png_encode(array))
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), SHOWN[6](array))


def test_a_damaged_exif_block_does_not_cost_the_picture(tmp_path):
    path = saved(tmp_path / "a.jpg", noise(16, 16, 3), exif=b"Exif\0\0MM\0*\0\0\0\xff nonsense")
    assert read_image(path).shape == (16, 16, 3)


# Files that are no pictures.


def refusal(path, **options):
    with pytest.raises(UnreadableImage) as caught:
        read_image(path, **options)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, UserError)
    return caught.value.reason


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp", "ppm"])
def test_a_file_cut_short_is_refused(tmp_path, suffix, keep):
    path = saved(tmp_path / f"a.{suffix}", noise(64, 64, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    assert "truncated" in refusal(path) or "damaged" in refusal(path)


@pytest.mark.parametrize("kind", ["png", "tif", "pgm"])
def test_a_sixteen_bit_file_cut_short_is_refused(tmp_path, kind):
    array = noise(64, 64, 3, dtype=np.uint16)
    path = tmp_path / f"a.{kind}"
    if kind == "png":
        data = bytes(imagecodecs.png_encode(array))
    elif kind == "pgm":
        data = b"P6 64 64 65535\n" + array.astype(">u2").tobytes()
    else:
        tifffile.imwrite(path, array, photometric="rgb")
        data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "truncated" in refusal(path) or "damaged" in refusal(path)


def test_a_truncated_jpeg_is_called_truncated(tmp_path):
    path = saved(tmp_path / "a.jpg", noise(64, 64, 3))
    path.write_bytes(path.read_bytes()[:1500])
    assert refusal(path).startswith("the file is truncated")


def test_a_png_with_damaged_data_is_refused(tmp_path):
    path = saved(tmp_path / "a.png", noise(64, 64, 3))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert "damaged" in refusal(path) or "truncated" in refusal(path)


def test_a_text_named_png_is_no_image(tmp_path):
    (tmp_path / "a.png").write_text("this is no picture")
    assert refusal(tmp_path / "a.png").startswith("it is not an image")


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "a.png").touch()
    assert refusal(tmp_path / "a.png") == "the file is empty"


def test_a_single_pixel_is_no_picture(tmp_path):
    assert "1×1" in refusal(saved(tmp_path / "a.png", noise(1, 1, 3)))


def huge_png(path, width, height):
    """A PNG whose header promises far more than follows."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path):
    reason = refusal(huge_png(tmp_path / "a.png", 20_000, 20_000))
    assert reason == "it is 20000×20000, more than 200,000,000 pixels"


def test_the_limit_on_pixels_can_be_set(tmp_path):
    path = saved(tmp_path / "a.png", noise(10, 10))
    assert "more than 99 pixels" in refusal(path, max_pixels=99)
    assert read_image(path, max_pixels=100).shape == (10, 10)


def test_pillows_own_limit_is_not_in_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for suffix in ("png", "jpg", "tif", "bmp", "ppm"):
        assert read_image(saved(tmp_path / f"a.{suffix}", noise(16, 16))).shape == (16, 16)


def test_floating_point_samples_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.float32))
    assert "floating-point" in refusal(tmp_path / "a.tif")


def test_wide_samples_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint32))
    assert "32-bit" in refusal(tmp_path / "a.tif")


def test_more_than_four_channels_are_refused(tmp_path):
    array = noise(8, 8, 6)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", planarconfig="contig")
    assert "it has 6 channels; need gray or RGB, with or without alpha" in refusal(
        tmp_path / "a.tif"
    )


def test_a_disk_that_fails_is_not_the_picture_s_fault(tmp_path, monkeypatch):
    def failing(image, file):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("snellen.images.decoders.decode", failing)
    with pytest.raises(UnreadableImage, match="input/output error") as caught:
        read_image(saved(tmp_path / "a.png", noise(8, 8)))
    assert not caught.value.lasting


def test_a_truncated_file_stays_truncated(tmp_path):
    path = saved(tmp_path / "a.png", noise(64, 64))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UnreadableImage) as caught:
        read_image(path)
    assert caught.value.lasting


def test_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "no.png") == "there is no such file"


def test_a_folder_is_no_file(tmp_path):
    assert refusal(tmp_path) == "it is a folder"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert refusal(tmp_path / "a.png") == "it is not a regular file"


# Headers, names and writing.


def test_a_header_is_read_without_the_pixels(tmp_path):
    header = read_header(huge_png(tmp_path / "a.png", 20_000, 30_000))
    assert (header.height, header.width, header.format) == (30_000, 20_000, "PNG")


def test_the_header_of_a_text_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(UnreadableImage, match="not an image"):
        read_header(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "answer"),
    [("a.PNG", True), ("b/c.jpeg", True), (b"d.webp", True), ("a.txt", False), (".a.png", False)],
)
def test_names_of_pictures(name, answer):
    assert is_image_name(os.fsdecode(name)) is answer


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_a_written_png_reads_back(tmp_path, dtype, channels):
    array = noise(13, 17, *([channels] if channels else []), dtype=dtype)
    write_png(tmp_path / "new" / "a.png", array)
    result = read_image(tmp_path / "new" / "a.png", alpha="keep")
    np.testing.assert_array_equal(result, array[..., 0] if channels == 1 else array)


def test_writing_leaves_no_other_file(tmp_path):
    write_png(tmp_path / "a.png", noise(4, 4))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_floats_cannot_be_written(tmp_path):
    with pytest.raises(TypeError, match="float64"):
        write_png(tmp_path / "a.png", np.zeros((4, 4)))


@pytest.mark.parametrize("shape", [(4,), (0, 4), (4, 4, 5)])
def test_no_picture_cannot_be_written(tmp_path, shape):
    with pytest.raises(ValueError, match="shape"):
        write_png(tmp_path / "a.png", np.zeros(shape, np.uint8))


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_png(tmp_path / "a.png", noise(4, 4))
