"""``study.yaml`` as people edit it: nothing is overlooked, and each mistake has its line."""

import pytest

from snellen.errors import UserError
from snellen.study.config import parse_config, read_study_config
from snellen.study.plain_yaml import read_plain_yaml

KNOWN = {
    "title": "t",
    "instructions": "i",
    "consent": "c",
    "contact": "x",
    "models": ["a", "b"],
    "design": "crossed",
    "people": 2,
    "trials_per_person": 3,
}


def refused(data):
    with pytest.raises(UserError) as found:
        read_plain_yaml(data, "study.yaml")
    return str(found.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("people: 20\nseed: 0\npeople: 30\n", "line 3: the key 'people' comes twice: keep one."),
        ("exclusion:\n  a: 1\n  a: 2\n", "line 3: the key 'a' comes twice"),
        ("seed: 0\n\tpeople: 20\n", "line 2: a tab stands where YAML takes spaces only"),
        ("seed: 0\ntitle: Which: closest\n", "line 2: a text with a colon in it needs quotes"),
        ("seed: 0\nmodels: [a\n", "this is not YAML (expected ',' or ']'"),
        ("seed: 0\n---\nseed: 1\n", "line 2: another document begins (---): keep one."),
        ("a: !!python/name:os.system\n", "line 1: this is not YAML (could not determine"),
        ("a: 1\nb: \x07\n", "line 2, holds the character U+0007, which YAML does not allow"),
        ("a: 1\nb: ü\n".encode("latin-1"), "line 2, is not UTF-8: save the file as UTF-8."),
        ("a: " + "[" * 5000, "is nested too deeply"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(data, said):
    sentence = refused(data)
    assert said in sentence
    assert sentence.startswith("study.yaml")
    assert "\n" not in sentence


@pytest.mark.parametrize("text", ["010", "0x10", "1_000", "1:30", "no", "yes", "on", "2026-11-28"])
def test_what_only_an_old_yaml_takes_for_something_else_is_a_text(text):
    assert read_plain_yaml(f"a: {text}", "x") == {"a": text}


def test_numbers_and_the_rest_are_what_they_look_like():
    text = "\ufeffa: 20\r\nb: -1.5\r\nc: true\r\nd:\r\ne: .5\r\nf: 0\r\n"
    wanted = {"a": 20, "b": -1.5, "c": True, "d": None, "e": 0.5, "f": 0}
    assert read_plain_yaml(text.encode(), "x") == wanted


def test_nothing_comes_from_elsewhere():
    with pytest.raises(UserError, match="there is no key '<<'"):
        parse_config(read_plain_yaml("<<: {people: 30}", "x"))


def test_a_key_that_comes_twice_in_study_yaml(tmp_path):
    place = tmp_path / "study.yaml"
    place.write_text("people: 20\npeople: 30\n")
    with pytest.raises(UserError, match=r"study\.yaml, line 2: the key 'people' comes twice"):
        read_study_config(place)


STUDY = """\
# A study.
title: t
instructions: >
  Rank.

  Please.
consent: c
contact: x
models:
- a
- b
design: crossed
people: 2
trials_per_person: 3
exclusion:
  # Catch trials that may be failed.
  max_failed_catch: 1
  min_retest: null
platform:
  kind: mturk

  minutes: 60
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "max_failed_catch:",
            "max_failed_catsh:",
            ", line 17: there is no key 'exclusion.max_failed_catsh'. Did you mean 'max_failed_cat",
        ),
        ("max_failed_catch:", "foo:", ", line 17: there is no key 'exclusion.foo'."),
        ("people:", "pepole:", ", line 13: there is no key 'pepole'. Did you mean 'people'?"),
        ("people: 2", "people: 2\nfoo: 1", ", line 14: there is no key 'foo'."),
        (
            "minutes:",
            "minuets:",
            ", line 22: platform: kind mturk has no key 'minuets'. Did you mean 'minutes'? It has",
        ),
        ("people: 2", "people: two", ", line 13: people: input should be a valid integer"),
        ("design: crossed", "design: cross", ", line 12: design: input should be"),
        ("min_retest: null", "min_retest: 2", ", line 18: exclusion.min_retest: input should be"),
        ("minutes: 60", "minutes: 0", ", line 22: platform.minutes: input should be greater"),
        ("kind: mturk", "kind: email", ", line 20: platform.kind: need one of open, prolific, mt"),
        ("kind: mturk", "sandbox: true", ", line 19: platform.kind is missing: need one of"),
        ("kind: mturk", "kind: prolific", ", line 19: platform.completed is missing, which kind"),
        ("- b", "- 5", ", line 11: models.1: input should be a valid string (got 5): put it into"),
        ("- b", "- a", ", line 9: models: each model may be named once"),
        ("people: 2", "pictures: 0\npeople: 2", ", line 13: pictures: need all, a number from 1"),
        ("people: 2", "people: 2\nplatform: 3", ", line 20: the key 'platform' comes twice"),
        ("people: 2\n", "", ": people is missing."),
    ],
)
def test_a_mistake_in_study_yaml_has_its_line(tmp_path, old, new, said):
    assert STUDY.count(old) == 1
    place = tmp_path / "study.yaml"
    place.write_text(STUDY)
    assert read_study_config(place).people == 2
    place.write_text("\ufeff" + STUDY.replace(old, new))
    with pytest.raises(UserError) as found:
        read_study_config(place)
    assert str(found.value).startswith(f"{place}{said}")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "models:\n- a\n- b",
            "models: &a [*a]",
            "line 9: models.0: input should be a valid string",
        ),
        ("people: 2", "foo: &a {foo: *a}", "line 13: there is no key 'foo'."),
        ("min_retest: null", "min_retest: &a {b: *a}", "line 18: exclusion.min_retest: input"),
    ],
)
def test_values_without_end_end_in_a_sentence(tmp_path, old, new, said):
    assert STUDY.count(old) == 1
    place = tmp_path / "study.yaml"
    place.write_text(STUDY.replace(old, new))
    with pytest.raises(UserError) as found:
        read_study_config(place)
    assert str(found.value).startswith(f"{place}, {said}")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"people": None}, "people: input should be a valid integer (got nothing)."),
        ({"people": True}, "people: input should be a valid integer (got true)."),
        ({"title": 5}, "title: input should be a valid string (got 5): put it into quotes."),
        ({"pictures": 0}, "pictures: need all, a number from 1, or a list of names (got 0)."),
        ({"pictures": [1]}, "pictures: need all, a number from 1, or a list of names (got [1])."),
        ({"pictures": ["a", "a"]}, "pictures: each picture may be named once"),
        ({"magnify": 2.5}, "magnify: need auto, or a whole number from 1 to 16 (got 2.5)."),
        ({"language": "xx!"}, "language: need a language as BCP 47 spells it, like en"),
        ({"platform": {}}, "platform.kind is missing: need one of open, prolific, mturk."),
        ({"platform": {"kind": "x"}}, "platform.kind: need one of open, prolific, mturk (got 'x')"),
        ({"platform": 3}, "platform: "),
        ({"platform": {"kind": "mturk", "invitations": False}}, "kind mturk has no key 'invitat"),
        ({"platform": {"kind": "mturk", "reward": 2.5}}, "dollars and cents in quotes"),
        (
            {"platform": {"kind": "mturk", "minutes": 0}},
            "platform.minutes: input should be greater",
        ),
        ({"platform": {"kind": "prolific"}}, "`snellen study create --platform prolific` makes"),
        (
            {"exclusion": {"min_retst": 1}},
            "no key 'exclusion.min_retst'. Did you mean 'min_retest'",
        ),
        ({"exclusion": {"min_median_seconds": float("inf")}}, "should be a finite number"),
    ],
)
def test_a_value_that_cannot_be(values, said):
    with pytest.raises(UserError) as found:
        parse_config({**KNOWN, **values})
    assert said in str(found.value)
    assert "literal[" not in str(found.value)
