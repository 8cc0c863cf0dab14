import numpy as np
import pytest
from hypothesis import given

from snellen.study.design import make_plan, plan_pictures

from .helpers import spread, studies


@given(studies())
def test_pictures_are_dealt_as_the_design_says(study):
    found, indices = study
    plan = make_plan(found, indices)
    assert plan.picture.shape == (found.people, found.trials_per_person)
    assert set(plan.picture.ravel().tolist()) <= set(indices)
    assert all(len(set(row)) == len(row) for row in plan.picture.tolist())
    if found.design == "nested":
        assert len(np.unique(plan.picture)) == plan.picture.size
    elif found.design == "crossed":
        assert len({tuple(sorted(row)) for row in plan.picture.tolist()}) == 1
    else:
        places = np.searchsorted(indices, plan.picture.ravel())
        assert spread(places, len(indices)) <= 1
        assert len(np.unique(places)) == len(indices)


@pytest.mark.parametrize(
    ("people", "trials", "pictures", "most"),
    [(7, 3, 7, 1), (20, 50, 200, 11), (20, 10, 40, 3), (12, 6, 9, 5)],
)
def test_any_two_people_share_about_equally_many_pictures(people, trials, pictures, most):
    chosen = plan_pictures("balanced-incomplete", people, trials, pictures)
    judged = np.zeros((people, pictures), int)
    judged[np.arange(people)[:, None], chosen] = 1
    shared = (judged @ judged.T)[np.triu_indices(people, 1)]
    assert shared.max() <= most
    judges = people * trials / pictures  # of a picture: so many pairs of people share it
    assert shared.mean() == pytest.approx(
        pictures * judges * (judges - 1) / (people * (people - 1))
    )
