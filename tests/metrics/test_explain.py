"""What `explain` says of two conventions, and whether the numbers beside it are right."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import pytest

import snellen
from snellen.metrics import CONVENTIONS, ms_ssim, ssim
from snellen.metrics.choices_in_words import CHOICES
from snellen.metrics.conventions import WANG, Convention
from snellen.metrics.explain import explanation, sample_pair

PAIRS = list(itertools.combinations(CONVENTIONS, 2))


def test_every_attribute_of_a_convention_belongs_to_one_choice() -> None:
    named = [name for choice in CHOICES for name in choice.names]
    assert sorted(named) == sorted(field.name for field in fields(Convention))


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_what_differs_is_told(first: str, second: str) -> None:
    a, b = CONVENTIONS[first], CONVENTIONS[second]
    told = {difference.title for difference in explanation(first, second).differences}
    both = a.multiscale and b.multiscale
    for choice in CHOICES:
        differs = any(getattr(a, name) != getattr(b, name) for name in choice.names)
        if choice.only_multiscale and not both:
            assert choice.title not in told
        else:
            assert (choice.title in told) == differs


@pytest.mark.parametrize("second", [name for name in CONVENTIONS if name != "wang"])
def test_the_values_are_those_of_the_metrics(second: str) -> None:
    found = explanation("wang", second)
    preds, target = sample_pair()
    for name, values in zip(("wang", second), found.values, strict=True):
        expected = ssim(preds, target, data_range=1.0, convention=name)
        assert values.ssim == pytest.approx(expected.item(), abs=1e-12)
        if CONVENTIONS[name].multiscale:
            expected = ms_ssim(preds, target, data_range=1.0, convention=name)
            assert values.ms_ssim == pytest.approx(expected.item(), abs=1e-12)
        else:
            assert values.ms_ssim is None


def test_one_change_alone_is_measured() -> None:
    found = explanation("wang", "torchmetrics")
    preds, target = sample_pair()
    changed = replace(WANG, channel_order="mean-then-product")
    by_title = dict(zip((d.title for d in found.differences), found.changes, strict=True))
    values = by_title["channels in MS-SSIM"]
    assert values.ssim == found.values[0].ssim
    expected = ms_ssim(preds, target, data_range=1.0, convention=changed).item()
    assert values.ms_ssim == pytest.approx(expected, abs=1e-12)
    assert values.ms_ssim != found.values[0].ms_ssim


def test_a_change_that_needs_another_is_not_measured_alone() -> None:
    text = str(explanation("wang", "poster"))
    changes = explanation("wang", "poster").changes
    assert [change.ssim is None for change in changes] == [False, True, False]
    assert "not by itself" in text


def test_one_convention_is_told_whole() -> None:
    found = explanation("kornia")
    titles = [choice.title for choice in CHOICES if not choice.only_multiscale]
    assert [difference.title for difference in found.differences] == titles
    assert "1e-12 is added" in str(found)
    assert "refuses" in str(found)


def test_conventions_of_ones_own_are_named_by_their_place() -> None:
    text = str(explanation("wang", replace(WANG, window_size=7)))
    assert "wang: 11×11 pixels" in text
    assert "the second: 7×7 pixels" in text


def test_what_does_the_same_is_called_the_same() -> None:
    assert str(explanation("wang", "tensorflow")).startswith("wang and tensorflow do the same.")
    # The width of a Gaussian that is not used makes no difference.
    uniform = CONVENTIONS["scikit-image"]
    assert explanation(uniform, replace(uniform, sigma=3.0)).differences == ()


def test_explain_prints_the_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    snellen.explain("torchmetrics", "matlab")
    assert capsys.readouterr().out == f"{explanation('torchmetrics', 'matlab')}\n"


def test_the_sample_shows_what_every_pair_of_different_conventions_does() -> None:
    for first, second in PAIRS:
        found = explanation(first, second)
        same = len({(v.ssim, v.ms_ssim) for v in found.values}) == 1
        # Two that differ only on pictures smaller than the window, or not at all.
        silent = {frozenset(p) for p in itertools.combinations(("wang", "tensorflow"), 2)}
        silent |= {frozenset(("basicsr", "scikit-image-gaussian"))}
        assert same == (frozenset((first, second)) in silent), (first, second)


def test_lines_are_of_a_readable_length() -> None:
    for first, second in PAIRS:
        assert max(map(len, str(explanation(first, second)).splitlines())) <= 92


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean 'torchmetrics'"):
        snellen.explain("torchmetric")
