"""Reading edges from codes: known directions, perfect codes, and codes that know nothing."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.experiments.representation.edges import edge_cells, read_edges


def slope(angle: float, size: int = 24) -> np.ndarray:
    """A plane whose brightness rises towards `angle`, degrees anticlockwise from the right."""
    rows, columns = np.mgrid[:size, :size]
    rise = columns * np.cos(np.radians(angle)) - rows * np.sin(np.radians(angle))
    return np.clip(120 + 3 * rise, 0, 255).round().astype(np.uint8)[None, None]


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 135, 170])
def test_directions_are_those_of_a_slope(angle: int) -> None:
    _, cosine, sine = edge_cells(slope(angle))[0][:, 2:4, 2:4]
    # Rows run downwards, so the angle is counted clockwise.
    found = np.degrees(np.arctan2(-sine.mean(), cosine.mean())) / 2 % 180
    assert found == pytest.approx(angle % 180, abs=1.5)


def test_both_sides_of_an_edge_are_the_same_edge() -> None:
    assert np.allclose(edge_cells(slope(20)), edge_cells(255 - slope(20)), atol=1e-9)


def test_a_code_that_holds_the_edges_is_read_and_one_of_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (260, 1, 6, 6), dtype=np.uint8).repeat(4, 2).repeat(4, 3)
    cells = edge_cells(pictures)
    known = read_edges(
        cells[:200].reshape(200, -1), cells[200:].reshape(60, -1), cells[:200], cells[200:]
    )
    assert known.share > 0.99
    assert known.orientation < 2
    noise = rng.normal(size=(260, 20))
    unknown = read_edges(noise[:200], noise[200:], cells[:200], cells[200:])
    assert unknown.share < 0.05
    assert unknown.orientation == pytest.approx(unknown.orientation_of_mean, abs=4)


def test_pictures_without_edges_have_none_to_read() -> None:
    flat = edge_cells(np.full((8, 1, 12, 12), 90, np.uint8))
    found = read_edges(np.eye(8)[:5], np.eye(8)[5:], flat[:5], flat[5:])
    assert np.isnan(found.share)


def test_colour_counts_as_luma() -> None:
    gray = slope(60)
    assert np.allclose(edge_cells(gray), edge_cells(gray.repeat(3, axis=1)))
