"""The sentence of a representation report: each rule, by results that it must decide."""

import pytest

from snellen.reports.representation_scores import Scores
from snellen.reports.representation_takeaway import representation_takeaway

from .fake_representation import make_results

MEANS = {"who": 0.044, "angle": 275.0}


def results_of(changes, *, losses=("mse", "ms-ssim"), splits=("random",), others=(), seeds=5):
    """Results whose comparisons are `changes`: (split, column, later) → (mean, low, high, p)."""
    scores = [
        {
            "split": split,
            "method": loss,
            "column": column,
            "mean": mean + changes.get((split, column, loss), (0.0,))[0],
        }
        for split in splits
        for loss in losses
        for column, mean in MEANS.items()
    ]
    scores += [
        {"split": "random", "method": name, "column": column, "mean": mean}
        for (name, _), means in others
        for column, mean in means.items()
    ]
    comparisons = [
        {
            "split": split, "column": column, "later": later, "earlier": losses[0],
            "mean": mean, "low": low, "high": high, "p": p, "pairs": 1 if p is None else 5,
        }
        for (split, column, later), (mean, low, high, p) in changes.items()
    ]  # fmt: skip
    return {
        "format": 1,
        "methods": [{"name": name, "kind": "loss"} for name in losses]
        + [{"name": name, "kind": kind} for (name, kind), _ in others],
        "data": {
            "columns": [
                {"name": "who", "kind": "class"},
                {"name": "angle", "kind": "number", "unit": "°"},
            ]
        },
        "splits": [
            {"name": split, "title": f"{split} pictures", "targets": list(MEANS)}
            for split in splits
        ],
        "scores": scores,
        "comparisons": comparisons,
        "config": {"seeds": seeds},
    }


BETTER = (-0.023, -0.03, -0.016, 0.0004)
WORSE = (30.0, 20.0, 40.0, 0.001)
OPEN = (-2.0, -9.0, 5.0, 0.5)


def test_better_is_said_with_both_errors_the_difference_and_its_interval():
    found = representation_takeaway(
        results_of({("random", "who", "ms-ssim"): BETTER, ("random", "angle", "ms-ssim"): OPEN})
    )
    assert str(found) == (
        "On random pictures, ms-ssim's codes predict who better than mse's (2.1 % errors against "
        "4.4 %: −2.3 points [−3.0, −1.6]); no difference was shown in angle (−2 °² [−9, 5])."
    )
    assert "2 comparisons are made on this page" in found.evidence
    assert "Holm's correction for all 2 of them" in found.evidence


def test_worse_is_said_beside_better():
    found = representation_takeaway(
        results_of({("random", "who", "ms-ssim"): BETTER, ("random", "angle", "ms-ssim"): WORSE})
    )
    assert "predict who better than mse's (" in str(found)
    assert " and angle worse (mean squared error 305 against 275 °²: +30 °² [20, 40])." in str(
        found
    )


def test_worse_alone_is_the_sentence():
    found = representation_takeaway(
        results_of({("random", "who", "ms-ssim"): OPEN, ("random", "angle", "ms-ssim"): WORSE})
    )
    assert str(found).startswith("On random pictures, ms-ssim's codes predict angle worse than mse")
    assert "better" not in str(found)


def test_where_no_difference_was_shown_that_is_the_sentence():
    found = representation_takeaway(results_of({("random", "angle", "ms-ssim"): OPEN}))
    assert str(found) == (
        "On random pictures, no difference was shown between the codes of mse and ms-ssim: "
        "angle (−2 °² [−9, 5])."
    )


def test_of_several_losses_none_may_differ():
    losses = ("mse", "mae", "ms-ssim")
    changes = {("random", column, loss): OPEN for column in ("who", "angle") for loss in losses[1:]}
    found = representation_takeaway(results_of(changes, losses=losses))
    assert str(found) == (
        "On random pictures, no difference was shown between the codes of mse and those of mae or "
        "ms-ssim, in who or angle."
    )
    assert [line.split(" on ")[0] for line in found.others] == [
        "mae against mse",
        "ms-ssim against mse",
    ]


def test_nothing_better_but_something_worse_among_several():
    losses = ("mse", "mae", "ms-ssim")
    changes = {("random", "angle", "mae"): WORSE, ("random", "angle", "ms-ssim"): OPEN}
    said = str(representation_takeaway(results_of(changes, losses=losses)))
    assert said.startswith(
        "On random pictures, no loss's codes were shown to predict better than mse's: mae's codes "
        "predict angle worse than mse's (mean squared error"
    )


def test_the_sentence_is_about_the_loss_that_is_better_most_often():
    losses = ("mse", "mae", "ms-ssim")
    changes = {
        ("random", "who", "mae"): BETTER,
        ("random", "angle", "mae"): OPEN,
        ("random", "who", "ms-ssim"): BETTER,
        ("random", "angle", "ms-ssim"): (-50.0, -60.0, -40.0, 0.001),
    }
    found = representation_takeaway(results_of(changes, losses=losses))
    assert str(found).startswith("On random pictures, of the 3 losses compared, ms-ssim's codes")
    assert found.others[0] == (
        "mae against mse on random pictures: who −2.3 points [−3.0, −1.6] (better); "
        "angle −2 °² [−9, 5] (no difference shown)."
    )


def test_an_interval_without_zero_that_holm_does_not_let_pass_is_no_difference():
    close = (-0.01, -0.019, -0.001, 0.04)
    found = representation_takeaway(
        results_of({("random", "who", "ms-ssim"): close, ("random", "angle", "ms-ssim"): OPEN})
    )
    assert "no difference was shown" in str(found)
    assert "who (−1.0 points [−1.9, −0.1], adjusted p 0.080)" in str(found)


def test_one_training_for_each_loss_is_an_observation():
    single = (-0.023, None, None, None)
    found = representation_takeaway(results_of({("random", "who", "ms-ssim"): single}, seeds=1))
    assert str(found) == (
        "One training per loss: what is below is an observation, not a test; type --seeds 5."
    )
    assert found.others == ("ms-ssim against mse on random pictures: who −2.3 points.",)
    assert found.cautions == ()


def test_one_training_on_the_first_split_does_not_hide_the_tests_of_another():
    changes = {
        ("random", "who", "ms-ssim"): (-0.023, None, None, None),
        ("lights", "who", "ms-ssim"): BETTER,
    }
    found = representation_takeaway(results_of(changes, splits=("random", "lights"), seeds=1))
    assert str(found).startswith("One training per loss on random pictures: that is an observation")
    assert found.others[-1] == (
        "On lights pictures, ms-ssim's codes predict who better than mse's "
        "(−2.3 points [−3.0, −1.6])."
    )
    assert [text for text in found.cautions if text.startswith("One seed")]


def test_other_splits_have_a_line_each():
    changes = {
        ("random", "who", "ms-ssim"): BETTER,
        ("people", "angle", "ms-ssim"): WORSE,
        ("people", "who", "ms-ssim"): OPEN,
        ("lights", "who", "ms-ssim"): OPEN,
    }
    found = representation_takeaway(results_of(changes, splits=("random", "people", "lights")))
    assert found.others == (
        (
            "On people pictures, ms-ssim's codes predict angle worse than mse's "
            "(+30 °² [20, 40]); no difference was shown in 1 of 2."
        ),
        "On lights pictures no difference from mse was shown in 1 comparison.",
    )


def test_a_baseline_that_beats_every_loss_is_named():
    others = (
        (("pixels", "baseline"), {"who": 0.01, "angle": 300.0}),
        (("supervised", "ceiling"), {"who": 0.001}),
    )
    changes = {("random", "who", "ms-ssim"): BETTER, ("random", "angle", "ms-ssim"): OPEN}
    found = representation_takeaway(results_of(changes, others=others))
    (caution,) = found.cautions
    assert "on random pictures, who is predicted with a lower error from the pixels (1.0 %)" in (
        caution
    )
    assert "(ms-ssim, 2.1 %). By the means, without a test." in caution
    assert found.others[0] == (
        "who on random pictures: 2.1 % errors from the codes of ms-ssim, the best loss; "
        "1.0 % from the pixels; 0.1 % from the supervised encoder (means, not tested)."
    )


def test_baselines_ahead_in_several_columns_are_one_caution():
    others = ((("pixels", "baseline"), {"who": 0.01, "angle": 100.0}),)
    changes = {("random", "who", "ms-ssim"): BETTER, ("random", "angle", "ms-ssim"): OPEN}
    (caution,) = representation_takeaway(results_of(changes, others=others)).cautions
    assert caution.count("No loss's codes reach what needs no training") == 1
    assert "who is predicted" in caution
    assert "; angle is predicted with a lower error from the pixels (100 °²) (" in caution


def test_one_loss_is_not_compared():
    said = str(representation_takeaway(results_of({}, losses=("mse",))))
    assert said == (
        "Only one loss was trained, mse, so no losses are compared here: on random pictures its "
        "codes predict who with 4.4 % errors and angle with a mean squared error of 275 °²."
    )


def test_unknown_scores_are_not_spoken_of():
    results = results_of({("random", "who", "ms-ssim"): BETTER})
    for score in results["scores"]:
        score["mean"] = None
    assert str(representation_takeaway(results)) == "No scores are in these results."


def test_a_run_as_it_is_written():
    found = representation_takeaway(make_results())
    assert str(found).startswith(
        "On random pictures, of the 3 losses compared, ms-ssim's codes predict identity better"
    )
    assert "12 comparisons" in found.evidence
    assert found.cautions == ()


def test_of_one_training_each_the_other_splits_say_nothing_more():
    found = representation_takeaway(make_results(seeds=1, folds=1))
    assert not any("unseen" in line for line in found.others)


def test_few_trainings_are_a_caution():
    found = representation_takeaway(make_results(seeds=2))
    assert "over 2 pairs of trainings only" in found.cautions[0]


@pytest.mark.parametrize("size", [16, 32])
def test_other_code_sizes_are_not_tested_again(size):
    results = make_results()
    shown = Scores(results).compared
    assert len(shown) == 12
    assert {c["code_size"] for c in results["comparisons"]} >= {size}


def test_codes_that_tell_nothing_are_said_to():
    results = results_of({("random", "who", "ms-ssim"): BETTER})
    for score in results["scores"]:
        score["chance"] = 0.03 if score["column"] == "who" else 240.0
    found = representation_takeaway(results)
    (caution,) = found.cautions
    assert caution.startswith("Of angle on random pictures no loss's codes tell anything: 275 °²")
    assert "240 °² by always giving the same answer" in caution


def test_equal_losses_are_both_named():
    others = ((("pixels", "baseline"), {"who": 0.9}),)
    found = representation_takeaway(
        results_of({("random", "who", "ms-ssim"): (0.0, -0.1, 0.1, 0.9)}, others=others)
    )
    assert "4.4 % errors from the codes of mse and of ms-ssim;" in found.others[0]
