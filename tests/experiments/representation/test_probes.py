"""The search over kernels, C and gamma: against scikit-learn's own, and blind to the test."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from snellen.datasets import Column
from snellen.experiments.representation import probes
from snellen.experiments.representation.divisions import assign_parts
from snellen.experiments.representation.probes import Grid, errors, probe, standardised

WIDTH = 6
GRID = Grid(c=(1, 10), gamma=(0.1, 0.5), linear_c=(0.1, 1))


def codes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(2, 3, (count, WIDTH))


def labels(points: np.ndarray, seed: int = 1) -> tuple[Column, Column, Column]:
    """A class, a number and an angle that the codes tell, with some noise."""
    rng = np.random.default_rng(seed)
    kind = (points[:, 0] + points[:, 1] ** 2 / 3 > 6).astype(np.int64)
    kind += 2 * (points[:, 2] > 2)
    number = np.tanh((points[:, 3] - 2) / 3) * 40 + points[:, 4] + rng.normal(0, 1, len(points))
    angle = np.degrees(np.arctan2(points[:, 4] - 2, points[:, 5] - 2)) % 360
    return (
        Column("kind", "class", kind, ("a", "b", "c", "d")),
        Column("number", "number", number),
        Column("angle", "circular", angle, period=360.0),
    )


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return codes(240)


@pytest.fixture(scope="module")
def columns(points: np.ndarray) -> tuple[Column, Column, Column]:
    return labels(points)


TRAIN, HELD_OUT = np.arange(180), np.arange(180, 240)


def test_the_search_is_that_of_scikit_learn(
    points: np.ndarray, columns: tuple[Column, Column, Column]
) -> None:
    """The same standardising, folds and grid through GridSearchCV: same choice, same answers."""
    # scikit-learn standardises anew inside each fold; here the whole training part decides, which
    # the machines cannot tell from scaled inputs: so hand it scaled inputs.
    left, right = standardised(points[TRAIN], points[HELD_OUT])
    grid = dataclasses.replace(GRID, kernels=("rbf",))
    found = probe(points[TRAIN], points[HELD_OUT], columns[:2], TRAIN, grid=grid)
    kind, number = columns[:2]
    parts = assign_parts(180, 3, ("inner", 0), classes=kind.values[TRAIN])
    oracle = GridSearchCV(
        SVC(),
        {"C": [1, 10], "gamma": [0.1 / WIDTH, 0.5 / WIDTH]},
        cv=PredefinedSplit(parts),
    ).fit(left, kind.values[TRAIN])
    assert found["kind"].machine.c == oracle.best_params_["C"]
    assert found["kind"].machine.gamma / WIDTH == pytest.approx(oracle.best_params_["gamma"])
    assert found["kind"].inner == pytest.approx(1 - oracle.best_score_, abs=1e-3)
    assert found["kind"].predictions.tolist() == oracle.predict(right).tolist()

    mean, deviation = number.values[TRAIN].mean(), number.values[TRAIN].std()
    machine = found["number"].machine
    regression = SVR(C=machine.c, gamma=machine.gamma / WIDTH, epsilon=grid.epsilon)
    regression.fit(left, (number.values[TRAIN] - mean) / deviation)
    said = regression.predict(right) * deviation + mean
    assert np.allclose(found["number"].predictions, said, atol=0.05)


def test_the_linear_kernel_is_that_of_scikit_learn(
    points: np.ndarray, columns: tuple[Column, Column, Column]
) -> None:
    grid = dataclasses.replace(GRID, kernels=("linear",), linear_c=(1,))
    found = probe(points[TRAIN], points[HELD_OUT], columns[:1], TRAIN, grid=grid)["kind"]
    oracle = make_pipeline(StandardScaler(), SVC(kernel="linear", C=1 / WIDTH))
    oracle.fit(points[TRAIN], columns[0].values[TRAIN])
    assert found.predictions.tolist() == oracle.predict(points[HELD_OUT]).tolist()


def test_what_the_codes_tell_is_found(
    points: np.ndarray, columns: tuple[Column, Column, Column]
) -> None:
    found = probe(points[TRAIN], points[HELD_OUT], columns, TRAIN, grid=GRID)
    kind, number, angle = columns
    assert errors(kind, found["kind"].predictions, kind.values[HELD_OUT]).mean() < 0.25
    spread = number.values[HELD_OUT].var()
    said = found["number"].predictions
    assert errors(number, said, number.values[HELD_OUT]).mean() < 0.5 * spread
    # Guessing an angle at random costs 360²/12.
    wrong = errors(angle, found["angle"].predictions, angle.values[HELD_OUT]).mean()
    assert wrong < 0.2 * 360**2 / 12
    assert set(found["kind"].by_kernel) == {"rbf", "linear"}


def test_moving_the_labels_of_the_test_changes_nothing(
    points: np.ndarray, columns: tuple[Column, Column, Column]
) -> None:
    """No label of the test part reaches the training or the choice."""
    before = probe(points[TRAIN], points[HELD_OUT], columns, TRAIN, grid=GRID)
    moved = []
    for column in columns:
        values = column.values.copy()
        values[HELD_OUT] = np.roll(values[HELD_OUT], 7)
        moved.append(dataclasses.replace(column, values=values))
    after = probe(points[TRAIN], points[HELD_OUT], moved, TRAIN, grid=GRID)
    for name, found in before.items():
        assert found.machine == after[name].machine
        assert found.inner == after[name].inner
        assert found.predictions.tolist() == after[name].predictions.tolist()


def test_shuffled_training_labels_give_chance() -> None:
    """What is learnt from labels that mean nothing is nothing: no way around the labels."""
    many = codes(400, seed=5)
    columns = labels(many)
    train, held_out = np.arange(250), np.arange(250, 400)
    wrong: dict[str, list[float]] = {column.name: [] for column in columns}
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(250)
        shuffled = [
            dataclasses.replace(c, values=np.concatenate([c.values[:250][order], c.values[250:]]))
            for c in columns
        ]
        found = probe(many[train], many[held_out], shuffled, train, grid=GRID)
        for c in columns:
            wrong[c.name].append(errors(c, found[c.name].predictions, c.values[held_out]).mean())
    kind, number, _ = columns
    chance = 1 - np.bincount(kind.values[held_out]).max() / 150
    assert np.mean(wrong["kind"]) > 0.95 * chance
    assert np.mean(wrong["number"]) > 0.95 * number.values[held_out].var()
    assert np.mean(wrong["angle"]) > 0.9 * 360**2 / 12


def test_groups_are_whole_inside_the_search_too() -> None:
    """A code that only tells the group looks useless to folds that hold out whole groups."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    of_group = rng.normal(0, 1, (20, WIDTH))[groups] + rng.normal(0, 0.01, (200, WIDTH))
    value = Column("value", "number", rng.normal(0, 1, 20)[groups])
    rows = np.arange(200)
    alone = probe(of_group, of_group[:3], [value], rows, grid=GRID)["value"]
    whole = probe(of_group, of_group[:3], [value], rows, grid=GRID, groups=groups)["value"]
    assert alone.inner < 0.05 * value.values.var()
    assert whole.inner > 0.7 * value.values.var()


def test_a_number_that_does_not_vary_counts_for_nothing() -> None:
    """Also where its tiny rounding differs between the two parts."""
    train, other = np.full((5, 2), 0.1), np.full((3, 2), 0.1000001)
    train[:, 1] = np.arange(5)
    left, right = standardised(train, other)
    assert not left[:, 0].any()
    assert not right[:, 0].any()
    assert left[:, 1].std() == pytest.approx(1)


def test_codes_that_are_all_the_same_give_chance_and_no_error() -> None:
    kind = Column("kind", "class", np.array([0, 0, 0, 1, 1, 0]), ("a", "b"))
    found = probe(np.ones((6, 3)), np.ones((2, 3)), [kind], np.arange(6), grid=GRID)["kind"]
    assert found.predictions.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("said", "true", "expected"), [(359.0, 1.0, 4.0), (1.0, 359.0, 4.0), (180.0, 0.0, 32400.0)]
)
def test_on_a_circle_the_short_way_counts(said: float, true: float, expected: float) -> None:
    column = Column("angle", "circular", np.array([true]), period=360.0)
    assert errors(column, np.array([said]), column.values).tolist() == [expected]


def test_a_class_that_follows_the_group_is_searched_over_single_pictures() -> None:
    """Whole groups held out would leave one class to learn from."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(2), 10)
    points = rng.normal(0, 1, (20, 3)) + 6 * groups[:, None]
    kind = Column("kind", "class", groups.copy(), ("a", "b"))
    rows = np.arange(20)
    found = probe(points, points[[0, 19]], [kind], rows, grid=GRID, groups=groups)["kind"]
    assert found.predictions.tolist() == [0, 1]
    assert found.inner < 0.1


def test_many_held_out_pictures_are_predicted_in_blocks(
    points: np.ndarray, columns: tuple[Column, Column, Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = probe(points[TRAIN], points[HELD_OUT], columns, TRAIN, grid=GRID)
    monkeypatch.setattr(probes, "_BLOCK", 7)
    parts = probe(points[TRAIN], points[HELD_OUT], columns, TRAIN, grid=GRID)
    for name, found in whole.items():
        assert np.allclose(found.predictions, parts[name].predictions)
