"""What a study's rankings say: pure functions from `Ratings` to frozen dataclasses.

Every result has `as_dict()` for results.json. What cannot be said is None with the reason in
`missing`, never NaN. Main trials alone are read, but for the agreement of people with themselves.
"""

from snellen.study.statistics.agreement import Agreement, agreement, kendall_w
from snellen.study.statistics.ceiling import Ceiling, ceiling
from snellen.study.statistics.estimates import Estimate
from snellen.study.statistics.friedman import Friedman, friedman, friedman_test
from snellen.study.statistics.halves import ModelDrift, OrderEffects, order_effects
from snellen.study.statistics.krippendorff import krippendorff_alpha
from snellen.study.statistics.orders import kendall_tau_b
from snellen.study.statistics.places import PositionBias, position_bias
from snellen.study.statistics.plackett_luce import (
    PlackettLuce,
    WorthFit,
    fit_worths,
    plackett_luce,
)
from snellen.study.statistics.ranks import RankDistribution, rank_distribution
from snellen.study.statistics.resampling import Bootstrap
from snellen.study.statistics.retest import Retest, retest, retest_by_person
from snellen.study.statistics.wilcoxon import (
    PairTest,
    SignedRank,
    holm,
    pair_tests,
    signed_rank_test,
)
from snellen.study.statistics.wins import WinRate, win_rates

__all__ = [
    "Agreement",
    "Bootstrap",
    "Ceiling",
    "Estimate",
    "Friedman",
    "ModelDrift",
    "OrderEffects",
    "PairTest",
    "PlackettLuce",
    "PositionBias",
    "RankDistribution",
    "Retest",
    "SignedRank",
    "WinRate",
    "WorthFit",
    "agreement",
    "ceiling",
    "fit_worths",
    "friedman",
    "friedman_test",
    "holm",
    "kendall_tau_b",
    "kendall_w",
    "krippendorff_alpha",
    "order_effects",
    "pair_tests",
    "plackett_luce",
    "position_bias",
    "rank_distribution",
    "retest",
    "retest_by_person",
    "signed_rank_test",
    "win_rates",
]
