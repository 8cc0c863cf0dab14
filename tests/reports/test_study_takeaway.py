"""The sentence at the head of a study's report: only what the numbers bear."""

import itertools

import pytest

from snellen.reports.study_facts import p_in_words, pairs_of
from snellen.reports.study_takeaway import study_takeaway

METHOD = "two-way bootstrap over 20 people and 50 pictures"


def difference(a, b, estimate, half, p, p_holm=None):
    return {
        "a": a, "b": b, "estimate": estimate, "low": estimate - half, "high": estimate + half,
        "method": METHOD, "p": p, "p_holm": p if p_holm is None else p_holm,
    }  # fmt: skip


def make(means, differences, *, people=20, pictures=50, design="crossed", **more):
    rankings = people * pictures
    return {
        "level": 0.95,
        "simulated": False,
        "study": {"design": design, "people": people},
        "participants": [],
        "findings": {
            "people": people, "pictures": pictures, "rankings": rankings,
            "ranks": {"models": {k: {"mean_rank": {"value": v}} for k, v in means.items()}},
            "differences": differences,
        },
        **more,
    }  # fmt: skip


THREE = {"mse": 2.4, "mae": 2.0, "ms-ssim": 1.6}


def three(p_mae=0.001, half=0.2, **more):
    found = [
        difference("mse", "mae", 0.4, 0.1, 0.001),
        difference("mse", "ms-ssim", 0.8, 0.2, 0.001),
        difference("mae", "ms-ssim", 0.4, half, p_mae),
    ]
    return make(THREE, found, **more)


def test_a_model_that_beats_all_is_named_with_both_leads():
    assert str(study_takeaway(three())) == (
        "20 people ranked ms-ssim better than mae and mse: over 50 pictures its mean rank is "
        "0.40 [0.20, 0.60] lower than mae's and 0.80 [0.60, 1.00] lower than mse's."
    )


def test_what_was_not_shown_is_said_so():
    found = study_takeaway(three(p_mae=0.2, half=0.5))
    assert str(found) == (
        "20 people ranked ms-ssim better than mse: over 50 pictures its mean rank is 0.80 lower "
        "[0.60, 1.00]; ms-ssim's lead over mae, 0.40 [−0.10, 0.90], shows no difference."
    )
    assert found.others == (
        "mae was ranked better than mse: its mean rank is 0.40 [0.30, 0.50] lower.",
    )


def test_corrected_p_decides_not_the_interval():
    found = [difference("mse", "mae", 0.3, 0.25, 0.03, p_holm=0.06)]
    text = str(study_takeaway(make({"mse": 1.65, "mae": 1.35}, found)))
    assert text == (
        "20 people and 50 pictures showed no difference between mse and mae: the lead in mean "
        "rank, of mae before mse, is 0.30 [0.05, 0.55], p 0.060 after correction."
    )


def test_where_the_best_is_open_the_surest_pair_is_told():
    found = [
        difference("a", "b", -0.1, 0.4, 0.6),
        difference("a", "c", -0.6, 0.7, 0.09),
        difference("b", "c", -0.5, 0.1, 0.001),
    ]
    takeaway = study_takeaway(make({"a": 1.7, "b": 1.8, "c": 2.3}, found))
    assert str(takeaway).startswith("20 people ranked b better than c: over 50 pictures")
    assert len(takeaway.others) == 2
    assert all(line.endswith("shows no difference.") for line in takeaway.others)


def test_with_many_models_the_nearest_and_the_farthest_are_told():
    names = "abcdef"
    means = {name: 1 + 0.9 * place for place, name in enumerate(names)}
    found = [
        difference(a, b, means[a] - means[b], 0.1, 0.001)
        for a, b in itertools.combinations(names, 2)
    ]
    takeaway = study_takeaway(make(means, found))
    assert str(takeaway) == (
        "20 people ranked a better than all 5 others: over 50 pictures its mean rank is "
        "0.90 [0.80, 1.00] lower than b's (the nearest) and 4.50 [4.40, 4.60] lower than f's "
        "(the farthest)."
    )
    assert takeaway.others == ("Of the other 10 pairs, 10 were shown to differ: see the table.",)


def unknown(a, b, estimate):
    return {"a": a, "b": b, "estimate": estimate, "low": None, "high": None, "p": None,
            "p_holm": None}  # fmt: skip


def test_of_one_person_only_what_that_one_did_is_said():
    results = make({"mse": 1.8, "mae": 1.2}, [unknown("mse", "mae", 0.6)], people=1)
    found = study_takeaway(results)
    assert str(found) == (
        "One person gave mae the lowest mean rank, 1.20, against 1.80 for mse, over 50 pictures; "
        "of what other people would say, this one says nothing."
    )
    assert "interval" not in found.evidence


def test_one_person_may_like_all_alike():
    results = make({"mse": 1.5, "mae": 1.5}, [unknown("mse", "mae", 0.0)], people=1)
    assert str(study_takeaway(results)).startswith(
        "One person gave mse and mae the same mean rank, over 50 pictures"
    )


def test_where_all_agree_exactly_that_is_said_and_nothing_of_chance():
    results = make({"mse": 2.0, "mae": 1.0}, [unknown("mse", "mae", 1.0)])
    assert str(study_takeaway(results)) == (
        "20 people agree exactly that the mean rank of mae is 1.00 lower than mse's, over 50 "
        "pictures; without any spread there is no interval."
    )
    assert "Brackets" not in study_takeaway(results).evidence
    found = [
        difference("a", "b", -0.5, 0.1, 0.001),
        unknown("a", "c", -1.5),
        difference("b", "c", -1.0, 0.1, 0.001),
    ]
    text = str(study_takeaway(make({"a": 1.3, "b": 1.8, "c": 2.8}, found)))
    assert text == (
        "20 people ranked a better than b: over 50 pictures its mean rank is 0.50 lower "
        "[0.40, 0.60]; all agree exactly that the mean rank of a is 1.50 lower than c's."
    )


def test_all_tied_is_no_error():
    results = make({"mse": 1.5, "mae": 1.5}, [unknown("mse", "mae", 0.0)])
    assert str(study_takeaway(results)) == (
        "20 people gave mse and mae the same mean rank, over 50 pictures; without any spread "
        "there is no interval."
    )


def test_nobody_is_no_error():
    empty = make({}, [], people=0)
    empty["findings"]["ranks"]["models"] = {"mse": {"mean_rank": {"value": None}}}
    assert str(study_takeaway(empty)) == (
        "Nobody has ranked a picture yet, so nothing can be said of the models."
    )
    empty["participants"] = [{"name": "P0001"}]
    assert str(study_takeaway(empty)).startswith("Nobody who counts has ranked")


def without_rule(results):
    """The same, as if the exclusion rule left out everyone."""
    told = {key: results.get(key) for key in ("findings", "galleries", "metric_agreement",
                                               "pictures")}  # fmt: skip
    empty = make({}, [], people=0)["findings"]
    return {**results, "findings": empty, "without_exclusion": {"people": [], **told}}


def test_where_the_rule_leaves_out_all_it_is_said_whose_answers_these_are():
    found = study_takeaway(without_rule(three()))
    assert str(found).startswith(
        "The exclusion rule leaves out all 20 people who finished. Without the rule, 20 people "
        "ranked ms-ssim better than mae and mse: over 50 pictures"
    )
    assert found.cautions[0].startswith("By the exclusion rule, which was frozen before anyone")
    one = make({"mse": 1.8, "mae": 1.2}, [unknown("mse", "mae", 0.6)], people=1)
    assert str(study_takeaway(without_rule(one))).startswith(
        "The exclusion rule leaves out the one person who finished. Without the rule, one person "
        "gave mae the lowest"
    )
    assert str(study_takeaway(without_rule(three(people=2)))).startswith(
        "The exclusion rule leaves out both people who finished. Without the rule, 2 people"
    )


def test_observers_are_never_called_people():
    found = study_takeaway({**three(), "simulated": True})
    text = " ".join([str(found), found.evidence, *found.others])
    assert str(found).startswith("20 simulated observers ranked")
    assert "people" not in text
    assert found.cautions[0].startswith("Simulated")


def test_no_name_is_turned_the_wrong_way():
    (pair,) = pairs_of(make({"x": 1.2, "y": 1.8}, [difference("x", "y", -0.6, 0.2, 0.01)]))
    assert (pair.better, pair.worse) == ("x", "y")
    assert (pair.low, pair.high) == (pytest.approx(0.4), pytest.approx(0.8))
    (pair,) = pairs_of(make({"x": 1.8, "y": 1.2}, [difference("x", "y", 0.6, 0.2, 0.01)]))
    assert (pair.better, pair.worse) == ("y", "x")
    assert (pair.low, pair.high) == (pytest.approx(0.4), pytest.approx(0.8))


LOOKED = "on 21 November 2026 at 10:05 UTC (analysis), after 5 completed sessions of 7 begun"
LOOK = {"at": "2026-11-21T10:05:00+00:00", "how": "analysis", "completed": 5, "begun": 7}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"conduct": {"peeked": True}}, "still running"),
        (
            {"conduct": {"peeked": False, "unlocked_at": "2026-11-21T10:00:00+00:00"}},
            "before the study was closed: it was unlocked on 21 November 2026; no look is noted",
        ),
        (
            {"conduct": {"peeked": False, "looks_before_closing": [LOOK]}},
            f"The result was looked at before the study was closed: first {LOOKED}.",
        ),
        (
            {"conduct": {"peeked": True, "looks_before_closing": [LOOK]}, "date": LOOK["at"]},
            "The study was still running when this was computed. Whoever looks",
        ),
        (
            {
                "conduct": {
                    "peeked": True,
                    "looks_before_closing": [LOOK],
                    "sessions": {"completed": 9, "expired": 1},
                },
                "date": "2026-11-22",
            },
            f"of 10 begun. Its result was looked at before: first {LOOKED}. Whoever looks",
        ),
        ({"study": {"design": "crossed", "people": 40}}, "40 people were planned, 20 count"),
    ],
)
def test_what_limits_it_is_said(change, says):
    assert any(says in line for line in study_takeaway({**three(), **change}).cautions)


def test_few_people_are_a_caution():
    assert any("Only 5 people" in line for line in study_takeaway(three(people=5)).cautions)


def test_a_result_that_hangs_on_exclusions_is_a_caution():
    other = {**three(p_mae=0.5, half=0.6)["findings"], "title": "everyone who finished"}
    (line,) = study_takeaway({**three(), "sensitivity": [other]}).cautions
    assert line == (
        "This depends on who is left out. With everyone who finished, ms-ssim's lead over mae, "
        "0.40 [−0.20, 1.00], shows no difference."
    )
    turned = {**three()["findings"], "title": "everyone who finished"}
    turned["differences"] = [difference("mse", "mae", 0.2, 0.3, 0.4), *turned["differences"][1:]]
    (line,) = study_takeaway({**three(), "sensitivity": [turned]}).cautions
    assert line.endswith("mae's lead over mse, 0.20 [−0.10, 0.50], shows no difference.")
    same = {**three()["findings"], "title": "everyone who finished"}
    assert study_takeaway({**three(), "sensitivity": [same]}).cautions == ()


def share(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def paired(a, b, value, half):
    return {"a": a, "b": b, "difference": share(value, value - half, value + half)}


def metrics(*entries, differences=(), others=0.8):
    """`metric_agreement` of (name, value, half of the interval)."""
    return {
        "metrics": [
            {"name": name, "overall": share(value, value - half, value + half)}
            for name, value, half in entries
        ],
        "differences": list(differences),
        "ceiling": {"with_others": share(others), "within_people": share(None)},
    }


def test_a_metric_that_may_agree_by_chance_is_not_said_to_agree():
    found = metrics(("mse", 0.48, 0.05), ("ssim", 0.53, 0.04))
    (line,) = study_takeaway({**three(), "metric_agreement": found}).others[-1:]
    assert line == (
        "No metric was shown to agree with the people more often than chance: ssim comes nearest, "
        "on 53 % [49, 57] of the pairs that these put in an order; the majority of all others does "
        "on 80 %."
    )
    alone = study_takeaway({**three(), "metric_agreement": metrics(("mse", 0.4, 0.2))}).others[-1]
    assert alone.startswith(
        "The metric was not shown to agree with the people more often than chance: mse agrees on "
        "40 % [20, 60]"
    )
    alike = metrics(("mse", 0.4, 0.2), ("psnr", 0.4, 0.2))
    assert "chance: each agrees on 40 %" in study_takeaway(
        {**three(), "metric_agreement": alike}
    ).others[-1]  # fmt: skip


def test_metrics_that_disagree_with_people_are_said_to():
    found = metrics(("mse", 0.36, 0.08), ("ssim", 0.3, 0.08))
    line = study_takeaway({**three(), "metric_agreement": found}).others[-1]
    assert line.startswith(
        "Every metric agrees with the people less often than chance: mse comes nearest, on 36 % "
    )


def test_the_best_metric_is_not_said_to_beat_what_it_may_equal():
    found = metrics(
        ("mse", 0.6, 0.03), ("mae", 0.67, 0.03), ("ssim", 0.68, 0.03), ("own", 0.66, 0.03),
        differences=[
            paired("mse", "ssim", -0.08, 0.03), paired("mae", "ssim", -0.01, 0.03),
            paired("ssim", "own", 0.02, 0.03), paired("mse", "mae", -0.07, 0.03),
        ],
    )  # fmt: skip
    said = study_takeaway({**three(), "metric_agreement": found}).others
    assert said[-2].startswith("Of 4 metrics, ssim agrees most often with the people: on 68 %")
    assert said[-1] == "That ssim agrees more often than mae or own was not shown."


def test_an_interval_that_leaves_out_zero_is_explained_where_nothing_was_shown():
    found = [
        difference("a", "b", -0.9, 0.2, 0.001),
        difference("a", "c", -0.3, 0.25, 0.03, p_holm=0.06),
        difference("b", "c", 0.6, 0.5, 0.03, p_holm=0.06),
    ]
    takeaway = study_takeaway(make({"a": 1.6, "c": 1.9, "b": 2.5}, found))
    assert (
        "a's lead over c, 0.30 [0.05, 0.55], p 0.060 after correction, shows no difference."
        in str(takeaway)
    )
    assert takeaway.others == (
        "c's lead over b, 0.60 [0.10, 1.10], p 0.060 after correction, shows no difference.",
    )
    assert "intervals, two-way bootstrap over participants and pictures, for one pair at a " in (
        takeaway.evidence
    )


def test_pictures_of_few_photographs_are_told_as_that():
    results = three()
    assert "photographs." not in study_takeaway(results).evidence
    results["findings"]["photographs"] = 10
    assert study_takeaway(results).evidence.startswith(
        "1,000 rankings of 3 reconstructions by 20 people, of 50 pictures, cut from 10 "
        "photographs; all of them saw the same pictures. Rank 1 is"
    )
    assert "bootstrap over participants and photographs," in study_takeaway(results).evidence


def test_one_person_is_not_cut_from_photographs():
    results = make({"mse": 1.8, "mae": 1.2}, [unknown("mse", "mae", 0.6)], people=1, pictures=18)
    results["findings"]["photographs"] = 17
    assert study_takeaway(results).evidence == (
        "18 rankings of 2 reconstructions by 1 person, of 18 pictures, cut from 17 photographs. "
        "Rank 1 is the closest to the original."
    )


def test_leads_that_show_nothing_name_who_leads():
    found = [
        difference("a", "b", -0.2, 0.5, 0.6),
        difference("a", "c", -0.3, 0.5, 0.5),
        difference("a", "d", -0.9, 0.1, 0.001),
    ]
    text = str(study_takeaway(make({"a": 1.6, "b": 1.8, "c": 1.9, "d": 2.5}, found)))
    assert text.endswith(
        "; a's leads over b, 0.20 [−0.30, 0.70], and c, 0.30 [−0.20, 0.80], show no difference."
    )


def test_no_p_is_rounded_across_a_limit():
    assert [p_in_words(p) for p in (0.0498, 0.04999, 0.0502, 0.049, 0.06, 0.9999)] == [
        "0.0498", "0.04999", "0.0502", "0.049", "0.060", "1",
    ]  # fmt: skip
    found = [difference("mse", "mae", 0.3, 0.25, 0.03, p_holm=0.0503)]
    assert "p 0.0503 after correction" in str(study_takeaway(make({"mse": 1.6, "mae": 1.3}, found)))
    results = {**make({"mse": 1.6, "mae": 1.3}, found), "level": 0.9}
    results["findings"]["differences"][0]["p_holm"] = 0.1004
    assert "p 0.1004 after correction" in str(study_takeaway(results))


def looked(completed_after, answers_after, *, closed=True, **conduct):
    look = {**LOOK, "closed": closed, "completed_after": completed_after,
            "answers_after": answers_after}  # fmt: skip
    conduct = {"peeked": False, "state": "closed", "looks_before_closing": [look], **conduct}
    (line,) = study_takeaway({**three(), "conduct": conduct}).cautions
    return line


def test_a_look_at_a_closed_study_that_went_on_is_told_with_what_came_after():
    assert looked(0, 0) == (
        f"The result was looked at, then the study was opened again: first {LOOKED}. No answer "
        "came in after it."
    )
    assert looked(3, 55) == (
        f"The result was looked at, then the study was opened again: first {LOOKED}. 55 answers "
        "came in after it, and 3 sessions were completed. If what was seen decided when to stop, "
        "p is too small and the intervals are too narrow."
    )
    # Once it was unlocked, later looks of the same kind are not noted.
    unlocked = looked(0, 0, unlocked_at="2026-11-21T11:00:00+00:00")
    assert "looked at before the study was closed" in unlocked


def test_a_look_at_a_running_study_may_have_stopped_it_but_not_when_all_had_come():
    said = looked(0, 0, closed=False)
    assert "No answer came in after it. If what was seen decided when to stop" in said
    look = {**LOOK, "closed": False, "completed": 20, "completed_after": 0, "answers_after": 0}
    conduct = {"peeked": False, "looks_before_closing": [look]}
    (line,) = study_takeaway({**three(), "conduct": conduct}).cautions
    assert line.endswith("No answer came in after it.")


def test_metrics_that_agree_equally_are_all_told():
    agreement = {
        "metrics": [
            {"name": name, "overall": share(value)}
            for name, value in (("mse", 0.7), ("psnr", 0.7), ("ssim", 0.6))
        ],
        "differences": [paired("mse", "ssim", 0.1, 0.02), paired("psnr", "ssim", 0.1, 0.02)],
        "ceiling": {"with_others": share(None), "within_people": share(0.8)},
    }
    line = study_takeaway({**three(), "metric_agreement": agreement}).others[-1]
    assert line == (
        "Of 3 metrics, mse and psnr agree most often with the people: on 70 % of the pairs that "
        "these put in an order; asked again they agree with themselves on 80 %."
    )


def test_the_metric_that_agrees_most_is_told_with_the_ceiling():
    agreement = {
        "metrics": [
            {"name": "mse", "overall": share(0.61, 0.55, 0.66)},
            {"name": "ssim", "overall": share(0.7, 0.66, 0.74)},
            {"name": "own", "missing": "it gave NaN on picture 3"},
        ],
        "differences": [paired("mse", "ssim", -0.09, 0.05)],
        "ceiling": {"with_others": share(0.78, 0.7, 0.85), "within_people": share(None)},
    }
    line = study_takeaway({**three(), "metric_agreement": agreement}).others[-1]
    assert line == (
        "Of 2 metrics, ssim agrees most often with the people: on 70 % [66, 74] of the pairs that "
        "these put in an order; the majority of all others does on 78 % [70, 85]."
    )
