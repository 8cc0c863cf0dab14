import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snellen.datasets import open_labelled, open_pictures
from snellen.datasets.columns import Labels, make_columns
from snellen.datasets.labels import fingerprint
from snellen.datasets.pictures import Skipped
from snellen.datasets.subset import Subset
from snellen.errors import UserError

from .helpers import fill

GOOD = [("000.png", "cat", "1"), ("001.png", "dog", "2.5"), ("002.png", "cat", "-3e1"),
        ("003.png", "dog", "4")]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder of four pictures, whose labels each test writes anew."""
    return fill(tmp_path_factory.mktemp("pictures"), 4)


def written(folder, rows, header=("file", "animal", "size")):
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    (folder / "labels.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    return folder


def opened(folder, **options):
    return open_labelled(str(folder), min_side=16, **options)


def by_name(labelled):
    return {column.name: column for column in labelled.columns}


def changed(row, column, value):
    rows = [list(cells) for cells in GOOD]
    rows[row][column] = value
    return rows


def test_columns_are_classes_or_numbers(shared):
    labelled = opened(written(shared, GOOD))
    animal, size = labelled.columns
    assert (animal.name, animal.kind, animal.classes) == ("animal", "class", ("cat", "dog"))
    assert animal.values.tolist() == [0, 1, 0, 1]
    assert animal.values.dtype == np.int64
    assert (size.name, size.kind, size.classes, size.period) == ("size", "number", (), None)
    assert size.values.tolist() == [1, 2.5, -30, 4]
    assert labelled.groups == {"animal": ("animal",)}
    assert labelled.left_out == {}
    assert len(labelled.pictures) == 4


def test_folders_below_are_reached_by_a_slash(tmp_path):
    fill(tmp_path / "a", 2)
    fill(tmp_path / "b c", 2, start=2)
    rows = [("a/000.png", 1), ("./a/001.png", 2), ("b c/002.png", 3), ("b c//003.png", 4)]
    labelled = opened(written(tmp_path, rows, ("file", "x")))
    named = {labelled.pictures.name(k): v for k, v in enumerate(labelled.columns[0].values)}
    assert named == {"a/000.png": 1, "a/001.png": 2, "b c/002.png": 3, "b c/003.png": 4}


@settings(max_examples=15)
@given(st.permutations(GOOD))
def test_the_order_of_rows_does_not_matter(tmp_path_factory, rows):
    folder = fill(tmp_path_factory.mktemp("moved"), 4)
    before = opened(written(folder, GOOD))
    after = opened(written(folder, rows))
    assert fingerprint(before) == fingerprint(after)
    for one, other in zip(before.columns, after.columns, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize(("row", "column", "value"), [(0, 2, "1.5"), (0, 1, "dog")])
def test_the_fingerprint_changes_with_one_label(shared, row, column, value):
    rows = [*GOOD, ("004.png", "cat", "9")]
    folder = fill(shared, 5)
    try:
        before = fingerprint(opened(written(folder, rows)))
        rows[row] = tuple(value if k == column else cell for k, cell in enumerate(rows[row]))
        assert fingerprint(opened(written(folder, rows))) != before
    finally:
        (folder / "004.png").unlink()


def test_the_fingerprint_changes_with_a_kind_a_name_and_a_picture(tmp_path):
    folder = fill(tmp_path, 4)
    prints = [fingerprint(opened(written(folder, GOOD)))]
    kinds = ("circular", "circular:24", "ignore")
    prints += [fingerprint(opened(folder, columns={"size": kind})) for kind in kinds]
    prints.append(fingerprint(opened(written(folder, GOOD, ("file", "animal", "weight")))))
    fill(folder, 1, side=50)
    prints.append(fingerprint(opened(written(folder, GOOD))))
    assert len(set(prints)) == 6


def test_a_byte_order_mark_quotes_blank_rows_and_spaces_are_taken(shared):
    text = (
        "\ufefffile , animal,size\r\n\r\n"
        '"000.png","a ""cat"", gray",1\r\n'
        '001.png, dog ,2\r\n002.png,"a ""cat"", gray",3\r\n003.png,dog,4\r\n,,\r\n'
    )
    (shared / "labels.csv").write_bytes(text.encode())
    animal, size = opened(shared).columns
    assert animal.classes == ('a "cat", gray', "dog")
    assert size.values.tolist() == [1, 2, 3, 4]


def test_whole_numbers_can_be_classes_in_numeric_order(shared):
    rows = [(file, "10" if size in "14" else "9") for file, _, size in GOOD]
    labelled = opened(written(shared, rows, ("file", "id")), columns={"id": "class"})
    assert labelled.columns[0].classes == ("9", "10")
    assert labelled.columns[0].values.tolist() == [1, 0, 0, 1]
    assert labelled.groups == {"id": ("id",)}


def test_other_names_of_classes_are_sorted_as_texts(shared):
    rows = [(file, "10" if size in "14" else "9b") for file, _, size in GOOD]
    assert opened(written(shared, rows, ("file", "id"))).columns[0].classes == ("10", "9b")


def test_a_circle_has_a_period(shared):
    written(shared, changed(3, 2, "25"))
    size = by_name(opened(shared, columns={"size": "circular:24"}))["size"]
    assert (size.kind, size.period, size.unit) == ("circular", 24, "")
    assert size.values.tolist() == [1, 2.5, 18, 1]
    size = by_name(opened(shared, columns={"size": "circular"}))["size"]
    assert (size.period, size.unit) == (360, "°")
    assert size.values.tolist() == [1, 2.5, 330, 25]


def test_an_ignored_column_may_hold_anything(shared):
    written(shared, changed(1, 1, ""))
    labelled = opened(shared, columns={"animal": "ignore"})
    assert [column.name for column in labelled.columns] == ["size"]
    assert labelled.groups == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty: need a row of names"),
        ("file,x\n", "no rows"),
        ("name,x\n000.png,1\n", "no column 'file'.*'name', 'x'"),
        ("File,x\n000.png,1\n", "letter by letter: write 'file'"),
        ("file;x\n000.png;1\n", "something else than commas"),
        ("file\n000.png\n", "no column but 'file'"),
        ("file,x,x\n000.png,1,2\n", "two columns called 'x'"),
        (",file,x\n0,000.png,1\n", "no name for column 1"),
        ("file,x\n000.png,1\n\n000.png,2\n", r"000\.png in row 2 and again in row 4"),
        ("file,x\n000.png,1\n./000.png,2\n", r"000\.png in row 2 and again in row 3"),
        ("file,x\n000.png,1\n001.png\n", "1 value in row 3 and 2 columns"),
        ("file,x\n000.png,1\n001.png,1,5\n", "3 values in row 3 and 2 columns"),
        ("file,x\n000.png,1\n,5\n", "no file in row 3"),
        ('file,x\n000.png,1\n"001.png"x,5\n', "no CSV in row 3"),
    ],
)
def test_other_tables_are_refused(shared, text, complaint):
    (shared / "labels.csv").write_text(text)
    with pytest.raises(UserError, match=complaint):
        opened(shared)


def test_other_encodings_are_refused(shared):
    (shared / "labels.csv").write_bytes("file,x\n000.png,grün\n".encode("latin-1"))
    with pytest.raises(UserError, match="no UTF-8"):
        opened(shared)


@pytest.mark.parametrize(
    ("row", "column", "value", "complaint"),
    [
        (2, 2, "", "'size' .* no value in row 4: .*'ignore'"),
        (2, 1, "  ", "'animal' .* no value in row 4"),
        (1, 2, "nan", "'nan' in row 3, which is not finite"),
        (1, 2, "-inf", "'-inf' in row 3, which is not finite"),
        (1, 2, "-1e101", r"'-1e101' in row 3, which is beyond 1e\+100"),
        (1, 2, "2,5", r"single picture \('-3e1', '1', '2,5' and 1 more\).*not '2,5'"),
        (1, 2, "1_0", "single picture"),
        (1, 1, "bird", r"single picture \('bird', 'dog'\)"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(shared, row, column, value, complaint):
    with pytest.raises(UserError, match=complaint):
        opened(written(shared, changed(row, column, value)))


def test_what_never_changes_is_refused(shared):
    same = [(file, "cat", "7.0") for file, _, _ in GOOD]
    with pytest.raises(UserError, match=r"'animal' .* one class only \('cat'\).*=ignore"):
        opened(written(shared, same))
    with pytest.raises(
        UserError, match=r"'size' .* is 7 for every picture.* bring other values\.$"
    ):
        opened(shared, columns={"animal": "ignore"})
    with pytest.raises(UserError, match=r"every column .* 'ignore'"):
        opened(shared, columns={"animal": "ignore", "size": "ignore"})


def test_an_angle_that_only_turns_is_constant(shared):
    rows = [(file, 360 * k) for k, (file, _, _) in enumerate(GOOD)]
    with pytest.raises(UserError, match="is 0 for every picture"):
        opened(written(shared, rows, ("file", "turn")), columns={"turn": "circular"})


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"anmal": "class"}, "no column 'anmal'; it has 'animal', 'size'. Did you mean 'animal'"),
        ({"file": "class"}, "'file' .* has no kind"),
        ({"size": "nubmer"}, "declared 'nubmer'; need 'class'.* Did you mean 'number'"),
        ({"size": "class:3"}, "declared 'class:3'"),
        ({"size": "circular:0"}, "need a period above 0"),
        ({"size": "circular:-24"}, "need a period above 0"),
        ({"size": "circular:nan"}, "need a period above 0"),
        ({"size": "circular:"}, "need a period above 0"),
        ({"animal": "number"}, "'cat' in row 2, which is no number"),
    ],
)
def test_kinds_that_do_not_fit_are_refused(shared, declared, complaint):
    with pytest.raises(UserError, match=complaint):
        opened(written(shared, GOOD), columns=declared)


def test_rows_and_pictures_that_do_not_meet_are_refused(shared):
    rows = [("a.png", "cat", 0), ("b.png", "dog", 0), *GOOD[:3]]
    with pytest.raises(
        UserError,
        match=r"2 rows name pictures that are not there \(a\.png in row 2, b\.png in row 3\) and"
        r" 1 picture has no row \(003\.png\).*--unmatched skip",
    ):
        opened(written(shared, rows))


def test_rows_and_pictures_that_do_not_meet_can_be_left_out(shared):
    rows = [("a.png", "cat", 0), ("002.png", "cat", 3), ("000.png", "cat", 1),
            ("c.png", "", "x"), ("001.png", "cat", 2)]  # fmt: skip
    labelled = opened(written(shared, rows), unmatched="skip", columns={"animal": "ignore"})
    assert labelled.left_out == {"a row without a picture": 2, "a picture without a row": 1}
    assert [labelled.pictures.name(k) for k in range(3)] == ["000.png", "001.png", "002.png"]
    assert labelled.columns[0].values.tolist() == [1, 2, 3]
    whole = open_pictures(str(shared), min_side=16)
    for k in range(3):
        np.testing.assert_array_equal(labelled.pictures.read(k), whole.read(k))
    np.testing.assert_array_equal(labelled.pictures.source_ids(), whole.source_ids()[:3])


def test_a_table_of_another_folder_is_refused(shared):
    written(shared, [(f"other/{file}", *rest) for file, *rest in GOOD])
    with pytest.raises(UserError, match=r"no picture .* has a row"):
        opened(shared, unmatched="skip")


def test_backslashes_and_whole_paths_are_explained(tmp_path):
    fill(tmp_path / "a", 2)
    written(tmp_path, [("a\\000.png", 1), ("a\\001.png", 2)], ("file", "x"))
    with pytest.raises(UserError, match="separated by /"):
        opened(tmp_path)
    written(tmp_path, [(tmp_path / "a/000.png", 1), (tmp_path / "a/001.png", 2)], ("file", "x"))
    with pytest.raises(UserError, match="not with /"):
        opened(tmp_path)


def test_pictures_that_the_folder_skips_are_counted_and_not_missing(tmp_path):
    fill(tmp_path, 4)
    fill(tmp_path, 1, start=4, side=8)
    (tmp_path / "005.png").write_bytes(b"no picture")
    labelled = opened(written(tmp_path, [*GOOD, ("004.png", "ant", "5"), ("005.png", "bee", "x")]))
    assert len(labelled.pictures) == 4
    assert [column.kind for column in labelled.columns] == ["class", "number"]
    assert labelled.left_out["smaller than 16 pixels on a side"] == 1
    assert sum(labelled.left_out.values()) == 2


def test_a_folder_without_labels_is_told_what_to_write(tmp_path):
    fill(tmp_path, 1)
    (tmp_path / "label.csv").touch()
    with pytest.raises(UserError, match=r"no labels\.csv .*'file'.* Did you mean 'label\.csv'"):
        opened(tmp_path)


def test_the_table_instead_of_its_folder_is_refused(shared):
    written(shared, GOOD)
    with pytest.raises(UserError, match="is a file; name the folder"):
        opened(shared / "labels.csv")


@pytest.mark.parametrize(
    ("spec", "meant"), [("buildin", "builtin"), ("yael:x", "yale"), ("cifar:x", "cifar10")]
)
def test_a_misspelt_set_is_guessed(spec, meant):
    with pytest.raises(UserError, match=f"need 'builtin', a folder .*Did you mean '{meant}'"):
        open_labelled(spec)


@pytest.mark.parametrize("spec", ["", "stl10:x", "npz:x", "a\0b", "no/such/folder"])
def test_sets_without_labels_are_refused(spec):
    with pytest.raises(UserError, match=r"no labelled pictures at .*labels\.csv"):
        open_labelled(spec)


def test_unmatched_has_two_values(shared):
    with pytest.raises(UserError, match="need 'refuse' or 'skip'"):
        opened(written(shared, GOOD), unmatched="ignore")


@given(
    st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=9).filter(
        lambda values: min(values) < max(values)
    )
)
def test_numbers_come_back_exactly(values):
    (column,) = make_columns(
        [Labels("x", [repr(value) for value in values])], {}, where="here", place=str
    )
    assert column.values.tolist() == values


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_a_point_on_a_circle_lies_within_its_period(value, period):
    texts = [repr(value), repr(value + period / 2)]
    (column,) = make_columns(
        [Labels("x", texts)], {"x": f"circular:{period!r}"}, where="here", place=str
    )
    assert (column.values >= 0).all()
    assert (column.values < period).all()


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=8))
def test_codes_name_the_classes(letters):
    texts = [*letters, *letters, "f", "f"]  # each class twice
    (column,) = make_columns([Labels("x", texts)], {}, where="here", place=str)
    assert [column.classes[code] for code in column.values] == texts
    assert list(column.classes) == sorted(set(texts))


def test_a_subset_is_the_pictures_at_its_indices():
    whole = open_pictures("builtin")
    some = Subset(whole, [5, 2], [Skipped("a", "no row")])
    assert [some.name(k) for k in range(len(some))] == [whole.name(5), whole.name(2)]
    np.testing.assert_array_equal(some.read(1), whole.read(2))
    np.testing.assert_array_equal(some.stored(0), whole.stored(5))
    assert some.source(0) == whole.source(5)
    np.testing.assert_array_equal(some.source_ids(), whole.source_ids()[[5, 2]])
    assert [item.name for item in some.skipped] == ["a"]
    assert (some.spec, some.channels) == ("builtin", 1)
    prints = {Subset(whole, rows).fingerprint() for rows in ([5, 2], [2, 5], [5])}
    assert len(prints) == 3
