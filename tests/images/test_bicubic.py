from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from snellen.images import bicubic_resize, bicubic_taps


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def cubic(x):
    """Keys' kernel, a = -1/2, as his paper prints it."""
    x = abs(x)
    if x <= 1:
        return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
    return -Fraction(1, 2) * x**3 + Fraction(5, 2) * x**2 - 4 * x + 2 if x < 2 else Fraction(0)


def one_side(length, out, edge):
    """The dense matrix of a pass, in exact fractions, from the geometry alone."""
    scale = Fraction(out, length)
    shrink = min(scale, Fraction(1))
    matrix = [[Fraction(0)] * length for _ in range(out)]
    for j in range(out):
        centre = (j + Fraction(1, 2)) / scale - Fraction(1, 2)
        reach = floor(2 / shrink) + 1
        weights = {i: cubic(shrink * (centre - i)) for i in range(-reach, length + reach + 1)}
        total = sum(weights.values())
        for i, weight in weights.items():
            inside = min(max(i, 0), length - 1)
            if edge == "mirror":
                inside = min(i % (2 * length), 2 * length - 1 - i % (2 * length))
            matrix[j][inside] += weight / total
    return np.array(matrix, np.float64)


@given(st.integers(1, 14), st.integers(1, 30), st.sampled_from(["clamp", "mirror"]))
def test_the_taps_are_those_of_the_exact_geometry(length, out, edge):
    index, weight = bicubic_taps(length, out, out / length, edge)
    dense = np.zeros((out, length))
    np.add.at(dense, (np.arange(out)[:, None], index), weight)
    np.testing.assert_allclose(dense, one_side(length, out, edge), rtol=0, atol=1e-12)


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3])),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.sampled_from(["clamp", "mirror"]),
)
def test_a_float_picture_is_the_product_with_both_matrices(shape, size, edge):
    array = np.random.default_rng(2).random(shape)
    expected = np.einsum(
        "ih,jw,hwc->ijc",
        one_side(shape[0], size[0], edge),
        one_side(shape[1], size[1], edge),
        array,
    )
    np.testing.assert_allclose(bicubic_resize(array, size, edge=edge), expected, atol=1e-12)
    single = bicubic_resize(array.astype(np.float32), size, edge=edge)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-6)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_whole_numbers_are_rounded_and_saturated_between_the_passes(dtype, white):
    array = noise(12, 10, dtype=dtype)
    rows, columns = one_side(12, 6, "clamp"), one_side(10, 5, "clamp")
    half_way = np.floor(rows @ array + 0.5).clip(0, white)
    expected = np.floor(half_way @ columns.T + 0.5).clip(0, white)
    found = bicubic_resize(array, 0.5)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
    at_once = np.floor(rows @ array @ columns.T + 0.5).clip(0, white)
    assert (found != at_once).any()


def test_the_side_with_the_smaller_scale_goes_first():
    array = noise(12, 12)
    rows, columns = one_side(12, 9, "clamp"), one_side(12, 6, "clamp")
    half_way = np.floor(array @ columns.T + 0.5).clip(0, 255)
    expected = np.floor(rows @ half_way + 0.5).clip(0, 255)
    np.testing.assert_array_equal(bicubic_resize(array, (9, 6)), expected)
    other = np.floor(np.floor(rows @ array + 0.5).clip(0, 255) @ columns.T + 0.5).clip(0, 255)
    assert (expected != other).any()


def test_doubling_interpolates_with_the_known_weights():
    # At a quarter of a pixel Keys' kernel is (-9, 111, 29, -3)/128.
    array = np.random.default_rng(3).random((1, 16))
    taps = np.array([-3, 29, 111, -9]) / 128
    found = bicubic_resize(array, (1, 32))[0]
    np.testing.assert_allclose(found[4:-4:2], signal.correlate(array[0], taps, "valid")[:-1][:12])


@pytest.mark.parametrize("scale", [0.25, 1 / 3, 0.5, 2, 3, 4, 1.7])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_part_equals_that_part_of_the_whole(scale, dtype):
    array = noise(61, 47, 3).astype(dtype)
    whole = bicubic_resize(array, scale)
    height, width, _ = whole.shape
    for rows, columns in [((0, 1), None), (None, (width - 2, width)), ((3, 9), (2, 11))]:
        part = bicubic_resize(array, scale, rows=rows, columns=columns)
        expected = whole[slice(*rows or (0, height)), slice(*columns or (0, width))]
        np.testing.assert_array_equal(part, expected)


def test_a_part_looks_at_no_more_rows_than_it_needs():
    array = np.zeros((100, 8))
    array[:20] = array[30:] = np.nan
    assert np.isfinite(bicubic_resize(array, 2.0, rows=(44, 56))).all()


def test_pictures_larger_than_a_block_are_seamless(monkeypatch):
    array = noise(64, 40, 3)
    wanted = bicubic_resize(array, 0.3), bicubic_resize(array, 2.5)
    monkeypatch.setattr("snellen.images.resize._BLOCK", 1)
    np.testing.assert_array_equal(bicubic_resize(array, 0.3), wanted[0])
    np.testing.assert_array_equal(bicubic_resize(array, 2.5), wanted[1])


def test_a_flat_picture_stays_flat():
    for scale in (0.25, 1 / 3, 2 / 3, 3, 4):
        assert (bicubic_resize(np.full((24, 36, 3), 201, np.uint8), scale) == 201).all()


def test_the_same_size_is_the_same_picture():
    array = noise(9, 7)
    np.testing.assert_array_equal(bicubic_resize(array, 1), array)


def test_a_scale_rounds_the_size_up():
    assert bicubic_resize(noise(10, 9), 1 / 4).shape == (3, 3)
    assert bicubic_resize(noise(255, 3), 1 / 3).shape == (85, 1)


def test_clamped_and_mirrored_edges_differ_at_the_edge_alone():
    array = np.random.default_rng(4).random((20, 20))
    clamped, mirrored = (bicubic_resize(array, 2, edge=edge) for edge in ("clamp", "mirror"))
    differing = np.argwhere(clamped != mirrored)
    assert len(differing)
    # Twice enlarged, the taps of pixels 3 to 36 all lie inside.
    assert (((differing < 3) | (differing > 36)).any(axis=1)).all()


def test_the_tables_are_shared_and_cannot_be_written():
    tables = bicubic_taps(8, 4, 0.5)
    assert bicubic_taps(8, 4, 0.5)[1] is tables[1]
    with pytest.raises(ValueError, match="read-only"):
        tables[1][0, 0] = 1


@pytest.mark.parametrize(
    ("array", "size", "options", "message"),
    [
        (np.zeros((4, 4), np.uint8), (0, 4), {}, "more than none"),
        (np.zeros((4, 4), np.uint8), 0.0, {}, "above 0"),
        (np.zeros((4, 4), np.uint8), float("nan"), {}, "above 0"),
        (np.zeros((0, 4), np.uint8), 2, {}, "shape"),
        (np.zeros(4, np.uint8), 2, {}, "shape"),
        (np.zeros((4, 4), np.uint8), 2, {"edge": "wrap"}, "'clamp' or 'mirror'"),
        (np.zeros((4, 4), np.uint8), 2, {"rows": (4, 9)}, "<= 8"),
        (np.zeros((4, 4), np.uint8), 2, {"columns": (4, 4)}, "<= 8"),
    ],
)
def test_what_cannot_be_resized_is_refused(array, size, options, message):
    with pytest.raises(ValueError, match=message):
        bicubic_resize(array, size, **options)


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="int64"):
        bicubic_resize(np.zeros((4, 4), np.int64), 2)


def test_a_folder_of_differing_sizes_does_not_fill_the_memory_with_tables():
    for length in range(1000, 1100):
        bicubic_taps(length, 4 * length, 4)
    table = sum(part.nbytes for part in bicubic_taps(1099, 4 * 1099, 4))
    assert bicubic_taps.cache_info().currsize * table < 8e6


def test_a_matrix_is_taken_as_a_plain_array():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(pixels)
    resized = bicubic_resize(matrix, 2)
    assert type(resized) is np.ndarray
    np.testing.assert_array_equal(resized, bicubic_resize(pixels, 2))


def test_a_masked_array_is_refused():
    with pytest.raises(TypeError, match=r"fill it first: \.filled"):
        bicubic_resize(np.ma.masked_array(np.zeros((4, 5))), 2)
