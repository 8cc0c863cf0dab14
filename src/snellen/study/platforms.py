"""What the platforms send with a participant, and how a participant goes back to them.

Pure functions: nothing here touches the file of answers or the network.

An open link sends nothing, or an invitation. Prolific sends three parameters and takes people back
at one address with the study's code. Amazon Mechanical Turk shows the study in a frame and is told
of the end by a form that the browser posts; only two addresses may ever be posted to.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from snellen.errors import UserError
from snellen.study.config import Mturk, OpenLink, Platform, Prolific

__all__ = [
    "CODE_FIELD",
    "MTURK_PREVIEW",
    "Arrival",
    "completion_code",
    "form_action",
    "frame_ancestors",
    "is_preview",
    "leave",
    "read_platform",
    "submit_host",
    "worker_hash",
]

MTURK_PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
"""The assignmentId under which Mechanical Turk shows a task that nobody has accepted yet."""

CODE_FIELD = "code"
"""The form's field, and so the answer's name at Mechanical Turk, that holds the completion code."""

_PROLIFIC = ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
_MTURK = ("workerId", "assignmentId", "hitId", "turkSubmitTo")
_PROLIFIC_END = "https://app.prolific.com/submissions/complete"
_MTURK_HOST = "https://www.mturk.com"
_MTURK_WORKERS = "https://worker.mturk.com"
_MTURK_SANDBOX = "https://workersandbox.mturk.com"

# Prolific's ids are 24 hexadecimal digits, Mechanical Turk's are capitals and digits up to 64.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_INVITATION = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)

# Crockford's 32 digits: without I, L, O and U, which are misread or misread as words.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Arrival:
    """Who comes, as the platform says it.

    Attributes:
        worker: the platform's plain id of the person; "" on an open link.
        assignment: what is paid: Prolific's SESSION_ID, Mechanical Turk's assignmentId; else "".
        task: Prolific's STUDY_ID, Mechanical Turk's hitId; else "".
        key: what finds the person's session again, for `worker_hash`: the worker or the invitation.
            None: nothing does, each arrival is a new person.
    """

    worker: str = ""
    assignment: str = ""
    task: str = ""
    key: str | None = None


def is_preview(body: Mapping[str, Any]) -> bool:
    """Whether Mechanical Turk only shows the task: then a session must not begin.

    >>> is_preview({"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE", "hitId": "3XYZ"})
    True
    """
    return body.get("assignmentId") == MTURK_PREVIEW


def read_platform(
    platform: Platform, body: Mapping[str, Any], invitation: str | None = None
) -> Arrival:
    """Read what the page found in its address, strictly.

    Args:
        platform: of the study.
        body: the platform's parameters by name; exactly those that it sends.
        invitation: the personal token of an open study with invitations.

    Returns:
        Who comes.

    Raises:
        UserError: something is missing, empty, too long, or has characters that no id has; a
            preview; a foreign turkSubmitTo; an invitation where none is expected. The sentence is
            for the participant.

    >>> from snellen.study.config import Prolific
    >>> prolific = Prolific(
    ...     kind="prolific", completed="C1DONE", no_consent="C2NONE", screened_out="C3OUT"
    ... )
    >>> read_platform(prolific, {"PROLIFIC_PID": "5f1", "STUDY_ID": "60a", "SESSION_ID": "77b"})
    Arrival(worker='5f1', assignment='77b', task='60a', key='5f1')
    >>> read_platform(prolific, {"PROLIFIC_PID": "5f1"})
    Traceback (most recent call last):
    snellen.errors.UserError: the link lacks STUDY_ID: open the study from its page on Prolific.
    """
    if isinstance(platform, OpenLink):
        _only(body, ())
        return _invited(platform, invitation)
    if invitation is not None:
        raise UserError("this study takes no invitations: open it without `invitation=…`.")
    if isinstance(platform, Prolific):
        _only(body, _PROLIFIC)
        worker, task, assignment = (_id(body, name, "Prolific") for name in _PROLIFIC)
    else:
        if is_preview(body):
            raise UserError("this is a preview: accept the task on Mechanical Turk to take part.")
        _only(body, _MTURK)
        worker, assignment, task = (_id(body, name, "Mechanical Turk") for name in _MTURK[:3])
        _check_submit_to(platform, body)
    return Arrival(worker, assignment, task, key=worker)


def _invited(platform: OpenLink, invitation: str | None) -> Arrival:
    if not platform.invitations:
        if invitation is not None:
            raise UserError("this study takes no invitations: open it without `invitation=…`.")
        return Arrival()
    if invitation is None:
        raise UserError(
            "this study is by invitation: open the whole link that you were sent, with "
            "`invitation=…` at its end."
        )
    if not _INVITATION.fullmatch(invitation):
        raise UserError(
            "that is no invitation: open the whole link that you were sent, as it stands there."
        )
    return Arrival(key=invitation)


def _only(body: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Refuse parameters that this platform does not send; they tell of a wrong study.yaml."""
    for name in body:
        if name not in names:
            raise UserError(
                f"the link holds {str(name)[:40]!r}, which this study does not expect: tell "
                "whoever runs the study."
            )


def _id(body: Mapping[str, Any], name: str, platform: str) -> str:
    value = body.get(name)
    again = f"open the study from its page on {platform}."
    if value is None or value == "":
        raise UserError(f"the link lacks {name}: {again}")
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise UserError(
            f"{name} in the link is none of {platform}'s (1 to 64 letters, digits, - and _): "
            f"{again}"
        )
    return value


def _check_submit_to(platform: Mturk, body: Mapping[str, Any]) -> None:
    """Whatever the link says, only the study's own address is posted to."""
    came = body.get("turkSubmitTo")
    if came is None or came == "":
        raise UserError("the link lacks turkSubmitTo: open the study from Mechanical Turk.")
    wanted = submit_host(platform)
    if not isinstance(came, str) or came not in (wanted, wanted + "/"):
        other = _MTURK_HOST if platform.sandbox else _MTURK_SANDBOX
        if came in (other, other + "/"):
            where = "in the sandbox" if platform.sandbox else "on the real Mechanical Turk"
            raise UserError(
                f"this study is set up {where} only: tell whoever runs the study (`sandbox` in "
                "study.yaml)."
            )
        raise UserError(
            "turkSubmitTo in the link is not Mechanical Turk: open the study from there; nothing "
            "is ever sent elsewhere."
        )


def submit_host(platform: Mturk) -> str:
    """The only address that this study's participants are sent back to: turkSubmitTo."""
    return _MTURK_SANDBOX if platform.sandbox else _MTURK_HOST


def worker_hash(salt: str, platform: str, key: str) -> bytes:
    """What is kept in place of a person's id: HMAC-SHA-256 under the study's salt.

    Args:
        salt: of ``secrets.json``, 64 hexadecimal digits.
        platform: the platform's ``kind``.
        key: `Arrival.key`.

    Returns:
        32 bytes; the same person of the same study always has the same.

    >>> worker_hash("00" * 32, "prolific", "5f1") == worker_hash("00" * 32, "prolific", "5f1")
    True
    >>> worker_hash("00" * 32, "prolific", "5f1") == worker_hash("01" * 32, "prolific", "5f1")
    False
    """
    return hmac.digest(bytes.fromhex(salt), f"{platform}\0{key}".encode(), hashlib.sha256)


def completion_code(rng: random.Random | None = None) -> str:
    """Draw a code that proves a completed session: 12 digits of 32, 60 bits.

    Args:
        rng: only for tests; by default the system's secure source.

    >>> import random
    >>> completion_code(random.Random(0))
    'VRD8GC-S9FJXG'
    """
    chosen = (rng or random.SystemRandom()).choices(_DIGITS, k=12)
    return "".join(chosen[:6]) + "-" + "".join(chosen[6:])


def leave(platform: Platform, code: str, arrival: Arrival) -> dict[str, Any]:
    """Say how a participant who has answered everything goes back to the platform.

    Args:
        platform: of the study.
        code: the session's own code. On Prolific it is the study's code for completion instead.
        arrival: of the session; Mechanical Turk's form names its assignment.

    Returns:
        ``code``, and ``leave``: None (open link), ``{"url": …}`` (Prolific), or
        ``{"form": {"action": …, "fields": {…}}}`` (Mechanical Turk; None where the assignment was
        forgotten, as no form could be handed in without it).

    >>> from snellen.study.config import Mturk
    >>> end = leave(Mturk(kind="mturk"), "AB-CD", Arrival("A1", "3ASSIGNMENT", "3HIT", "A1"))
    >>> end["leave"]["form"]["action"]
    'https://workersandbox.mturk.com/mturk/externalSubmit'
    >>> end["leave"]["form"]["fields"]
    {'assignmentId': '3ASSIGNMENT', 'code': 'AB-CD'}
    """
    if isinstance(platform, OpenLink):
        return {"code": code, "leave": None}
    if isinstance(platform, Prolific):
        query = urlencode({"cc": platform.completed})
        return {"code": platform.completed, "leave": {"url": f"{_PROLIFIC_END}?{query}"}}
    if not arrival.assignment:
        return {"code": code, "leave": None}
    form = {
        "action": f"{submit_host(platform)}/mturk/externalSubmit",
        "fields": {"assignmentId": arrival.assignment, CODE_FIELD: code},
    }
    return {"code": code, "leave": {"form": form}}


def frame_ancestors(platform: Platform) -> tuple[str, ...]:
    """Who may show the study in a frame, as sources of a Content-Security-Policy.

    >>> from snellen.study.config import OpenLink
    >>> frame_ancestors(OpenLink())
    ("'none'",)
    """
    if isinstance(platform, Mturk):
        return (_MTURK_HOST, _MTURK_SANDBOX, _MTURK_WORKERS)
    return ("'none'",)


def form_action(platform: Platform) -> tuple[str, ...]:
    """Where a form may be posted to, as sources of a Content-Security-Policy.

    Browsers check where the answer to a form leads, too; the real Mechanical Turk leads on to
    another host of its own.

    >>> from snellen.study.config import Mturk
    >>> form_action(Mturk(kind="mturk"))
    ("'self'", 'https://workersandbox.mturk.com')
    """
    if not isinstance(platform, Mturk):
        return ("'self'",)
    if platform.sandbox:
        return ("'self'", _MTURK_SANDBOX)
    return ("'self'", _MTURK_HOST, _MTURK_WORKERS)
