"""The one file in which a study keeps its sessions and answers.

`opening` makes and checks it, `writing` is the one thread that changes it. What participants do:
`beginning`, `answers` and `withdrawing`, with `sessions` that are found by `tokens` and hold
`places`. `administration` is what the study's owner does, `settings` what is noted of the study
itself, `reading` what the analysis reads.
"""

from __future__ import annotations

from snellen.study.store.opening import create_database
from snellen.study.store.reading import read_answers
from snellen.study.store.refusals import Refused
from snellen.study.store.store import Store, open_store

__all__ = ["Refused", "Store", "create_database", "open_store", "read_answers"]
