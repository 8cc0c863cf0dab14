"""What a simulation was, in words and in numbers that an analysis can be held against."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from snellen.study.folder import Study
from snellen.study.simulation.tastes import Crowd

__all__ = ["SIMULATION_FILE", "Outcome", "truth", "truth_as_json"]

SIMULATION_FILE = "simulation.json"
"""Beside a copy's answers: what its observers liked."""


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation.

    Attributes:
        people: observers who have answered everything.
        answers: theirs, training, catch and repeated trials included.
        inattentive: how many of the people ranked at random.
        utilities: the known ones, by model: the mean over the pictures shown.
    """

    people: int
    answers: int
    inattentive: int
    utilities: dict[str, float]


def truth(study: Study, crowd: Crowd) -> dict[str, float]:
    """Each model's known utility, the mean over the pictures shown."""
    means = crowd.base[list(study.indices)].mean(axis=0)
    return {
        model: round(float(mean), 6) for model, mean in zip(study.config.models, means, strict=True)
    }


def truth_as_json(study: Study, crowd: Crowd) -> str:
    """Return what `SIMULATION_FILE` holds."""
    options = crowd.options
    values: dict[str, Any] = {
        "simulated": True,
        "from": "metric" if options.utilities is None else "utilities",
        "metric": options.metric if options.utilities is None else None,
        "utilities": truth(study, crowd),
        "person_sd": options.person_sd,
        "picture_sd": options.picture_sd,
        "tie_threshold": crowd.panel.observers.tie_threshold,
        "people": len(crowd),
        "inattentive": [
            f"P{index + 1:04d}" for index, is_so in enumerate(crowd.inattentive) if is_so
        ],
        "seed": options.seed,
    }
    return json.dumps(values, indent=1) + "\n"
