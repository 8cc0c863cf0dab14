"""What represent can be told."""

from __future__ import annotations

import pytest

from snellen.errors import UserError
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.settings import preset_names, resolve


@pytest.mark.parametrize("name", preset_names(RepresentationConfig))
def test_a_preset_serves_other_losses_too(name: str) -> None:
    config = resolve(RepresentationConfig, preset=name, options={"losses": "mae,ssim"})
    assert config.losses == ("mae", "ssim")
    assert set(config.learning_rates) <= {"mae"}


def test_lists_are_texts_too_and_grids_are_ordered() -> None:
    config = resolve(
        RepresentationConfig,
        options={"splits": "random, people", "baselines": "pca"},
        assignments=["svm_c=[10, 1]", "svm_gamma=0.3"],
    )
    assert config.splits == ("random", "people")
    assert config.baselines == ("pca",)
    assert (config.svm_c, config.svm_gamma) == ((1, 10), (0.3,))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"baselines": "pixels,pixels"}, "each may be named once"),
        ({"losses": "mse,untrained"}, "'untrained' is the name of a baseline"),
        ({"folds": 0}, "folds"),
        ({"splits": ""}, "at least one"),
    ],
)
def test_what_cannot_be_is_one_sentence(options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(RepresentationConfig, options=options)
    assert said in str(caught.value)
