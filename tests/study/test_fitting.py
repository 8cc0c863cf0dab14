"""Numbers of people and trials that fit the pictures."""

import pytest

from snellen.errors import UserError
from snellen.study.config import StudyConfig
from snellen.study.fitting import fit_design, in_words


def test_a_thousand_pictures_are_the_posters_study():
    fit = fit_design(1000)
    assert (fit.design, fit.people, fit.trials) == ("nested", 20, 50)
    assert fit_design(100_000).design == "nested"


@pytest.mark.parametrize("count", [1, 2, 3, 9, 19, 50])
def test_everyone_sees_all_of_few(count):
    fit = fit_design(count)
    assert (fit.design, fit.people, fit.trials, fit.pictures) == ("crossed", 20, count, count)


@pytest.mark.parametrize(("count", "used"), [(51, 51), (500, 500), (501, 500), (999, 500)])
def test_at_least_two_people_see_each_of_some(count, used):
    fit = fit_design(count)
    assert (fit.design, fit.trials, fit.pictures) == ("balanced-incomplete", 50, used)
    assert fit.people * fit.trials >= 2 * fit.pictures


@pytest.mark.parametrize("count", [1, 5, 19, 20, 100, 999])
def test_nested_numbers_fit(count):
    fit = fit_design(count, design="nested")
    assert fit.people * fit.trials <= count
    fit = fit_design(count, design="nested", trials=1)
    assert fit.people <= count
    assert fit_design(count, design="nested", people=1).trials == min(50, count)


def test_what_was_asked_for_is_kept():
    fit = fit_design(30, design="nested", people=7, trials=9)
    assert (fit.design, fit.people, fit.trials) == ("nested", 7, 9)
    assert fit_design(30, trials=10).design == "balanced-incomplete"
    assert fit_design(30, people=5).people == 5
    assert fit_design(3000, people=100).design == "balanced-incomplete"


def test_few_trials_have_few_repeats():
    assert [fit_design(count).repeats for count in (1, 4, 5, 9, 10, 50)] == [0, 0, 1, 1, 2, 2]
    assert [fit_design(count).catch_trials for count in (1, 2, 4, 50)] == [0, 1, 2, 2]


def test_numbers_that_cannot_be():
    with pytest.raises(UserError, match="--people 0"):
        fit_design(10, people=0)
    with pytest.raises(UserError, match="--trials -1"):
        fit_design(10, trials=-1)


def test_it_is_said_in_words():
    def said(pictures, **wanted):
        fit = fit_design(pictures, **wanted)
        values = dict.fromkeys(("title", "instructions", "consent", "contact"), "x")
        config = StudyConfig(
            **values,
            models=("a", "b"),
            design=fit.design,
            people=fit.people,
            trials_per_person=fit.trials,
            catch_trials=fit.catch_trials,
            repeats=fit.repeats,
        )
        return in_words(config, fit.pictures)

    assert said(1000) == (
        "nested: 20 people rank 2 models; each sees 50 pictures of their own, which nobody else"
        " ranks. 1,000 rankings; for each person 50 + 3 to practise + 2 to catch who does not look"
        " + 2 repeated trials, about 14 minutes."
    )
    assert "everyone sees the same 1 picture." in said(1)
    assert "each picture is ranked by 3 or 4 people" in said(300)
    assert "each picture is ranked by 2 people" in said(999)
