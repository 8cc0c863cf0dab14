"""A study on Amazon Mechanical Turk: offer it, look after it, approve what was done."""

from snellen.study.mturk.calls import connect
from snellen.study.mturk.offering import Hit, create_hit, mturk_of
from snellen.study.mturk.paying import Approval, Assignment, Status, approve, status
from snellen.study.mturk.texts import external_question, qualifications

__all__ = [
    "Approval",
    "Assignment",
    "Hit",
    "Status",
    "approve",
    "connect",
    "create_hit",
    "external_question",
    "mturk_of",
    "qualifications",
    "status",
]
