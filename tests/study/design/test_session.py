import numpy as np
from hypothesis import assume, given

from snellen.study.design import make_plan

from .helpers import spread, studies


@given(studies())
def test_a_session_has_what_the_configuration_asks_for(study):
    found, indices = study
    plan = make_plan(found, indices)
    for slot in range(plan.people):
        session = plan.trials(slot)
        kinds = [trial.kind for trial in session]
        counts = {kind: kinds.count(kind) for kind in ("training", "main", "catch", "repeat")}
        assert counts == {
            "training": found.training_trials,
            "main": found.trials_per_person,
            "catch": found.catch_trials,
            "repeat": found.repeats,
        }
        assert set(kinds[: found.training_trials]) <= {"training"}
        assert kinds[found.training_trials] == "main"
        main = [trial for trial in session if trial.kind == "main"]
        assert [trial.picture for trial in main] == plan.picture[slot].tolist()
        assert [trial.shown for trial in main] == [tuple(s) for s in plan.shown[slot].tolist()]
        for place, trial in enumerate(session):
            if trial.kind == "catch":
                assert trial.shown.count(-1) == 1
                assert len(set(trial.shown)) == plan.models
            else:
                assert sorted(trial.shown) == list(range(plan.models))
            if trial.kind == "repeat":
                (first,) = (
                    k
                    for k, other in enumerate(session)
                    if other.kind == "main" and other.picture == trial.picture
                )
                assert place - first >= found.trials_per_person / 3
                assert all(a != b for a, b in zip(trial.shown, session[first].shown, strict=True))
        assert plan.trials(slot) == session


@given(studies())
def test_training_and_catch_trials_keep_away_from_what_is_judged(study):
    found, indices = study
    plan = make_plan(found, indices)
    for slot in range(plan.people):
        own = set(plan.picture[slot].tolist())
        others = [t.picture for t in plan.trials(slot) if t.kind in ("training", "catch")]
        free = len(indices) - len(own)
        assert sum(picture in own for picture in others) == max(0, len(others) - free) or (
            len(others) > len(indices)
        )
        assert len(set(others)) == min(len(others), len(indices))


@given(studies())
def test_catch_trials_replace_each_model_and_use_each_place_equally(study):
    found, indices = study
    plan = make_plan(found, indices)
    assume(found.catch_trials)
    models = plan.models
    missing = np.array(
        [[(set(range(models)) - set(shown)).pop() for shown in row] for row in plan.catch.tolist()]
    )
    places = np.argmin(plan.catch, axis=2)
    for found_in in (missing, places):
        assert spread(found_in.ravel(), models) <= 1
        assert all(spread(row, models) <= 1 for row in found_in)
