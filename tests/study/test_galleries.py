"""Which pictures the galleries show: by a rule, the same each time, the bad beside the good."""

import numpy as np
import pytest

from snellen.errors import UserError
from snellen.study.galleries import choose_galleries

from .fake_answers import make_answers


def test_several_raters_order_the_pictures_by_mean_rank():
    ratings = make_answers(design="crossed", people=7, trials=20).ratings
    found = choose_galleries(ratings, each=5)
    assert found.model == "ms-ssim"
    own = [pick.ranks[2] for pick in found.first]
    assert own == sorted(own)
    assert all(pick.ranks[2] < min(pick.ranks[:2]) for pick in found.first)
    against = [pick.ranks[2] for pick in found.behind]
    assert against == sorted(against, reverse=True)
    assert all(pick.ranks[2] > min(pick.ranks[:2]) for pick in found.behind)
    assert found.first_count + found.behind_count + found.shared_count == 20
    assert {pick.raters for pick in (*found.first, *found.behind)} == {7}


def test_mean_ranks_are_of_main_trials():
    ratings = make_answers(design="crossed", people=4, trials=3, repeats=3).ratings
    found = choose_galleries(ratings, each=3)
    main = ratings.only("main")
    for pick in (*found.first, *found.behind):
        expected = main.ranks[main.picture == pick.picture].mean(0)
        np.testing.assert_allclose(pick.ranks, expected)


def test_equal_ones_come_by_name():
    ratings = make_answers(design="crossed", people=2, trials=30).ratings
    found = choose_galleries(ratings, each=30)
    keys = [(pick.ranks[2], ratings.pictures[pick.picture]) for pick in found.first]
    assert len({key[0] for key in keys}) < len(keys)  # some are equal
    assert keys == sorted(keys)


def test_one_ranking_each_is_drawn_by_a_seed():
    ratings = make_answers(design="nested").ratings
    found = choose_galleries(ratings, each=6)
    assert found == choose_galleries(ratings, each=6)
    assert found.first != choose_galleries(ratings, each=6, seed=1).first
    assert all(pick.ranks[2] == 1 for pick in found.first)
    assert all(pick.ranks[2] > 1 for pick in found.behind)
    assert "seed 0" in found.rule


def test_the_model_can_be_chosen():
    ratings = make_answers().ratings
    assert choose_galleries(ratings, model="mse").model == "mse"
    with pytest.raises(UserError, match="Did you mean 'ms-ssim'"):
        choose_galleries(ratings, model="ms-sim")


def test_a_shared_first_rank_is_in_neither_gallery():
    ratings = make_answers(models=("a", "b"), ties=4.0).ratings
    found = choose_galleries(ratings, each=100)
    assert found.shared_count > 0
    assert len(found.first) == found.first_count
    assert len(found.behind) == found.behind_count


def test_nothing_ranked_gives_no_gallery():
    assert choose_galleries(make_answers(people=0).ratings) is None
