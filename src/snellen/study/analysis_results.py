"""All that the report of an analysis shows, as results.json holds it."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from snellen.study.analysis_pictures import measured, picture_facts
from snellen.study.findings import as_json, findings_of, headline_of, mean_ranks_by_person
from snellen.study.folder import Study
from snellen.study.galleries import choose_galleries
from snellen.study.metric_agreement import metric_agreement
from snellen.study.metric_values import DEFAULT_METRICS
from snellen.study.quality import ParticipantQuality, participant_quality, rule_in_words
from snellen.study.ratings import Answers, Ratings
from snellen.study.statistics.resampling import Bootstrap

__all__ = ["FORMAT", "results_of"]

FORMAT = 1
"""Raised when a reader of the old format would misread the new one."""

_EACH = 8  # pictures of a gallery; fewer where the page would get too large
_FINISHED = "everyone who finished"
_BEGAN = "everyone, unfinished sessions too"


def results_of(
    study: Study,
    answers: Answers,
    conduct: Mapping[str, Any],
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    gallery_model: str | None = None,
    bootstrap: Bootstrap,
    command: str = "",
    now: float = 0.0,
) -> dict[str, Any]:
    """Compute everything that the report shows, as results.json holds it.

    Args:
        study: whose pictures and rules they are.
        answers: all that was answered.
        conduct: how the study went, see `how_it_went`.
        metrics: as for `analyse`.
        gallery_model: as for `analyse`.
        bootstrap: the design, the draws, the level and the seed.
        command: what was typed.
        now: seconds since 1970.
    """
    quality = participant_quality(answers, study.config.exclusion)
    counting, unfinished = _who_counts(quality)

    def told(names: frozenset[str], unfinished: bool) -> dict[str, Any]:
        return _told(
            study,
            _only(answers.ratings, names),
            unfinished,
            metrics=metrics,
            gallery_model=gallery_model,
            bootstrap=bootstrap,
        )

    by_rule = told(counting, unfinished)
    without = None
    if answers.ratings and not counting:
        title, names = next(iter(_others(quality).items()))
        without = {"title": title, "people": sorted(names), **told(names, title != _FINISHED)}
    means = mean_ranks_by_person(answers.ratings)
    simulated = answers.ratings.simulated or bool(conduct.get("simulated"))
    results = {
        "format": FORMAT,
        "experiment": "study",
        "snellen": version("snellen"),
        "software": _software(),
        "command": command,
        "date": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "level": bootstrap.level,
        "resamples": bootstrap.resamples,
        "seed": bootstrap.seed,
        "simulated": simulated,
        "simulation": _simulation(study) if simulated else None,
        "study": _study(study),
        "config": _config(study),
        "conduct": {**conduct, "peeked": _peeked(conduct, answers)},
        "participants": [
            {
                **dataclasses.asdict(each),
                "counts": each.name in counting,
                "mean_ranks": means.get(each.name),
            }
            for each in quality
        ],
        "sensitivity": [
            {"title": title, **headline_of(_only(answers.ratings, names), bootstrap)}
            for title, names in _others(quality).items()
            if names != counting
        ],
        **by_rule,
        "without_exclusion": without,
    }
    found = as_json(results)
    assert isinstance(found, dict)  # noqa: S101 - for the type checker
    return found


def _told(
    study: Study,
    ratings: Ratings,
    unfinished: bool,
    *,
    metrics: Sequence[str],
    gallery_model: str | None,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """What some people's answers say."""
    galleries = choose_galleries(ratings, model=gallery_model, each=_EACH, seed=bootstrap.seed)
    tables = measured(study, ratings, metrics)
    agreement = metric_agreement(ratings, tables, bootstrap) if tables else None
    return {
        "findings": {**findings_of(ratings, bootstrap), "unfinished": unfinished},
        "galleries": None if galleries is None else dataclasses.asdict(galleries),
        "metric_agreement": None if agreement is None else agreement.as_dict(),
        "pictures": picture_facts(ratings, tables, agreement),
    }


def _who_counts(quality: Sequence[ParticipantQuality]) -> tuple[frozenset[str], bool]:
    """Who finished and is not left out; where nobody finished, who is not left out.

    Returns:
        Their names, and whether they did not finish.
    """
    kept = [each for each in quality if not each.excluded]
    finished = frozenset(each.name for each in kept if each.completed)
    if finished or any(each.completed for each in quality):
        return finished, False
    return frozenset(each.name for each in kept), bool(kept)


def _only(ratings: Ratings, names: frozenset[str]) -> Ratings:
    return ratings.without([name for name in ratings.people if name not in names])


def _others(quality: Sequence[ParticipantQuality]) -> dict[str, frozenset[str]]:
    """Whose answers are told whatever the rule says, by title, the strictest first."""
    found = {
        _FINISHED: frozenset(each.name for each in quality if each.completed),
        _BEGAN: frozenset(each.name for each in quality),
    }
    if found[_FINISHED] == found[_BEGAN]:
        del found[_BEGAN]
    return {title: names for title, names in found.items() if names}


def _peeked(conduct: Mapping[str, Any], answers: Answers) -> bool:
    running = conduct.get("state") != "closed"
    return running and len(answers.ratings) > 0 and not answers.ratings.simulated


def _study(study: Study) -> dict[str, Any]:
    config = study.config
    plain = (
        "title", "design", "models", "people", "trials_per_person", "training_trials",
        "catch_trials", "repeats", "ties", "seed", "magnify", "small_screens", "smallest_window",
        "language", "instructions", "consent", "contact",
    )  # fmt: skip
    return {
        **{key: getattr(config, key) for key in plain},
        "digest": study.digest,
        "pictures": len(study.indices),
        "platform": config.platform.kind,
        "exclusion_in_words": rule_in_words(config.exclusion),
        "provenance": dict(study.pictures.provenance),
    }


def _simulation(study: Study) -> dict[str, Any] | None:
    """What the observers of a simulation liked, where it was noted."""
    try:
        found = json.loads((study.path / "simulation.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _config(study: Study) -> dict[str, Any]:
    """study.yaml without the texts, which are shown apart, and without the platform's codes."""
    found = study.config.model_dump(mode="json")
    for key in ("title", "instructions", "consent"):
        del found[key]
    found["platform"] = {"kind": study.config.platform.kind}
    return found


def _software() -> dict[str, str]:
    found = {name: version(name) for name in ("snellen", "numpy", "scipy", "torch")}
    return found | {"python": platform.python_version()}
