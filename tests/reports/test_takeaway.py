"""The takeaway says what the intervals say, and no more."""

import math

import pytest

from snellen.reports.takeaway import takeaway


def at(mean, half=0.004):
    return {"mean": mean, "low": mean - half, "high": mean + half}


SCORES = {"ssim": at(0.6), "psnr": at(25.0, 1), "ms_ssim": at(0.7), "edge_f": at(0.5)}


def results(seeds=3, sources=20, **differences):
    names = ["mse", *(name.replace("_", "-") for name in differences)]
    return {
        "losses": dict.fromkeys(names, SCORES),
        "differences": {name.replace("_", "-"): found for name, found in differences.items()},
        "data": {"held_out_pictures": 60, "held_out_sources": sources},
        "config": {"seeds": seeds},
        "code_size": 128,
    }


def difference(ssim=0.02, psnr=-0.4, ms_ssim=0.03, edge_f=0.04):
    return {
        "ssim": at(ssim),
        "psnr": at(psnr, 0.1),
        "ms_ssim": at(ms_ssim),
        "edge_f": at(edge_f),
    }


def test_gain_and_price_stand_in_one_sentence():
    said = str(takeaway(results(ms_ssim=difference())))
    assert said == (
        "Trained with ms-ssim instead of mse, the same network keeps more structure "
        "(SSIM +0.020 [0.016, 0.024], MS-SSIM +0.030 [0.026, 0.034], "
        "edges F +0.040 [0.036, 0.044]) and pays 0.40 dB of PSNR [0.30, 0.50]."
    )


def test_a_gain_in_psnr_is_no_price():
    said = str(takeaway(results(ms_ssim=difference(psnr=0.3))))
    assert said.endswith("and also gains 0.30 dB of PSNR [0.20, 0.40].")


def test_a_psnr_interval_around_zero_is_called_no_difference():
    said = str(takeaway(results(ms_ssim=difference(psnr=-0.02))))
    assert said.endswith("and shows no difference in PSNR (−0.02 dB [−0.12, 0.08]).")
    assert "pays" not in said


def test_an_ssim_interval_around_zero_claims_nothing():
    said = str(takeaway(results(ms_ssim=difference(ssim=0.002))))
    assert said.startswith(
        "These pictures do not show whether ms-ssim or mse keeps more structure "
        "(SSIM +0.002 [−0.002, 0.006])"
    )
    assert "; ms-ssim pays 0.40 dB of PSNR" in said


def test_what_is_clear_besides_an_open_ssim_is_said():
    said = str(takeaway(results(ms_ssim=difference(ssim=0.0))))
    assert "with higher MS-SSIM and edges F (+0.030" in said


def test_when_the_first_is_best_the_sentence_says_so():
    said = str(takeaway(results(mae=difference(-0.03, -0.2, -0.02, -0.02))))
    assert said.startswith("No loss here keeps as much structure as mse: the nearest is mae")
    assert "also pays 0.20 dB" in said
    assert "lower MS-SSIM and edges F" in said


def test_an_exception_among_the_measures_is_not_hidden():
    said = str(takeaway(results(ms_ssim=difference(edge_f=-0.02))))
    assert "with lower edges F (−0.020 [−0.024, −0.016]), and pays" in said
    said = str(takeaway(results(ms_ssim=difference(edge_f=0.001))))
    assert "with no change shown in edges F (+0.001 [−0.003, 0.005])" in said


def test_it_speaks_of_the_highest_ssim_and_mentions_the_others():
    found = takeaway(
        results(mae=difference(-0.01), ms_ssim=difference(0.02), ssim=difference(0.01))
    )
    assert str(found).startswith(
        "Of the 4 losses compared, ms-ssim has the highest SSIM: trained with it instead of mse, "
        "the same network keeps more structure (SSIM +0.020"
    )
    assert [text.split(" against")[0] for text in found.others] == ["mae", "ssim"]


@pytest.mark.parametrize(
    ("lead", "says"),
    [
        (0.002, "ms-ssim has the highest SSIM, but these pictures do not show whether it or mse"),
        (-0.002, "mse has the highest SSIM, but these pictures do not show whether it or ms-ssim"),
        (-0.02, "mse keeps the most structure: the nearest is ms-ssim (SSIM −0.020"),
    ],
)
def test_a_choice_among_several_is_said_whatever_comes_out(lead, says):
    found = takeaway(results(mae=difference(-0.03), ms_ssim=difference(lead)))
    assert str(found).startswith(f"Of the 3 losses compared, {says}")


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_nothing_is_said_of_an_unknown_ssim(value):
    unknown = {**difference(), "ssim": dict.fromkeys(("mean", "low", "high"), value)}
    run = results(mae=unknown, ms_ssim=unknown)
    run["sweep"] = [{"code_size": size, "differences": {}} for size in (64, 128)]
    found = takeaway(run)
    assert "highest SSIM" not in str(found)
    assert not any("None" in text or "nan" in text for text in (str(found), *found.others))


def test_an_only_loss_without_a_known_measure_is_possible():
    run = results()
    run["losses"]["mse"] = {"ssim": {"mean": None, "low": None, "high": None}}
    assert str(takeaway(run)) == "Only one loss was trained, mse, so nothing is compared here."


def test_one_loss_compares_nothing():
    found = takeaway(results())
    assert str(found) == (
        "Only one loss was trained, mse, so nothing is compared here: on pictures it never saw it "
        "reaches SSIM 0.600 [0.596, 0.604] and PSNR 25.00 dB [24.00, 26.00]."
    )
    assert "differences" not in found.evidence


@pytest.mark.parametrize(("sources", "warned"), [(9, True), (10, False), (1, True)])
def test_few_sources_are_said(sources, warned):
    cautions = takeaway(results(sources=sources, ms_ssim=difference())).cautions
    assert any("too narrow" in text for text in cautions) is warned


@pytest.mark.parametrize(("seeds", "warned"), [(1, True), (3, False), ([0], True), ([0, 1], False)])
def test_a_single_seed_is_said(seeds, warned):
    cautions = takeaway(results(seeds=seeds, ms_ssim=difference())).cautions
    assert any("One seed" in text for text in cautions) is warned


@pytest.mark.parametrize(("seeds", "warned"), [(1, False), (2, True), (4, True), (5, False)])
def test_few_seeds_are_said(seeds, warned):
    cautions = takeaway(results(seeds=seeds, ms_ssim=difference())).cautions
    text = f"Only {seeds} seeds: the intervals say little about another training."
    assert (text in cautions) is warned


def test_a_sweep_says_at_how_many_sizes_the_lead_holds():
    run = results(ms_ssim=difference())
    open_one = {"ms-ssim": difference(ssim=0.001)}
    run["sweep"] = [
        {"code_size": 64, "differences": open_one},
        {"code_size": 128, "differences": run["differences"]},
    ]
    assert any("at 1 of 2 code sizes" in text for text in takeaway(run).others)


def test_what_was_infinite_is_left_out():
    nothing = {"mean": None, "low": None, "high": None}
    said = str(takeaway(results(ms_ssim={**difference(), "psnr": nothing})))
    assert said.endswith("edges F +0.040 [0.036, 0.044]).")


def test_braces_in_a_name_stay_as_they_are():
    run = results()
    run["losses"]["{first}"] = SCORES
    run["differences"] = {"{first}": difference()}
    assert "Trained with {first} instead of mse" in str(takeaway(run))


def test_a_narrow_interval_gets_more_digits():
    narrow = {**difference(), "ssim": {"mean": 0.0021, "low": 0.0019, "high": 0.0023}}
    assert "SSIM +0.0021 [0.0019, 0.0023]" in str(takeaway(results(ms_ssim=narrow)))


def with_octaves(run, **errors):
    for name, means in errors.items():
        entries = [{"band": "1/4–1/2", "error": {"mean": mean}} for mean in means]
        key = name.replace("_", "-")
        run["losses"][key] = {**run["losses"][key], "octaves": entries}
    return run


@pytest.mark.parametrize(
    ("first", "other", "warned"),
    [((0.0, 2.1), (0.4, 0.1), True), ((0.3, 0.3), (0.4, -0.1), False), ((1, None), (1, 1), False)],
)
def test_networks_that_kept_no_octave_are_said(first, other, warned):
    run = with_octaves(results(seeds=5, ms_ssim=difference()), mse=first, ms_ssim=other)
    text = (
        "No octave of spatial frequency was kept by any loss (all errors are at or above 0 dB): "
        "the networks have learned next to nothing yet; train longer before reading anything into "
        "the table."
    )
    assert (text in takeaway(run).cautions) is warned


@pytest.mark.parametrize(("ssim", "warned"), [(0.7, True), (0.5, False)])
def test_a_winner_that_kept_no_octave_is_named(ssim, warned):
    run = with_octaves(results(ms_ssim=difference()), mse=(-1, 0.2), ms_ssim=(0.1, 0.2))
    run["losses"]["ms-ssim"]["ssim"] = at(ssim)
    said = " ".join(takeaway(run).cautions)
    assert ("kept by ms-ssim, the loss with the highest SSIM" in said) is warned
    assert "any loss" not in said


def test_without_octaves_nothing_is_said_of_them():
    assert "octave" not in " ".join(takeaway(results(ms_ssim=difference())).cautions)


def test_the_rule_of_the_headline_is_said_where_it_chose():
    rule = "The headline is about the loss with the highest mean SSIM"
    chosen = takeaway(results(mae=difference(-0.01), ms_ssim=difference(0.02))).evidence
    assert chosen.endswith(f"differences are paired. {rule}.")
    behind = takeaway(results(mae=difference(-0.01), ms_ssim=difference(-0.02))).evidence
    assert behind.endswith(f"{rule} besides mse.")
    assert "headline" not in takeaway(results(ms_ssim=difference())).evidence


def test_a_limit_close_to_zero_is_told_from_it():
    close = {**difference(), "ssim": {"mean": 0.007, "low": 0.0002, "high": 0.014}}
    assert "SSIM +0.0070 [0.0002, 0.0140]" in str(takeaway(results(ms_ssim=close)))
