"""What every experiment writes down of itself."""

import json

import pytest

from snellen.experiments.running import head_of_results
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig


@pytest.mark.parametrize(
    ("resumed", "later"),
    [([], None), (["a", "a"], None), (["a", "b", "b", "c"], ["b", "c"])],
)
def test_the_commit_is_that_of_the_code_that_trained(tmp_path, resumed, later):
    starts = {"command": "snellen …", "commit": "a", "resumed": [{"commit": c} for c in resumed]}
    (tmp_path / "environment.json").write_text(json.dumps(starts))
    head = head_of_results("super-resolution", tmp_path, SuperResolutionConfig())
    assert head["commit"] == "a"
    assert head.get("resumed_at") == later
