import numpy as np
import pytest

from snellen.datasets import open_labelled, open_pictures
from snellen.datasets.cifar10 import Cifar10Pictures
from snellen.datasets.labels import fingerprint
from snellen.errors import UserError

from .helpers import noise

OFFICIAL = ["airplane", "automobile", "bird", "cat", "deer"]
OFFICIAL += ["dog", "frog", "horse", "ship", "truck"]


def official(folder, *, names=(), **labels):
    """Write files in the official layout; return the pictures as (N, 32, 32, 3)."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for seed, (part, classes) in enumerate(labels.items()):
        pictures = noise(len(classes), 32, 32, 3, seed=seed)
        records = [
            bytes([label]) + picture.transpose(2, 0, 1).tobytes()
            for label, picture in zip(classes, pictures, strict=True)
        ]
        (folder / f"{part}.bin").write_bytes(b"".join(records))
        written[part] = pictures
    if names:
        (folder / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    return written


def opened(folder, channels=3):
    return open_pictures(f"cifar10:{folder}", channels=channels, min_side=32)


@pytest.mark.parametrize("below", ["", "cifar-10-batches-bin"])
def test_pictures_come_back_upright_and_in_order(tmp_path, below):
    written = official(tmp_path / below, test_batch=[7], data_batch_1=[1, 2, 3], data_batch_5=[4])
    pictures = opened(tmp_path)
    assert len(pictures) == 5
    np.testing.assert_array_equal(pictures.read(1), written["data_batch_1"][1])
    np.testing.assert_array_equal(pictures.read(3), written["data_batch_5"][0])
    np.testing.assert_array_equal(pictures.read(4), written["test_batch"][0])
    assert isinstance(pictures, Cifar10Pictures)
    assert pictures.labels.tolist() == [1, 2, 3, 4, 7]


def test_gray_is_the_default(tmp_path):
    official(tmp_path, data_batch_2=[0])
    assert open_pictures(f"cifar10:{tmp_path}", min_side=32).read(0).shape == (32, 32, 1)


def test_names_and_sources_are_unique(tmp_path):
    official(tmp_path, data_batch_1=[0, 1], test_batch=[2, 3])
    pictures = opened(tmp_path)
    assert [pictures.name(k) for k in (1, 2)] == ["data_batch_1/00001", "test_batch/00000"]
    assert len(set(pictures.source_ids().tolist())) == 4


def test_the_class_is_a_column_with_the_official_names(tmp_path):
    official(tmp_path, data_batch_1=[9, 3, 3, 9, 0, 0])
    (column,) = open_labelled(f"cifar10:{tmp_path}", min_side=32).columns
    assert (column.name, column.kind) == ("class", "class")
    assert column.classes == ("airplane", "cat", "truck")
    assert column.values.tolist() == [2, 1, 1, 2, 0, 0]


def test_names_of_classes_are_taken_from_the_file(tmp_path):
    official(tmp_path, names=[f"thing {9 - k}" for k in range(10)], test_batch=[0, 9, 9, 0])
    (column,) = open_labelled(f"cifar10:{tmp_path}", min_side=32).columns
    assert column.classes == ("thing 0", "thing 9")
    assert column.values.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("names", [OFFICIAL[:9], [*OFFICIAL, "plane"], [*OFFICIAL[:9], "cat"]])
def test_other_than_ten_names_are_refused(tmp_path, names):
    official(tmp_path, names=names, data_batch_1=[0])
    with pytest.raises(UserError, match="need the ten"):
        opened(tmp_path)


def test_a_file_cut_short_is_refused(tmp_path):
    official(tmp_path, data_batch_1=[0, 1])
    data = (tmp_path / "data_batch_1.bin").read_bytes()
    (tmp_path / "data_batch_1.bin").write_bytes(data[:-1])
    with pytest.raises(UserError, match="6,145 bytes, not a multiple of 3,073"):
        opened(tmp_path)


def test_a_class_above_nine_is_refused(tmp_path):
    official(tmp_path, data_batch_1=[0, 10])
    with pytest.raises(UserError, match="class 10 at record 2; need 0 to 9"):
        opened(tmp_path)


def test_a_packed_archive_is_to_be_unpacked(tmp_path):
    (tmp_path / "cifar-10-binary.tar.gz").touch()
    with pytest.raises(UserError, match="tar -xzf"):
        opened(tmp_path)


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"need data_batch_1\.bin"):
        opened(tmp_path)


def test_crops_larger_than_the_pictures_are_refused(tmp_path):
    official(tmp_path, data_batch_1=[0])
    with pytest.raises(UserError, match=r"smaller than 96 pixels.*largest has 32"):
        open_pictures(f"cifar10:{tmp_path}")


def test_a_picture_that_is_not_there_is_an_index_error(tmp_path):
    official(tmp_path, data_batch_1=[0])
    with pytest.raises(IndexError):
        opened(tmp_path).read(1)


def test_the_fingerprint_follows_one_label(tmp_path):
    official(tmp_path, data_batch_1=[k % 2 for k in range(200)])
    spec = f"cifar10:{tmp_path}"
    before = [fingerprint(open_labelled(spec, min_side=32)) for _ in range(2)]
    data = bytearray((tmp_path / "data_batch_1.bin").read_bytes())
    data[3073] ^= 1  # the label of picture 1, which is not among the 64 of the sample
    (tmp_path / "data_batch_1.bin").write_bytes(data)
    assert before[0] == before[1] != fingerprint(open_labelled(spec, min_side=32))


def test_the_whole_fingerprint_sees_every_picture(tmp_path):
    official(tmp_path, data_batch_1=[0] * 200)
    before = opened(tmp_path).fingerprint(whole=True)
    data = bytearray((tmp_path / "data_batch_1.bin").read_bytes())
    data[3073 + 1] ^= 1
    (tmp_path / "data_batch_1.bin").write_bytes(data)
    assert opened(tmp_path).fingerprint(whole=True) != before


def test_a_folder_of_it_without_labels_is_told_its_prefix(tmp_path):
    official(tmp_path, data_batch_1=[0])
    with pytest.raises(UserError, match=f"type cifar10:{tmp_path}"):
        open_labelled(str(tmp_path))
