"""How often the tests of a study's report are wrong, as it was measured by simulation."""

from __future__ import annotations

from dataclasses import dataclass

from snellen.reports.study_facts import Facts

__all__ = [
    "CHANCE_OF_FRIEDMAN",
    "CHANCE_OF_HEADLINE",
    "CHANCE_OF_WILCOXON",
    "MEASURED",
    "WilcoxonError",
    "measured_as",
]

CHANCE_OF_FRIEDMAN = {
    "nested": {"row": 0.539, "participant": 0.048, "picture": 0.539},
    "nested, shared photographs": {"row": 0.597, "participant": 0.0745, "picture": 0.31525},
    "crossed": {"row": 0.72075, "participant": 0.15675, "picture": 0.15375},
    "crossed, shared photographs": {"row": 0.82675, "participant": 0.335, "picture": 0.07275},
    "balanced-incomplete": {"row": 0.59175, "participant": 0.0705, "picture": 0.3355},
    "balanced-incomplete, shared photographs": {
        "row": 0.657,
        "participant": 0.1135,
        "picture": 0.20125,
    },
}
"""How often Friedman's test rejects at the 5 % level where there is no difference, by design and
block: docs/results/study_calibration.json, 4000 studies each of those in `MEASURED`, person SD 0.5
and picture SD 0.8 on the utility scale, of which photographs, where they are shared, have half the
variance."""

CHANCE_OF_HEADLINE = {
    "nested": {"rejects": 0.0528333, "any": 0.045, "covers": 0.949833, "alike": 0.0518333},
    "nested, shared photographs": {"rejects": 0.0476667, "any": 0.04275, "covers": 0.952},
    "crossed": {"rejects": 0.0403333, "any": 0.0325, "covers": 0.957833, "alike": 0.0225833},
    "crossed, shared photographs": {"rejects": 0.0438333, "any": 0.03525, "covers": 0.95625},
    "balanced-incomplete": {
        "rejects": 0.04675,
        "any": 0.03675,
        "covers": 0.953333,
        "alike": 0.0273333,
    },
    "balanced-incomplete, shared photographs": {
        "rejects": 0.04575,
        "any": 0.043,
        "covers": 0.952167,
    },
}
"""How often the headline is wrong: docs/results/study_calibration.json, in the same studies as
Friedman's test (`CHANCE_OF_FRIEDMAN`). Without a difference it rejects of one pair at the 5 %
level, and of any of three after Holm's correction; with utilities in steps of 0.4 its 95 % interval
covers; and it rejects where neither people nor pictures differ."""


@dataclass(frozen=True)
class WilcoxonError:
    """How often Wilcoxon's test rejected for any of three pairs after Holm, and where."""

    any: float
    study: str
    studies: int = 1000


CHANCE_OF_WILCOXON = {
    "nested": WilcoxonError(0.039, "20 people × 50 pictures each"),
    "crossed": WilcoxonError(0.158, "20 people × the same 50 pictures"),
    "balanced-incomplete": WilcoxonError(0.089, "100 people × 10 of 200 pictures"),
}
"""How often Wilcoxon's test rejects at the 5 % level, by design, where there is no difference:
docs/results/study_intervals.json, with effects of people and pictures as for Friedman's test. Of
pictures that share photographs it was not measured."""

MEASURED = {
    "nested": "20 people × 50 pictures each",
    "nested, shared photographs": "20 people × 50 pictures each, pieces of 100 photographs",
    "crossed": "20 people × the same 50 pictures",
    "crossed, shared photographs": "20 people × the same 50 pictures, pieces of 10 photographs",
    "balanced-incomplete": "20 people × 50 of 200 pictures",
    "balanced-incomplete, shared photographs": (
        "20 people × 50 of 200 pictures, pieces of 50 photographs"
    ),
}
"""In which studies errors were measured, by `measured_as`."""


def measured_as(results: Facts) -> str:
    """The kind of study whose errors were measured: its design, and whether photographs are shared.

    >>> measured_as({"study": {"design": "crossed"},
    ...     "findings": {"pictures": 50, "photographs": 10, "differences": []}})
    'crossed, shared photographs'
    """
    design, findings = str(results["study"]["design"]), results["findings"]
    if design == "nested":  # what one person alone has of a photograph is part of the person
        methods = [entry.get("method") or "" for entry in findings.get("differences") or []]
        shared = any(method.startswith("two-way") for method in methods)
    else:
        shared = (findings.get("photographs") or findings["pictures"]) < findings["pictures"]
    return f"{design}, shared photographs" if shared else design
