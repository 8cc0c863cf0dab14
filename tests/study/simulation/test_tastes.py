import numpy as np
import pytest

from snellen.errors import UserError
from snellen.study.design import ORIGINAL_SHOWN
from snellen.study.folder import open_study
from snellen.study.simulation import METRICS, SimulationOptions
from snellen.study.simulation.tastes import gather

from ..studies import make_study

GIVEN = {"mse": 0.0, "mae": -0.2, "ms-ssim": 0.4}


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_metric_likes_what_is_nearer_to_the_original(tmp_path, metric, channels):
    study = make_study(tmp_path / "s", channels=channels)  # mse is the least noisy model here
    base = gather(study, SimulationOptions(metric=metric)).base
    assert base.shape == (8, 3)
    assert (np.diff(base, axis=1) < 0).all()
    np.testing.assert_allclose(base.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(base.std(), 1)


def test_pictures_that_are_not_shown_do_not_count(tmp_path):
    study = make_study(tmp_path / "s", pictures=9, people=2)
    with (study.path / "study.yaml").open("a") as file:
        file.write("pictures: 4\n")
    fewer = open_study(study.path)
    base = gather(fewer, SimulationOptions()).base
    used = list(fewer.indices)
    assert (np.delete(base, used, axis=0) == 0).all()
    np.testing.assert_allclose(base[used].std(), 1)
    assert not np.allclose(base[used], gather(study, SimulationOptions()).base[used])


def test_given_utilities_are_taken_as_they_are(study):
    crowd = gather(study, SimulationOptions(utilities=GIVEN))
    assert (crowd.base == [0.0, -0.2, 0.4]).all()


@pytest.mark.parametrize(
    ("utilities", "sentence"),
    [
        ({"mse": 0, "mae": 0}, "lacks 'ms-ssim'"),
        (GIVEN | {"mss": 1}, "no model 'mss'.*Did you mean 'mse'"),
        (GIVEN | {"mse": float("nan")}, "a number is needed"),
    ],
)
def test_utilities_name_each_model(study, utilities, sentence):
    with pytest.raises(UserError, match=sentence):
        gather(study, SimulationOptions(utilities=utilities))


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "ms-sim"},
        {"people": 0},
        {"people": 5},  # there are 4 places
        {"inattentive": 1.0},
        {"inattentive": -0.1},
        {"person_sd": -1.0},
        {"picture_sd": float("nan")},
        {"seed": -1},
    ],
)
def test_impossible_options_are_one_sentence(study, wrong):
    with pytest.raises(UserError) as caught:
        gather(study, SimulationOptions(**wrong))
    assert "\n" not in str(caught.value)


def test_models_that_made_the_same_everywhere_have_no_metric(tmp_path):
    study = make_study(tmp_path / "s", noise={"mse": 0, "mae": 0, "ms-ssim": 0})
    with pytest.raises(UserError, match="finds no difference"):
        gather(study, SimulationOptions())


def test_pictures_too_small_for_the_metric_are_said(tmp_path):
    study = make_study(tmp_path / "s", size=(8, 8))
    for metric in ("ssim", "ms-ssim"):
        with pytest.raises(UserError) as caught:
            gather(study, SimulationOptions(metric=metric))
        assert str(caught.value) == (
            f"{metric} needs pictures of 11 × 11 pixels or more, and one is 8 × 8: type --metric "
            "mse, mae or psnr, or give --utilities."
        )
    gather(study, SimulationOptions(metric="mse"))


def test_the_share_of_the_inattentive_is_what_was_asked_for(tmp_path):
    study = make_study(tmp_path / "s", people=20, pictures=40)
    assert gather(study, SimulationOptions(inattentive=0.25)).inattentive.sum() == 5
    assert not gather(study, SimulationOptions(inattentive=0.0)).inattentive.any()


def test_who_does_not_look_fails_every_catch_trial_and_is_fast(study):
    crowd = gather(study, SimulationOptions(inattentive=0.9))
    careless = crowd.observer(int(np.flatnonzero(crowd.inattentive)[0]))
    orders = set()
    for _ in range(60):
        ranks = careless.rank(0, (0, ORIGINAL_SHOWN, 2))
        assert sorted(ranks) == [1, 2, 3]
        assert ranks[1] != 1
        orders.add(tuple(careless.rank(0, (0, 1, 2))))
    assert len(orders) == 6
    times = [careless.take_time() for _ in range(60)]
    assert np.median([submit - onset for onset, _, submit in times]) < 1000


def test_who_looks_finds_the_original_and_takes_time(study):
    crowd = gather(study, SimulationOptions(inattentive=0.0))
    observer = crowd.observer(1)
    found = [observer.rank(2, (ORIGINAL_SHOWN, 1, 2))[0] == 1 for _ in range(200)]
    assert np.mean(found) > 0.97
    times = [observer.take_time() for _ in range(60)]
    assert np.median([submit - onset for onset, _, submit in times]) > 2000
    flat = np.ravel(times)
    assert (np.diff(flat) > 0).all()  # one clock, and it never goes back


def test_observers_rank_by_utility_person_and_picture(study):
    crowd = gather(
        study, SimulationOptions(utilities=GIVEN, person_sd=3.0, picture_sd=3.0, inattentive=0.0)
    )
    observer = crowd.observer(0)
    likes = crowd.panel.picture[4] + crowd.panel.person[0]
    ranks = np.mean([observer.rank(4, (2, 0, 1)) for _ in range(500)], axis=0)
    assert (np.argsort(ranks) == np.argsort(-likes[[2, 0, 1]])).all()


def test_ties_come_only_where_the_study_allows_them(tmp_path):
    for ties in (False, True):
        study = make_study(tmp_path / str(ties), ties=ties)
        options = SimulationOptions(utilities=GIVEN, tie_threshold=2.0, inattentive=0.0)
        observer = gather(study, options).observer(0)
        tied = [len(set(observer.rank(0, (0, 1, 2)))) < 3 for _ in range(50)]
        assert any(tied) is ties


def test_the_seed_makes_the_observers(study):
    def answers(seed):
        crowd = gather(study, SimulationOptions(seed=seed))
        return [[crowd.observer(k).rank(p, (0, 1, 2)) for p in range(8)] for k in range(4)]

    assert answers(3) == answers(3)
    assert answers(3) != answers(4)


def test_one_observer_does_not_depend_on_when_others_answer(study):
    crowd = gather(study, SimulationOptions())
    alone = [crowd.observer(2).rank(0, (0, 1, 2))]
    crowd.observer(1).rank(0, (0, 1, 2))
    assert [crowd.observer(2).rank(0, (0, 1, 2))] == alone
