"""The Convention: what it holds, what it refuses, and how many levels fit."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from snellen.metrics.conventions import (
    POSTER,
    WANG,
    WANG_EXPONENTS,
    Convention,
    fit_levels,
    fitted_exponents,
    get_convention,
)

AUTO = replace(WANG, levels="auto")


def test_a_convention_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        WANG.window_size = 7  # type: ignore[misc]


def test_a_convention_is_hashable() -> None:
    assert {WANG: 1}[Convention()] == 1


def test_a_convention_made_with_lists_is_hashable() -> None:
    made = Convention(levels=2, exponents=[0.5, 0.5], sigmas=[1.0, 2.0])  # type: ignore[arg-type]
    assert hash(made) == hash(Convention(levels=2, exponents=(0.5, 0.5), sigmas=(1.0, 2.0)))


def test_wang_is_what_the_paper_says() -> None:
    paper = Convention(
        window="gaussian",
        window_size=11,
        sigma=1.5,
        k1=0.01,
        k2=0.03,
        border="valid",
        covariance="population",
        reading="levels",
        levels=5,
        exponents="wang",
        odd_sizes="keep",
        channel_order="product-then-mean",
        negative="clamp",
    )
    assert paper == WANG


def test_wangs_exponents_are_the_published_ones() -> None:
    assert fitted_exponents(WANG, 5) == (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def test_poster_multiplies_pixels_with_exponents_1_and_replicate_borders() -> None:
    assert (POSTER.reading, POSTER.exponents, POSTER.border) == ("pixels", "ones", "replicate")


def test_a_single_change_leaves_the_rest() -> None:
    assert replace(AUTO, levels=5) == WANG


@pytest.mark.parametrize(("name", "convention"), [("wang", WANG), ("poster", POSTER)])
def test_names(name: str, convention: Convention) -> None:
    assert get_convention(name) == convention


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'wnag'.*'wang'"):
        get_convention("wnag")


def test_something_that_is_no_convention_is_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        get_convention(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window_size": 10}, "odd"),
        ({"window_size": 0}, "odd"),
        ({"window_size": -3}, "odd"),
        ({"window_size": 11.0}, "odd"),
        ({"sigma": 0.0}, "sigma"),
        ({"sigma": float("nan")}, "sigma"),
        ({"k1": -0.01}, "k1"),
        ({"k2": float("inf")}, "k2"),
        ({"window": "gausian"}, "'gaussian'"),
        ({"border": "reflection"}, "'reflect'"),
        ({"border": "same"}, "replicate"),
        ({"covariance": "samples"}, "'sample'"),
        ({"reading": "pixel"}, "'pixels'"),
        ({"negative": "smoth"}, "'smooth'"),
        ({"odd_sizes": "kept"}, "keep"),
        ({"channel_order": "mean"}, "mean-then-product"),
        ({"levels": 0}, "levels"),
        ({"levels": -1}, "levels"),
        ({"levels": 2.0}, "levels"),
        ({"levels": "all"}, "auto"),
        ({"levels": 6}, "five"),
        ({"exponents": "one"}, "'ones'"),
        ({"exponents": (0.5, 0.5)}, "one number per level"),
        ({"exponents": ()}, "xponents"),
        ({"exponents": (1.0, 1.0, 1.0, 1.0, -1.0)}, "xponents"),
        ({"exponents": (1.0, 1.0, 1.0, 1.0, float("nan"))}, "xponents"),
        ({"exponents": 0.5}, "one number per level"),
        ({"exponents": ("a", "b", "c", "d", "e")}, "xponents"),
        ({"sigmas": (0.5, -1.0)}, "sigmas"),
        ({"sigmas": ()}, "sigmas"),
        ({"sigmas": 8.0}, "sigmas"),
        ({"reading": "pixels"}, "border"),
        ({"reading": "sigmas"}, "border"),
        ({"reading": "sigmas", "border": "reflect", "sigmas": (1.0, 2.0)}, "sigma per level"),
        ({"covariance": "sample", "window_size": 1}, "sample"),
    ],
    ids=str,
)
def test_what_no_computation_could_use_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words) as error:
        replace(WANG, **change)
    assert "object is not" not in str(error.value), "Python's words, not a sentence for the user"


@pytest.mark.parametrize(
    ("side", "levels"),
    [
        *[(11, 1), (20, 1), (21, 2), (32, 2), (40, 2), (41, 3), (48, 3), (80, 3)],
        *[(81, 4), (96, 4), (160, 4), (161, 5), (4000, 5)],
    ],
)
def test_auto_uses_the_levels_that_fit(side: int, levels: int) -> None:
    assert fit_levels(AUTO, (side, side)) == levels


@pytest.mark.parametrize(
    ("side", "levels"), [(11, 1), (21, 1), (22, 2), (44, 3), (87, 3), (88, 4), (176, 5)]
)
def test_dropping_odd_rows_needs_larger_pictures(side: int, levels: int) -> None:
    assert fit_levels(replace(AUTO, odd_sizes="drop"), (side, side)) == levels


def test_the_smaller_side_decides() -> None:
    assert fit_levels(AUTO, (500, 48)) == fit_levels(AUTO, (48, 500)) == 3


def test_a_smaller_window_fits_more_levels() -> None:
    assert fit_levels(replace(AUTO, window_size=5), (96, 96)) == 5


def test_auto_on_pictures_smaller_than_one_window_is_an_error_with_the_smallest_side() -> None:
    with pytest.raises(ValueError, match=r"(?s)10×10|10x10.*11|11.*10"):
        fit_levels(AUTO, (10, 10))


@pytest.mark.parametrize("side", [96, 160])
def test_five_levels_that_do_not_fit_are_an_error_with_smallest_side_and_ways_out(
    side: int,
) -> None:
    with pytest.raises(ValueError, match=r"161.*auto"):
        fit_levels(WANG, (side, side))


def test_five_levels_fit_on_161_pixels() -> None:
    assert fit_levels(WANG, (161, 161)) == 5


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_wangs_exponents_are_cut_and_rescaled_to_sum_1(levels: int) -> None:
    cut = WANG_EXPONENTS[:levels]
    assert fitted_exponents(AUTO, levels) == pytest.approx(tuple(e / sum(cut) for e in cut))
    assert sum(fitted_exponents(AUTO, levels)) == pytest.approx(1, abs=1e-15)


def test_ones_stay_ones() -> None:
    assert fitted_exponents(replace(AUTO, exponents="ones"), 3) == (1.0, 1.0, 1.0)


def test_a_given_sequence_is_used_where_it_fits() -> None:
    given = replace(AUTO, exponents=(0.2, 0.3, 0.5))
    assert fit_levels(given, (48, 48)) == fit_levels(given, (500, 500)) == 3
    assert fitted_exponents(given, 3) == (0.2, 0.3, 0.5)


def test_a_given_sequence_is_never_cut() -> None:
    with pytest.raises(ValueError, match=r"41"):
        fit_levels(replace(AUTO, exponents=(0.2, 0.3, 0.5)), (32, 32))
