import numpy as np
import pytest

from snellen.datasets import open_pictures
from snellen.errors import UserError

from .helpers import noise


def saved(path, **arrays):
    np.savez(path, **arrays)
    return f"npz:{path}"


@pytest.mark.parametrize("shape", [(5, 20, 30), (5, 20, 30, 1), (5, 20, 30, 3)])
def test_images_come_back(tmp_path, shape):
    images = noise(*shape)
    channels = shape[3] if len(shape) == 4 else 1
    pictures = open_pictures(
        saved(tmp_path / "a.npz", images=images), channels=channels, min_side=8
    )
    assert len(pictures) == 5
    np.testing.assert_array_equal(pictures.read(3), images.reshape(5, 20, 30, channels)[3])


def test_channels_before_rows_are_understood(tmp_path):
    images = noise(5, 3, 20, 30)
    pictures = open_pictures(saved(tmp_path / "a.npz", images=images), channels=3, min_side=8)
    np.testing.assert_array_equal(pictures.read(0), images[0].transpose(1, 2, 0))


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_become_eight(tmp_path, dtype):
    images = np.full((2, 20, 20), 65535, dtype)
    pictures = open_pictures(saved(tmp_path / "a.npz", images=images), min_side=8)
    assert (pictures.read(0) == 255).all()


def test_a_compressed_archive_is_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", images=noise(2, 20, 20))
    assert len(open_pictures(f"npz:{tmp_path / 'a.npz'}", min_side=8)) == 2


def test_names_and_sources_are_taken(tmp_path):
    spec = saved(tmp_path / "a.npz", images=noise(3, 20, 20), names=list("abc"), sources=[7, 7, 8])
    pictures = open_pictures(spec, min_side=8)
    assert [pictures.name(k) for k in range(3)] == ["a", "b", "c"]
    assert [pictures.source(k) for k in range(3)] == ["7", "7", "8"]
    assert len(set(pictures.source_ids().tolist())) == 2


def test_without_names_pictures_are_numbered(tmp_path):
    pictures = open_pictures(saved(tmp_path / "a.npz", images=noise(3, 20, 20)), min_side=8)
    assert pictures.name(2) == "image-2"


def test_the_fingerprint_follows_the_pixels(tmp_path):
    images = noise(3, 20, 20)
    before = open_pictures(saved(tmp_path / "a.npz", images=images), min_side=8).fingerprint()
    images[1, 2, 3] ^= 1
    after = open_pictures(saved(tmp_path / "b.npz", images=images), min_side=8).fingerprint()
    assert before != after


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"pictures": noise(3, 20, 20)}, "has no array 'images'; it has pictures"),
        ({"images": np.zeros((3, 20, 20))}, "float64; need uint8"),
        ({"images": np.full((3, 20, 20), np.nan)}, "float64; need uint8"),
        ({"images": noise(3, 20, 20, 5)}, r"shape \(3, 20, 20, 5\)"),
        ({"images": noise(20, 20)}, r"shape \(20, 20\)"),
        ({"images": noise(0, 20, 20)}, "is empty"),
        ({"images": noise(3, 7, 20)}, "smaller than 8 pixels"),
        ({"images": noise(3, 20, 20), "names": ["a", "b"]}, r"'names' in .* need \(3,\)"),
        ({"images": noise(3, 20, 20), "names": ["a", "b", "a"]}, "names some pictures alike"),
    ],
)
def test_other_archives_are_refused(tmp_path, arrays, complaint):
    with pytest.raises(UserError, match=complaint):
        open_pictures(saved(tmp_path / "a.npz", **arrays), min_side=8)


def test_pickled_objects_are_never_loaded(tmp_path):
    spec = saved(tmp_path / "a.npz", images=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="cannot read"):
        open_pictures(spec)


def test_a_damaged_archive_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=noise(30, 20, 20))
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="damaged"):
        open_pictures(f"npz:{tmp_path / 'a.npz'}")


def test_a_single_array_is_no_archive(tmp_path):
    np.save(tmp_path / "a.npy", noise(3, 20, 20))
    with pytest.raises(UserError, match="single array"):
        open_pictures(f"npz:{tmp_path / 'a.npy'}")


def test_a_missing_archive_is_refused(tmp_path):
    with pytest.raises(UserError, match="no file"):
        open_pictures(f"npz:{tmp_path / 'a.npz'}")
