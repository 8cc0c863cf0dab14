import numpy as np
import pytest

from snellen.datasets.benchmarks import BENCHMARKS, find_benchmarks
from snellen.errors import UserError
from snellen.images import write_png


def fill(folder, *names):
    for k, name in enumerate(names):
        write_png(folder / name, np.full((12, 12), 10 * k, np.uint8))
    return folder


@pytest.fixture
def root(tmp_path):
    fill(tmp_path / "Set5", "b.png", "a.png")
    fill(tmp_path / "set14", "c.png")
    fill(tmp_path / "BSDS500" / "test", "d.png")
    fill(tmp_path / "BSDS500" / "val", "e.png")
    fill(tmp_path / "mine", "f.png")
    return tmp_path


def test_the_usual_sets_are_found_in_their_order_and_the_tuning_set_is_not(root):
    found = find_benchmarks(root)
    assert [each.name for each in found] == ["Set5", "Set14", "BSD200"]
    assert [each.expected for each in found] == [5, 14, 200]
    assert found[0].files == ("a.png", "b.png")
    assert found[2].folder == root / "BSDS500" / "test"
    assert found[0].read(0)[0, 0] == 10


def test_sets_may_be_named_in_any_case_and_be_any_folder(root):
    found = find_benchmarks(root, ["bsd100", "mine", "SET5", "set5", str(root / "mine")])
    assert [each.name for each in found] == ["BSD100", "mine", "Set5"]
    assert found[1].expected is None


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("Set5", "Set5"),
        ("set14", "Set14"),
        ("BSDS500", "BSD200"),
        ("BSDS500/test", "BSD200"),
        ("BSDS500/val", "BSD100"),
        ("mine", "mine"),
    ],
)
def test_the_root_may_be_a_set_itself(root, inside, expected):
    (found,) = find_benchmarks(root / inside)
    assert found.name == expected
    assert (root / inside) in (found.folder, *found.folder.parents)


def test_a_root_named_relatively_is_the_same(root, monkeypatch):
    monkeypatch.chdir(root / "Set5")
    assert [each.name for each in find_benchmarks(".")] == ["Set5"]


def test_berkeleys_own_layout_is_known(tmp_path):
    fill(tmp_path / "BSR/BSDS500/data/images/test", "a.png")
    assert [each.name for each in find_benchmarks(tmp_path)] == ["BSD200"]
    assert [each.name for each in find_benchmarks(tmp_path / "BSR/BSDS500/data")] == ["BSD200"]


def test_only_pictures_directly_in_the_folder_count(root):
    fill(root / "Set5" / "LR", "small.png")
    (root / "Set5" / "SOURCE.md").write_text("text")
    (root / "Set5" / "._a.png").write_text("hidden")
    assert find_benchmarks(root)[0].files == ("a.png", "b.png")


def test_where_nothing_is_found_all_that_was_looked_for_is_listed(tmp_path):
    with pytest.raises(UserError, match="found no benchmark") as caught:
        find_benchmarks(tmp_path)
    for name in ("Set5", "Set14", "BSDS500/test", str(tmp_path)):
        assert name in str(caught.value)


def test_an_empty_set_is_as_good_as_none(tmp_path):
    (tmp_path / "Set5").mkdir()
    with pytest.raises(UserError, match="found no benchmark"):
        find_benchmarks(tmp_path)
    with pytest.raises(UserError, match=r"found no Set5 in .* looked for Set5"):
        find_benchmarks(tmp_path, ["Set5"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["set55"], "there is no set 'set55'.*Did you mean 'Set5'"),
        (["empty"], "no pictures in .*empty"),
        (["mine", "other/mine"], "both called mine"),
        ([], "no sets were named"),
    ],
)
def test_what_cannot_be_found_is_said(root, names, message):
    (root / "empty").mkdir()
    fill(root / "other" / "mine", "g.png")
    with pytest.raises(UserError, match=message):
        find_benchmarks(root, names)


def test_a_root_that_is_no_folder_is_refused(root):
    with pytest.raises(UserError, match="does not exist"):
        find_benchmarks(root / "nothing")
    with pytest.raises(UserError, match="is a file"):
        find_benchmarks(root / "Set5" / "a.png")


def test_the_real_sets_have_as_many_pictures_as_were_published(snellen_data):
    found = find_benchmarks(snellen_data, list(BENCHMARKS))
    assert [len(each) for each in found] == [each.expected for each in found]
