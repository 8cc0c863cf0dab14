import numpy as np
import pytest
import tifffile
from PIL import Image

from snellen.images import UnreadableImage, read_header, read_image


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(2).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def refusal(path, **options):
    with pytest.raises(UnreadableImage) as caught:
        read_image(path, **options)
    assert str(path) in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 2), (np.uint8, 4), (np.uint16, 4)])
def test_a_tiff_of_premultiplied_colours_is_read_as_its_straight_ones(
    tmp_path, dtype, channels, planar
):
    most = np.iinfo(dtype).max
    straight = noise(13, 17, channels, dtype=dtype)
    straight[:3, :, -1], straight[3:6, :, -1] = 0, most
    alpha = straight[..., -1:] / most
    held = np.concatenate([np.round(straight[..., :-1] * alpha), straight[..., -1:]], -1)
    stored = np.moveaxis(held, -1, 0) if planar == "separate" else held
    for kind in ("assocalpha", "unassalpha"):
        tifffile.imwrite(
            tmp_path / f"{kind}.tif",
            stored.astype(dtype),
            photometric="rgb" if channels == 4 else "minisblack",
            planarconfig=planar,
            extrasamples=[kind],
        )
    found = read_image(tmp_path / "assocalpha.tif", alpha="keep")
    # What was rounded to a level of the product is known to half a level of it.
    error = np.abs(found[..., :-1].astype(float) - straight[..., :-1]) * alpha
    assert error.max() <= 0.5 + 0.5 * alpha.max()
    np.testing.assert_array_equal(found[3:6], straight[3:6])
    np.testing.assert_array_equal(found[..., -1], straight[..., -1])
    assert not found[:3].any()
    # Over white, the product is all that is needed.
    over = np.round(held[..., :-1] + (1 - alpha) * most).squeeze()
    shown = read_image(tmp_path / "assocalpha.tif").astype(float)
    assert np.abs(shown - over).max() <= 1
    np.testing.assert_array_equal(
        read_image(tmp_path / "unassalpha.tif", alpha="keep"), held.astype(dtype)
    )


def test_premultiplied_colours_above_their_alpha_are_cut_off(tmp_path):
    array = np.full((4, 5, 4), 200, np.uint8)
    array[..., 3] = 100
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["assocalpha"])
    assert (read_image(tmp_path / "a.tif", alpha="keep")[..., :3] == 255).all()


def test_colour_of_floating_point_tiff_is_called_so(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(8, 8, 3).astype(np.float32), photometric="rgb")
    assert "it holds 32-bit floating-point numbers; need 8 or 16 bit" in refusal(tmp_path / "a.tif")


def test_a_kind_of_pixels_that_nobody_reads_is_named(tmp_path):
    lab = noise(8, 8, 3, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", lab, photometric="cielab")
    sentence = refusal(tmp_path / "a.tif")
    assert "its pixels are CIELAB of 16 bit in 3 channels; need gray or RGB of 8 or" in sentence


@pytest.mark.parametrize("plane", ["contig", "separate"])
def test_gray_with_alpha_of_sixteen_bits_is_read_from_a_tiff(tmp_path, plane):
    array = noise(13, 17, 2, dtype=np.uint16)
    stored = np.moveaxis(array, -1, 0) if plane == "separate" else array
    options = {"photometric": "minisblack", "planarconfig": plane, "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", alpha="keep"), array)
    assert read_header(tmp_path / "a.tif").width == 17


@pytest.mark.parametrize("plane", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("channels", "kind"), [(1, "minisblack"), (3, "rgb")])
def test_a_channel_that_a_tiff_does_not_specify_is_no_transparency(
    tmp_path, plane, dtype, channels, kind
):
    array = noise(13, 17, channels + 1, dtype=dtype)
    array[:5, :, -1] = 0
    stored = np.moveaxis(array, -1, 0) if plane == "separate" else array
    options = {"photometric": kind, "planarconfig": plane, "extrasamples": ["unspecified"]}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    for alpha in ("keep", "over-white"):
        found = read_image(tmp_path / "a.tif", alpha=alpha)
        np.testing.assert_array_equal(found, array[..., :-1].squeeze())


def test_alpha_beside_an_unspecified_channel_is_found(tmp_path):
    array = noise(13, 17, 3)
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(
        tmp_path / "a.tif", array, extrasamples=["unspecified", "unassalpha"], **options
    )
    found = read_image(tmp_path / "a.tif", alpha="keep")
    np.testing.assert_array_equal(found, array[..., [0, 2]])


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("AVIF", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1"),
        ("AVIF", b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("HEIC", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"),
        ("HEIF", b"\0\0\0\x14ftypmif1\0\0\0\0mif1"),
        ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
        ("JPEG 2000", b"\xff\x4f\xff\x51\0"),
        ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n"),
        ("JPEG XL", b"\xff\x0a\xfa"),
        ("ICO", b"\0\0\1\0\2\0\x10\x10\0\0\1\0"),
        ("PSD", b"8BPS\0\1"),
    ],
)
def test_a_known_kind_that_is_not_read_is_named(tmp_path, kind, start):
    (tmp_path / "a").write_bytes(start.ljust(100, b"\0"))
    sentence = f"it is {kind}, which is not read: save it as PNG or JPEG"
    assert sentence in refusal(tmp_path / "a")


@pytest.mark.parametrize("start", [b"\0\0\1\0\0\0\1", b"\0\0\0\x18ftypmp42\0\0\0\0isom"])
def test_what_begins_nearly_so_is_no_image(tmp_path, start):
    (tmp_path / "a").write_bytes(start.ljust(100, b"\0"))
    assert "it is not an image (none of PNG" in refusal(tmp_path / "a")


def test_icons_and_others_of_pillow_are_known_by_their_bytes(tmp_path):
    image = Image.new("RGB", (32, 32))
    for suffix, kind in ((".ico", "ICO"), (".avif", "AVIF"), (".jp2", "JPEG 2000")):
        if suffix in Image.registered_extensions():
            image.save(tmp_path / f"a{suffix}")
            assert f"it is {kind}" in refusal(tmp_path / f"a{suffix}")
