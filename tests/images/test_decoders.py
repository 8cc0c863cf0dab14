import numpy as np
import pytest
import tifffile

from snellen.images import read_image


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(2).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


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
