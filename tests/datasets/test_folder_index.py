import os
import time

import numpy as np
import pytest

from snellen.datasets import folder_index as module
from snellen.datasets.folder_index import cache_folder, folder_index
from snellen.datasets.inspection import Found

from .helpers import fill


@pytest.fixture
def settled(tmp_path):
    """A folder whose times lie well in the past, so that its index can be trusted."""
    fill(tmp_path / "sub", 3)
    return settle(tmp_path)


def settle(folder, seconds=3600):
    past = time.time() - seconds
    for place, below, files in os.walk(folder, topdown=False):
        for name in [*below, *files]:
            os.utime(os.path.join(place, name), (past, past))
    os.utime(folder, (past, past))
    return folder


@pytest.fixture
def inspected(monkeypatch):
    """The files that were looked into."""
    seen = []
    inspect = module.inspect

    def watched(path):
        seen.append(os.path.basename(path).decode())
        return inspect(path)

    monkeypatch.setattr(module, "inspect", watched)
    return seen


def paths(index):
    return [index.path(row).decode() for row in range(len(index))]


def test_a_second_start_looks_into_no_file(settled, inspected):
    folder_index(settled)
    inspected.clear()
    assert paths(folder_index(settled)) == ["sub/000.png", "sub/001.png", "sub/002.png"]
    assert inspected == []


def test_a_second_start_does_not_even_list_the_folder(settled, monkeypatch):
    folder_index(settled)
    monkeypatch.setattr(module, "_scan", None)
    assert len(folder_index(settled)) == 3


def test_the_index_is_mapped_and_not_held(settled):
    index = folder_index(settled)
    assert all(
        isinstance(column.base, np.memmap) or column.base is not None
        for column in index.columns.values()
    )
    assert isinstance(index.names, np.memmap)


def test_a_new_file_is_found_and_only_it_looked_into(settled, inspected):
    folder_index(settled)
    inspected.clear()
    fill(settled / "sub", 1, start=7)
    assert len(folder_index(settled)) == 4
    assert inspected == ["007.png"]


def test_a_removed_file_is_forgotten(settled, inspected):
    folder_index(settled)
    inspected.clear()
    (settled / "sub" / "001.png").unlink()
    assert paths(folder_index(settled)) == ["sub/000.png", "sub/002.png"]
    assert inspected == []


def test_a_file_rewritten_in_place_is_looked_into_again(settled, inspected):
    folder_index(settled)
    inspected.clear()
    other = fill(settled.parent / "other", 1, side=50, start=1) / "001.png"
    with (settled / "sub" / "001.png").open("r+b") as file:
        file.truncate()
        file.write(other.read_bytes())
    os.utime(settled / "sub", (time.time() - 3600,) * 2)
    assert folder_index(settled).columns["height"].tolist() == [40, 50, 40]
    assert inspected == ["001.png"]


def test_a_folder_changed_just_now_is_listed_again(tmp_path, inspected):
    # A file could follow within the grain of the clock, and leave the same time.
    fill(tmp_path, 1)
    folder_index(tmp_path)
    times = os.stat(tmp_path)
    fill(tmp_path, 1, start=1)
    os.utime(tmp_path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert len(folder_index(tmp_path)) == 2


def test_a_removed_subfolder_is_noticed(settled):
    fill(settled / "more", 1, start=8)
    folder_index(settle(settled))
    (settled / "more" / "008.png").unlink()
    (settled / "more").rmdir()
    assert len(folder_index(settled)) == 3


@pytest.mark.parametrize("damage", [lambda d: d[:-5], lambda d: b"other" + d[5:], lambda d: b""])
def test_a_damaged_index_is_made_anew(settled, cache, damage):
    folder_index(settled)
    (path,) = (cache / "folders").iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert len(folder_index(settled)) == 3


def test_reasons_are_remembered(settled, inspected):
    (settled / "sub" / "bad.png").write_text("no picture")
    settle(settled)
    folder_index(settled)
    inspected.clear()
    index = folder_index(settled)
    assert index.reasons[3].startswith("it is not an image")
    assert inspected == []


def test_a_reason_that_may_pass_is_looked_at_again(settled, monkeypatch):
    denied = Found(0, 0, 0, "permission denied", lasting=False)
    with monkeypatch.context() as patch:
        patch.setattr(module, "inspect", lambda path: denied)
        assert len(folder_index(settled).reasons) == 3
    index = folder_index(settled)
    assert index.reasons == {}
    assert index.columns["height"].tolist() == [40, 40, 40]


def test_progress_is_told(settled, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    told = []
    folder_index(settled, told.append)
    assert told == [2, 3]


def test_a_cache_that_cannot_be_written_is_done_without(settled, tmp_path_factory, monkeypatch):
    file = tmp_path_factory.mktemp("no") / "file"
    file.touch()
    monkeypatch.setenv("SNELLEN_CACHE", str(file))
    assert len(folder_index(settled)) == 3
    assert len(folder_index(settled)) == 3


def test_nothing_is_written_into_the_folder(settled):
    before = sorted(settled.rglob("*"))
    folder_index(settled)
    assert sorted(settled.rglob("*")) == before


def test_two_folders_have_two_indices(settled, cache, tmp_path_factory):
    folder_index(settled)
    folder_index(fill(tmp_path_factory.mktemp("other"), 1))
    assert len(list((cache / "folders").iterdir())) == 2


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SNELLEN_CACHE", "/own")
    assert str(cache_folder()) == "/own"
    monkeypatch.delenv("SNELLEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert str(cache_folder()) == "/xdg/snellen"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "snellen"


def test_the_rows_of_many_chunks_fit_together(settled, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    fill(settled / "sub", 4, start=3)
    first = paths(folder_index(settled))
    fill(settled / "sub", 1, start=9)
    assert paths(folder_index(settled)) == [*first, "sub/009.png"]
