import numpy as np
import pytest

from snellen.datasets import open_pictures, split
from snellen.errors import UserError

from .helpers import noise


def official(folder, **counts):
    """Write files in the official layout; return the pictures as (N, 96, 96, 3)."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for seed, (part, count) in enumerate(counts.items()):
        pictures = noise(count, 96, 96, 3, seed=seed)
        # Each plane is stored column after column, as MATLAB does.
        planes = [picture[..., c].tobytes("F") for picture in pictures for c in range(3)]
        (folder / f"{part}_X.bin").write_bytes(b"".join(planes))
        written[part] = pictures
    return written


@pytest.mark.parametrize("below", ["", "stl10_binary"])
def test_pictures_come_back_upright(tmp_path, below):
    written = official(tmp_path / below, train=3, test=2, unlabeled=4)
    pictures = open_pictures(f"stl10:{tmp_path}", channels=3)
    assert len(pictures) == 9
    np.testing.assert_array_equal(pictures.read(1), written["train"][1])
    np.testing.assert_array_equal(pictures.read(4), written["test"][1])
    np.testing.assert_array_equal(pictures.read(8), written["unlabeled"][3])


def test_gray_is_the_default(tmp_path):
    official(tmp_path, train=1)
    assert open_pictures(f"stl10:{tmp_path}").read(0).shape == (96, 96, 1)


def test_one_part_alone_will_do(tmp_path):
    official(tmp_path, unlabeled=2)
    pictures = open_pictures(f"stl10:{tmp_path}")
    assert [pictures.name(k) for k in range(2)] == ["unlabeled/000000", "unlabeled/000001"]


def test_every_picture_is_a_source(tmp_path):
    official(tmp_path, train=3, test=2)
    pictures = open_pictures(f"stl10:{tmp_path}")
    assert len(set(pictures.source_ids().tolist())) == 5


def test_a_thousand_pictures_are_held_out_by_default(tmp_path):
    # A sparse file stands in for the real one.
    with (tmp_path / "unlabeled_X.bin").open("wb") as file:
        file.truncate(1100 * 3 * 96 * 96)
    parts = split(open_pictures(f"stl10:{tmp_path}"))
    assert (len(parts.train), len(parts.held_out)) == (100, 1000)


def test_the_fingerprint_follows_the_files(tmp_path):
    official(tmp_path / "a", train=3)
    official(tmp_path / "b", train=2)
    prints = {open_pictures(f"stl10:{tmp_path / name}").fingerprint() for name in "ab"}
    assert len(prints) == 2


def test_the_whole_fingerprint_sees_every_picture(tmp_path):
    official(tmp_path, train=100)
    before = [open_pictures(f"stl10:{tmp_path}").fingerprint(whole=whole) for whole in (0, 1)]
    data = bytearray((tmp_path / "train_X.bin").read_bytes())
    data[27_648] ^= 1  # in picture 1, which is not among the 64 of the sample
    (tmp_path / "train_X.bin").write_bytes(data)
    after = [open_pictures(f"stl10:{tmp_path}").fingerprint(whole=whole) for whole in (0, 1)]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_file_cut_short_is_refused(tmp_path):
    official(tmp_path, train=2)
    data = (tmp_path / "train_X.bin").read_bytes()
    (tmp_path / "train_X.bin").write_bytes(data[:-1])
    with pytest.raises(UserError, match="not a multiple of 27,648"):
        open_pictures(f"stl10:{tmp_path}")


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"need train_X\.bin"):
        open_pictures(f"stl10:{tmp_path}")


def test_a_packed_archive_is_to_be_unpacked(tmp_path):
    (tmp_path / "stl10_binary.tar.gz").touch()
    with pytest.raises(UserError, match="tar -xzf"):
        open_pictures(f"stl10:{tmp_path}")


def test_crops_larger_than_the_pictures_are_refused(tmp_path):
    official(tmp_path, train=1)
    with pytest.raises(UserError, match="smaller than 128 pixels"):
        open_pictures(f"stl10:{tmp_path}", min_side=128)


def test_a_picture_that_is_not_there_is_an_index_error(tmp_path):
    official(tmp_path, train=1)
    with pytest.raises(IndexError):
        open_pictures(f"stl10:{tmp_path}").read(1)
