"""``study.yaml`` says every key with what it means, and is read as exactly what was meant."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from snellen.study.config import Exclusion, StudyConfig, parse_config
from snellen.study.study_yaml import (
    PLATFORMS,
    config_as_yaml,
    default_consent,
    default_instructions,
    default_platform,
)

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text("ab #:>|-'\"\n\t%&*!?[]{},\\\u2028\x85", min_size=1, max_size=60),
)


def config(**values):
    return StudyConfig(
        **{
            "title": "t",
            "instructions": "i",
            "consent": "c",
            "contact": "x",
            "models": ("a", "b"),
            "design": "crossed",
            "people": 2,
            "trials_per_person": 3,
            **values,
        }
    )


def read(text):
    return parse_config(yaml.safe_load(text))


@given(TEXTS, TEXTS, TEXTS)
def test_any_text_comes_back(title, consent, model):
    made = config(
        title=title, consent=consent, instructions=consent * 5, models=(model, model + "2")
    )
    assert read(config_as_yaml(made)) == made


def test_words_that_yaml_reads_otherwise_come_back():
    for word in ("no", "null", "1e3", "0x10", "2026-01-01", "~", "- a", "a: b", "12:30", "=", "<<"):
        made = config(title=word, contact=word, models=(word, "b"), language="no")
        assert read(config_as_yaml(made)) == made


def test_every_value_comes_back():
    for kind in PLATFORMS:
        made = config(
            pictures=("boat 1", "#2"),
            magnify=2,
            ties=True,
            exclusion=Exclusion(max_failed_catch=None, min_median_seconds=1e-7, min_retest=-0.5),
            platform=default_platform(kind),
            small_screens="refuse",
        )
        assert read(config_as_yaml(made)) == made


def test_every_key_is_there_and_explained():
    for kind in PLATFORMS:
        made = config(platform=default_platform(kind))
        text = config_as_yaml(made)
        values = made.model_dump(mode="json")
        assert set(yaml.safe_load(text)) == set(values)
        lines = text.splitlines()
        for key in [*values, *values["exclusion"], *values["platform"]]:
            place = next(k for k, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
            assert lines[place - 1].strip().startswith("#") or key in ("exclusion", "platform")


def test_texts_are_easy_to_edit():
    consent = default_consent(default_platform("open"), retention_days=365)
    text = config_as_yaml(config(consent=consent, instructions=default_instructions(ties=False)))
    assert "consent: >" in text
    assert "instructions: >" in text
    assert max(map(len, text.splitlines())) <= 100
    assert consent.count("[FILL IN") == text.count("[FILL IN") - 1  # one is in a comment


def test_the_texts_follow_the_options():
    assert "same rank" in default_instructions(ties=True)
    assert "same rank" not in default_instructions(ties=False)
    consents = {
        kind: default_consent(default_platform(kind), retention_days=30) for kind in PLATFORMS
    }
    assert "Prolific ID" in consents["prolific"]
    assert "worker ID" in consents["mturk"]
    assert "ID" not in consents["open"].replace("IP", "")
    assert all("30 days" in text for text in consents.values())
