import pytest
from hypothesis import given
from hypothesis import strategies as st

from snellen.errors import UserError
from snellen.study.config import DESIGNS
from snellen.study.design import fits, make_plan, misfit

from .helpers import config


@given(st.sampled_from(DESIGNS), st.integers(1, 30), st.integers(1, 30), st.integers(1, 900))
def test_what_is_offered_for_an_impossible_design_fits(design, people, trials, pictures):
    sentence = misfit(design, people, trials, pictures)
    asked = {"design": design, "people": people, "trials_per_person": trials, "pictures": pictures}
    offered = fits(design, people, trials, pictures)
    assert bool(offered) == bool(sentence)
    for way in offered:
        assert misfit(*{**asked, **way}.values()) == ""
        assert all(f"{key}: {value}" in sentence for key, value in way.items())


def test_an_impossible_design_is_told_with_what_would_fit():
    with pytest.raises(UserError) as error:
        make_plan(config("nested", 20, 50), range(600))
    assert str(error.value) == (
        "nested: 20 people × 50 trials need 1000 pictures; there are 600: type trials_per_person:"
        " 30, or people: 12, or design: crossed, or design: balanced-incomplete."
    )
    with pytest.raises(UserError, match=r"there is 1: type trials_per_person: 1\."):
        make_plan(config("crossed", 20, 2), [7])
    with pytest.raises(UserError, match="each is to be judged: type design: nested, or pictures"):
        make_plan(config("balanced-incomplete", 4, 5), range(100))
    with pytest.raises(UserError, match="no pictures"):
        make_plan(config(), [])
    with pytest.raises(UserError, match="type repeats: 2, or trials_per_person: 3"):
        make_plan(config(trials=2, repeats=3), range(9))
