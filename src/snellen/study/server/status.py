"""What the admin page shows of each participant: progress and care, but nothing of the result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from snellen.study.quality import participant_quality
from snellen.study.store.administration import progress
from snellen.study.store.reading import answers_in
from snellen.study.store.store import Store

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["read_status"]


def read_status(study: Study, store: Store) -> dict[str, Any]:
    """Read how far a study is and how carefully each participant judges.

    Args:
        study: whose rule of exclusion is applied.
        store: its answers.

    Returns:
        See `progress`; and the title, and of each session `retest` and why the rule of
        ``study.yaml`` leaves it out as of now (`excluded`, sentences).
    """
    with store.snapshot() as connection:
        found = progress(connection, store.clock())
        quality = participant_quality(answers_in(connection, study), study.config.exclusion)
    by_name = {each.name: each for each in quality}
    for session in found["sessions"]:
        judged = by_name.get(session["name"])
        session["excluded"] = list(judged.reasons) if judged else []
        if judged and not math.isnan(judged.retest):
            session["retest"] = round(judged.retest, 3)
    return {"title": study.config.title, **found}
