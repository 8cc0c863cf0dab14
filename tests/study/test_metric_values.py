import sys

import numpy as np
import pytest
import torch

from snellen import metrics
from snellen.errors import UserError
from snellen.study.metric_values import DEFAULT_METRICS, METRICS, measure_pictures, parse_metric


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def planes(picture):
    stacked = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return torch.from_numpy(stacked[None].astype(np.float64))


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A function of the user's own, in the folder where the command is typed."""
    monkeypatch.chdir(tmp_path)
    yield (tmp_path / "measures_of_mine.py").write_text
    sys.modules.pop("measures_of_mine", None)


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3)])
def test_our_metrics_are_those_of_the_public_functions(shape):
    original, versions = noise(*shape), [noise(*shape, seed=k) for k in (1, 2)]
    tables = measure_pictures([METRICS[name] for name in DEFAULT_METRICS], [(original, versions)])
    values = {table.name: table.values for table in tables}
    x = torch.cat([planes(version) for version in versions])
    y = planes(original).expand_as(x)
    auto = METRICS["ms-ssim"]
    assert auto.lower is False
    expected = {
        "mse": metrics.mse(x, y, reduction="none"),
        "mae": metrics.mae(x, y, reduction="none"),
        "psnr": metrics.psnr(x, y, data_range=255, reduction="none"),
        "ssim": metrics.ssim(x, y, data_range=255, reduction="none"),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(values[name][0], value.numpy(), rtol=1e-9)
        assert values[name].dtype == np.float64
    errors = (versions[0].astype(float) - original) ** 2
    assert values["mse"][0, 0] == pytest.approx(errors.mean())


def test_ms_ssim_takes_as_many_levels_as_fit():
    original, version = noise(40, 50), noise(40, 50, seed=1)
    found = measure_pictures([METRICS["ms-ssim"]], [(original, [version])])[0]
    two = metrics.Convention(levels=2)
    expected = metrics.ms_ssim(planes(version), planes(original), data_range=255, convention=two)
    assert metrics.fit_levels(two, (40, 50)) == 2
    assert found.values[0, 0] == pytest.approx(float(expected), rel=1e-9)


def test_which_side_is_better_is_known_of_ours():
    assert [METRICS[name].lower for name in DEFAULT_METRICS] == [True, True, False, False, False]


def test_equal_pictures_have_an_infinite_psnr():
    picture = noise(12, 12)
    found = measure_pictures([METRICS["psnr"]], [(picture, [picture])])[0]
    assert found.values[0, 0] == np.inf


def test_pictures_of_different_sizes_and_colours_are_read_one_by_one():
    pictures = [(noise(*shape), [noise(*shape, seed=1)] * 2) for shape in ((12, 20), (30, 12, 3))]
    found = measure_pictures([METRICS["ssim"]], iter(pictures))[0]
    assert found.values.shape == (2, 2)
    assert (found.values[:, 0] == found.values[:, 1]).all()


def test_a_picture_that_is_too_small_is_a_reason():
    pictures = [(noise(20, 20), [noise(20, 20)]), (noise(20, 8), [noise(20, 8)])]
    mae, ssim = measure_pictures([METRICS["mae"], METRICS["ssim"]], pictures)
    assert mae.values.shape == (2, 1)
    assert not mae.missing
    assert ssim.missing == "picture 2 is 8 pixels wide or high; 11 are needed"


def test_a_function_of_ones_own_gets_floats_from_0_to_1(own):
    own(
        "def brightest(preds, target, data_range=None):\n"
        "    assert preds.shape == (1, 1, 4, 4) and str(preds.dtype) == 'torch.float32'\n"
        "    assert data_range == 1.0 and target.max() <= 1\n"
        "    return preds.max()\n"
    )
    metric = parse_metric("measures_of_mine:brightest:higher")
    assert metric.lower is False
    version = np.full((4, 4), 51, np.uint8)
    found = measure_pictures([metric], [(noise(4, 4), [version])])[0]
    assert found.values[0, 0] == pytest.approx(0.2)


def test_a_function_that_gives_nan_has_no_values(own):
    own("def empty(preds, target):\n    return float('nan')\n")
    found = measure_pictures(
        [parse_metric("measures_of_mine:empty:lower")], [(noise(4, 4), [noise(4, 4)])] * 2
    )[0]
    assert found.missing == "it gave NaN on picture 1"


@pytest.mark.parametrize(
    ("body", "words"),
    [("raise RuntimeError('no luck')", "RuntimeError: no luck"), ("return preds", "failed on")],
)
def test_a_function_that_fails_is_named(own, body, words):
    own(f"def mine(preds, target):\n    {body}\n")
    metric = parse_metric("measures_of_mine:mine:lower")
    with pytest.raises(UserError, match=words) as caught:
        measure_pictures([metric], [(noise(4, 4), [noise(4, 4)])])
    assert "'measures_of_mine:mine'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("msee", "Did you mean 'mse'"),
        ("", "there is no metric"),
        ("math:hypot", "Type math:hypot:lower or math:hypot:higher"),
        ("math:hypot:better", "Type math:hypot:lower"),
        ("no_such_module_here:f:lower", "cannot be loaded"),
        ("math:hypt:lower", "Did you mean 'hypot'"),
        ("math:pi:lower", "is not a function"),
        ("fractions:Fraction:lower", "is not a function"),
    ],
)
def test_a_metric_that_cannot_be_is_refused_in_a_sentence(name, words):
    with pytest.raises(UserError) as caught:
        parse_metric(name)
    assert words in str(caught.value)


@pytest.mark.parametrize("bad", [np.zeros((4, 4)), np.zeros(4, np.uint8)])
def test_other_arrays_are_refused(bad):
    with pytest.raises(ValueError, match="uint8"):
        measure_pictures([METRICS["mse"]], [(bad, [bad])])


def test_a_model_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="picture 1"):
        measure_pictures([METRICS["mse"]], [(noise(4, 4), [noise(4, 5)])])
