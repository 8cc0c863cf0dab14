"""``snellen represent`` from pictures to the run folder: what it leaves, and what it never sees."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

import snellen
from snellen.errors import UserError
from snellen.experiments.representation.comparison import run_representation
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.features import codes_of, pixels_of
from snellen.experiments.representation.learning import Session, learn_labels
from snellen.experiments.representation.planning import Data, make_plan
from snellen.experiments.representation.probes import errors
from snellen.experiments.representation.resampled import corrected_mean
from snellen.experiments.representation.scoring import judge
from snellen.training import launch_fabric

METHODS = ["mse", "mae", "pixels", "pca", "untrained", "supervised"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_three_splits_and_every_method_are_reported(run: tuple[Path, dict[str, Any]]) -> None:
    folder, results = run
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == results
    assert [s["name"] for s in results["splits"]] == ["random", "people", "lights"]
    assert [m["name"] for m in results["methods"]] == METHODS
    asked = {(s["name"], t) for s in results["splits"] for t in s["targets"]}
    assert asked == {
        ("random", "identity"),
        ("random", "azimuth"),
        ("random", "elevation"),
        ("people", "azimuth"),
        ("people", "elevation"),
        ("lights", "identity"),
    }
    found = {(s["split"], s["method"], s["column"]) for s in results["scores"]}
    assert found == {(split, m, column) for split, column in asked for m in METHODS}
    assert results["data"]["left_out"] == {"marked .bad": 1, "without a light (Ambient)": 6}


def test_scores_are_those_of_the_predictions(run: tuple[Path, dict[str, Any]]) -> None:
    """results.json follows from csv/predictions.csv and nothing else."""
    folder, results = run
    said = rows(folder / "csv" / "predictions.csv")
    for score in results["scores"]:
        mine = [
            r
            for r in said
            if (r["split"], r["method"], r["column"])
            == (score["split"], score["method"], score["column"])
        ]
        values = []
        for seed in ("0", "1"):
            of_seed = [r for r in mine if r["seed"] == seed]
            if score["measure"] == "error":
                wrong = [r["true"] != r["predicted"] for r in of_seed]
            else:
                wrong = [(float(r["true"]) - float(r["predicted"])) ** 2 for r in of_seed]
            values.append(float(np.mean(wrong)))
        assert score["values"] == pytest.approx(values)
        assert score["mean"] == pytest.approx(np.mean(values))
        if score["measure"] == "mse":
            assert score["root"] == pytest.approx(math.sqrt(np.mean(values)))


def test_comparisons_are_the_corrected_test_of_paired_scores(
    run: tuple[Path, dict[str, Any]],
) -> None:
    _, results = run
    values = {(s["split"], s["method"], s["column"]): s["values"] for s in results["scores"]}
    ratio = {s["name"]: s["test_train_ratio"] for s in results["splits"]}
    assert len(results["comparisons"]) == 6
    for found in results["comparisons"]:
        pair = [
            np.array(values[found["split"], found[which], found["column"]])
            for which in ("later", "earlier")
        ]
        oracle = corrected_mean(pair[0] - pair[1], ratio[found["split"]])
        assert (found["mean"], found["low"], found["high"], found["p"]) == (
            oracle.mean,
            oracle.low,
            oracle.high,
            oracle.p,
        )


def test_the_held_out_part_of_predictions_is_what_the_split_says(
    run: tuple[Path, dict[str, Any]],
) -> None:
    folder, results = run
    said = [r for r in rows(folder / "csv" / "predictions.csv") if r["method"] == "mse"]
    of_people = {r["picture"][:7] for r in said if r["split"] == "people" and r["seed"] == "0"}
    assert len(of_people) == 2  # six people in four parts
    of_lights = {r["picture"][8:] for r in said if r["split"] == "lights" and r["seed"] == "0"}
    assert len(of_lights) == 4  # fifteen lights in four parts
    assert results["splits"][2]["held_out"] == 4 * 6


def test_every_training_has_its_checkpoint_and_can_be_loaded(
    run: tuple[Path, dict[str, Any]], tiny: dict[str, Any]
) -> None:
    folder, _ = run
    trained = snellen.load(folder, loss="mae", seed=1, split="people")
    plan = make_plan(RepresentationConfig(**tiny, seeds=2))
    place = next(p for p in plan.of_split("people") if p.seed == 1)
    pixels = plan.data.pixels[place.division.held_out]
    codes = codes_of(trained.network, pixels, torch.device("cpu"))
    assert codes.shape == (len(pixels), 6)
    assert np.allclose(trained.encode(torch.from_numpy(pixels).float() / 255), codes, atol=1e-5)


def test_the_same_run_again_is_the_same_to_the_bit(
    run: tuple[Path, dict[str, Any]], tiny: dict[str, Any], tmp_path: Path
) -> None:
    folder, results = run
    again = run_representation(
        RepresentationConfig(**tiny, splits=("random",)), tmp_path / "b", command="snellen"
    )
    assert again is not None
    for score in again["scores"]:
        twin = next(
            s
            for s in results["scores"]
            if all(s[k] == score[k] for k in ("split", "method", "column"))
        )
        assert score["values"][0] == twin["values"][0]
    place = Path("checkpoints", "mse", "seed-0", "split-random", "step-00000004")
    one, other = (load_file(f / place / "network.safetensors") for f in (folder, tmp_path / "b"))
    assert all(one[key].equal(other[key]) for key in one)


def test_a_run_that_stopped_goes_on_and_searches_nothing_twice(
    run: tuple[Path, dict[str, Any]],
    tiny: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, results = run
    config = RepresentationConfig(**tiny, splits=("random",))
    from snellen.experiments.representation import comparison, scoring

    def full(*_: object, **__: object) -> None:
        raise UserError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(comparison, "learn_labels", full)
        with pytest.raises(UserError, match="the disk is full"):
            run_representation(config, tmp_path / "c", command="snellen")
    assert not (tmp_path / "c" / "results.json").exists()
    searched = []
    probe = scoring.probe

    def counted(*args: Any, **kwargs: Any) -> Any:
        searched.append(1)
        return probe(*args, **kwargs)

    monkeypatch.setattr(scoring, "probe", counted)
    # As the command line resumes: from config.yaml.
    kept = yaml.safe_load((tmp_path / "c" / "config.yaml").read_text(encoding="utf-8"))
    again = run_representation(
        RepresentationConfig(**kept), tmp_path / "c", command="snellen", resume=True
    )
    assert again is not None
    assert len(searched) == 1  # only the supervised encoder was left
    for score in again["scores"]:
        twin = next(
            s
            for s in results["scores"]
            if all(s[k] == score[k] for k in ("split", "method", "column"))
        )
        assert score["values"][0] == twin["values"][0]


def test_a_damaged_memory_of_a_search_is_searched_anew(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    plan = make_plan(RepresentationConfig(**tiny))
    place = plan.places[0]
    pixels = pixels_of(plan.data.pixels)
    kind: dict[str, Any] = {
        "data": plan.data,
        "place": place,
        "method": "pixels",
        "code_size": 6,
        "config": plan.config,
        "cache": tmp_path,
    }
    train, held_out = (pixels[part] for part in (place.division.train, place.division.held_out))
    first = judge(train, held_out, **kind)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    again = judge(train, held_out, **kind)
    assert [one.error for one in again] == [one.error for one in first]
    assert json.loads(kept.read_bytes())


def with_moved_labels(data: Data, rows: NDArray[np.int64]) -> Data:
    """The same pictures, with the labels of these rows moved among them."""
    moved = []
    for column in data.columns:
        values = column.values.copy()
        values[rows] = np.roll(values[rows], 3)
        moved.append(dataclasses.replace(column, values=values))
    return dataclasses.replace(data, columns=tuple(moved))


def test_labels_of_the_held_out_part_reach_no_weight(tiny: dict[str, Any], tmp_path: Path) -> None:
    """Not even of the encoder that is told the labels of the training part."""
    plan = make_plan(RepresentationConfig(**tiny))
    place = plan.places[0]
    held_out = place.division.held_out
    other = dataclasses.replace(plan, data=with_moved_labels(plan.data, held_out))
    weights = []
    for name, each in (("a", plan), ("b", other)):
        session = Session(tmp_path / name, launch_fabric("cpu"), resume=False, console=None)
        weights.append(learn_labels(each, place, 6, session).network.state_dict())
    assert all(weights[0][key].equal(weights[1][key]) for key in weights[0])


def test_labels_of_the_held_out_part_reach_no_machine(tiny: dict[str, Any], tmp_path: Path) -> None:
    """Moved among the held-out pictures they change the score and nothing that was fitted."""
    plan = make_plan(RepresentationConfig(**tiny))
    for place in plan.places:
        held_out = place.division.held_out
        other = with_moved_labels(plan.data, held_out)
        pixels = pixels_of(plan.data.pixels)
        features = pixels[place.division.train], pixels[held_out]
        found = [
            judge(
                *features,
                data=data,
                place=place,
                method="pixels",
                code_size=6,
                config=plan.config,
                cache=tmp_path / name,
            )
            for name, data in (("a", plan.data), ("b", other))
        ]
        for one, two in zip(*found, strict=True):
            assert (one.machine, one.inner) == (two.machine, two.inner)
            assert one.predictions.tolist() == two.predictions.tolist()
            column = other.column(one.column)
            truth = column.values[held_out]
            assert two.errors.tolist() == errors(column, one.predictions, truth).tolist()
        assert sum(one.error != two.error for one, two in zip(*found, strict=True)) >= 1


def test_gamma_holds_for_the_codes_of_other_pictures_too(
    tiny: dict[str, Any], faces: Path, tmp_path: Path
) -> None:
    config = RepresentationConfig(
        **{**tiny, "gamma": 0.5, "splits": ("random",), "losses": ("mse",)},
        baselines=(),
    )
    assert run_representation(config, tmp_path / "h", command="snellen") is not None
    plan = make_plan(config)
    dark = next(k for k, name in enumerate(plan.data.names) if name.endswith("A-060E-20"))
    person = plan.data.names[dark][:7]
    trained = snellen.load(tmp_path / "h")
    ready = trained.prepare(faces / person / f"{plan.data.names[dark]}.pgm")
    assert (ready[0] * 255).round().byte().numpy().tolist() == plan.data.pixels[dark].tolist()
    plain = make_plan(RepresentationConfig(**tiny)).data.pixels[dark]
    assert plan.data.pixels[dark].mean() > 1.2 * plain.mean()


def test_one_training_has_no_interval_and_the_report_says_so(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    config = RepresentationConfig(**{**tiny, "baselines": (), "splits": ("lights",)})
    results = run_representation(config, tmp_path / "d", command="snellen")
    assert results is not None
    assert all(s["low"] is None for s in results["scores"])
    assert all(c["p"] is None for c in results["comparisons"])
    page = (tmp_path / "d" / "report.html").read_text(encoding="utf-8")
    assert "One training per loss" in page
    assert "interval below" not in page
    assert "all 0 comparisons" not in page


def test_several_code_sizes_and_folds(tiny: dict[str, Any], tmp_path: Path) -> None:
    config = RepresentationConfig(
        **{
            **tiny,
            "code_size": (6, 3),
            "folds": 2,
            "splits": ("people",),
            "losses": ("mse",),
            "baselines": ("pca", "pixels"),
        }
    )
    results = run_representation(config, tmp_path / "e", command="snellen")
    assert results is not None
    assert results["code_sizes"] == [6, 3]
    assert {(s["code_size"], s["method"]) for s in results["scores"]} == {
        (c, m) for c in (6, 3) for m in ("mse", "pca", "pixels")
    }
    assert all(len(s["values"]) == 2 for s in results["scores"])
    place = tmp_path / "e" / "checkpoints" / "mse" / "seed-0" / "split-people"
    assert sorted(p.name for p in place.iterdir()) == ["code-3", "code-6"]


def test_labels_csv_with_a_circle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["file,kind,hour,weight"]
    for k in range(40):
        pixels = rng.integers(0, 256, (20, 24), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k:02d}.png")
        lines.append(f"{k:02d}.png,{'ab'[k % 2]},{k % 24},{k / 7:.3f}")
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    config = RepresentationConfig(
        data=str(tmp_path),
        columns={"hour": "circular:24"},
        size=16,
        widths=(4,),
        code_size=(3,),
        losses=("mse",),
        steps=2,
        batch_size=4,
        precision="fp32",
    )
    results = run_representation(config, tmp_path / "runs" / "f", command="snellen")
    assert results is not None
    score = next(s for s in results["scores"] if s["column"] == "hour")
    assert score["measure"] == "mse"
    # Of pictures of noise nothing can be told: as wrong as guessing, 24²/12 = 48, and no better.
    assert 20 < score["mean"] < 12**2
    assert score["chance"] == pytest.approx(48, rel=0.5)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"code_size": (68,)}, "a code of 68 numbers is not smaller than a training part of 60"),
        ({"data": "yale:nowhere"}, "nowhere"),
        ({"size": 64}, "64"),
        ({"size": 8, "losses": ("mse",)}, "window of 11"),
        ({"folds": 9}, "the split 'people' has 6 groups, and 9 are needed"),
        ({"network": "torch.nn:Identity"}, "no weights"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(
    choices: dict[str, Any], said: str, tiny: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        run_representation(
            RepresentationConfig(**{**tiny, **choices}), tmp_path / "g", command="snellen"
        )
    assert said in str(caught.value)
    assert not (tmp_path / "g").exists()


def test_a_network_whose_codes_break_is_one_sentence() -> None:
    class Broken(torch.nn.Module):
        def encode(self, pictures: torch.Tensor) -> torch.Tensor:
            return pictures.flatten(1) * float("nan")

    with pytest.raises(UserError, match="Broken gives codes that are not finite"):
        codes_of(Broken(), np.zeros((2, 1, 4, 4), np.uint8), torch.device("cpu"))


def test_labels_are_checked_again_without_the_damaged_pictures(tmp_path: Path) -> None:
    """What is damaged inside is found when it is read."""
    rng = np.random.default_rng(0)
    lines = ["file,kind,level"]
    for k in range(24):
        Image.fromarray(rng.integers(0, 256, (20, 20), dtype=np.uint8)).save(tmp_path / f"{k}.png")
        lines.append(f"{k}.png,{'rare' if k < 2 else 'ab'[k % 2]},{k}")
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    damaged = tmp_path / "0.png"
    content = bytearray(damaged.read_bytes())
    content[60:90] = bytes(30)
    damaged.write_bytes(bytes(content))
    config = RepresentationConfig(
        data=str(tmp_path), size=16, widths=(4,), code_size=(3,), losses=("mse",), steps=1
    )
    with pytest.raises(UserError, match=r"'kind' has a single picture with 'rare'"):
        make_plan(config)
    other = make_plan(config.model_copy(update={"columns": {"kind": "ignore"}}))
    assert sum(other.data.left_out.values()) == 1
    assert "0.png" in other.data.skipped


def test_a_damaged_note_of_the_pictures_is_one_sentence(
    run: tuple[Path, dict[str, Any]], tiny: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(run[0], tmp_path / "i")
    (tmp_path / "i" / "pictures.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"pictures\.json is damaged"):
        run_representation(
            RepresentationConfig(**tiny, seeds=2), tmp_path / "i", command="snellen", resume=True
        )
