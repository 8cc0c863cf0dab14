"""Offer a study on Mechanical Turk, once.

Amazon's name for the task is HIT. ``STUDY/mturk.json`` keeps its id; a mark in the HIT finds it
again where the reply was lost; and Amazon itself refuses the same request for 24 hours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snellen.errors import UserError
from snellen.files import SAME_COMMAND, atomic_write, shown
from snellen.study.config import Mturk
from snellen.study.folder import Study, placeholders
from snellen.study.mturk.calls import Refused, call, pages
from snellen.study.mturk.texts import external_question, shortened, url_of

__all__ = ["Hit", "create_hit", "mturk_of", "recorded"]

RECORD_FILE = "mturk.json"

_FEES = (0.20, 0.40)  # of the reward, below ten assignments and from ten on


@dataclass(frozen=True)
class Hit:
    """The study's task.

    Attributes:
        id: Amazon's.
        group: what a worker's link names.
        url: of the study, as the task holds it.
        sandbox: whether no money moves.
        new: whether this call made it.
    """

    id: str
    group: str
    url: str
    sandbox: bool
    new: bool = False

    @property
    def link(self) -> str:
        """Where workers find it."""
        host = "workersandbox" if self.sandbox else "worker"
        return f"https://{host}.mturk.com/projects/{self.group}/tasks"


def mturk_of(study: Study) -> Mturk:
    """The study's platform, if it is Mechanical Turk.

    Raises:
        UserError: it is another.
    """
    if not isinstance(study.config.platform, Mturk):
        raise UserError(
            f"{shown(study.path)} is not for Mechanical Turk: write `platform: {{kind: mturk}}` "
            "into its study.yaml."
        )
    return study.config.platform


def create_hit(
    study: Study,
    url: str,
    *,
    client: Any,
    required: Sequence[Mapping[str, Any]] = (),
    frame_height: int = 0,
    yes_pay: bool = False,
) -> Hit:
    """Offer the study, once: a second call finds the first one's task.

    Args:
        study: whose platform is Mechanical Turk.
        url: at which participants reach it; https.
        client: of `snellen.study.mturk.connect`.
        required: of `qualifications`.
        frame_height: of the frame, in CSS pixels; 0: as high as the window.
        yes_pay: must be true where `sandbox: false` makes it cost money.

    Raises:
        UserError: texts that are not filled in, an address that cannot be shown, another address
            than the task has, no permission to pay, or whatever Amazon refuses.
    """
    platform = mturk_of(study)
    question = external_question(url, frame_height)
    _refuse_unfinished(study)
    known = recorded(study, platform.sandbox)
    if known is None:
        _refuse_unpaid(study, platform, yes_pay)
        known = _marked(study, platform, client)
        if known is None:
            known = _create(study, platform, question, url, required, client)
        _record(study, known)
    if known.url != url:
        raise UserError(
            f"the study is offered already, as HIT {known.id}, at {known.url}, and that cannot be "
            "changed: serve it there, or expire that HIT and remove its entry from "
            f"{shown(study.path / RECORD_FILE)}."
        )
    return known


def _refuse_unfinished(study: Study) -> None:
    missing = placeholders(study.config)
    if missing:
        raise UserError(
            f"study.yaml still has texts to be filled in ({', '.join(missing)}): write them first."
        )


def _refuse_unpaid(study: Study, platform: Mturk, yes_pay: bool) -> None:
    if platform.sandbox or yes_pay:
        return
    people = study.config.people
    total = people * float(platform.reward)
    fee = _FEES[people >= 10]
    raise UserError(
        f"this offers {people} assignments at ${platform.reward} for real: ${total:,.2f}, and "
        f"Amazon's fee (at the time of writing {fee:.0%}, ${total * fee:,.2f}). Type --yes-pay if "
        "that is meant, or write `sandbox: true` into study.yaml."
    )


def _mark(study: Study) -> str:
    """What tells the study's HIT from others of the account, whatever study.yaml says by now."""
    salt = bytes.fromhex(study.secrets().salt)
    return "snellen-" + hmac.digest(salt, b"mturk", hashlib.sha256).hex()[:40]


def _create(
    study: Study,
    platform: Mturk,
    question: str,
    url: str,
    required: Sequence[Mapping[str, Any]],
    client: Any,
) -> Hit:
    config = study.config
    salt = bytes.fromhex(study.secrets().salt)
    asked = {
        "MaxAssignments": config.people,
        "LifetimeInSeconds": platform.days * 86_400,
        "AssignmentDurationInSeconds": platform.minutes * 60,
        "Reward": platform.reward,
        "Title": shortened(config.title, 128),
        "Description": shortened(config.instructions, 1000),
        "Keywords": "pictures, images, comparison, ranking, study",
        "Question": question,
        "RequesterAnnotation": _mark(study),
        # Of this study alone: another made of the same pictures has another salt.
        "UniqueRequestToken": hmac.digest(salt, study.digest.encode(), hashlib.sha256).hex(),
    }
    if required:
        asked["QualificationRequirements"] = [dict(one) for one in required]
    try:
        made = call(client, "create_hit", **asked)["HIT"]
    except Refused as error:
        said = f"{error.turk_code} {error.message}".lower()
        if "hitalreadyexists" not in said and "already exists" not in said:
            raise
        # An earlier call succeeded, and its reply was lost.
        found = _named_in(error.message, study, platform, client) or _marked(
            study, platform, client
        )
        if found is None:
            raise UserError(
                "Mechanical Turk says that this study is offered already, and does not list it "
                "yet: type the command again in a minute."
            ) from error
        return found
    return Hit(made["HITId"], made.get("HITGroupId", ""), url, platform.sandbox, new=True)


def _marked(study: Study, platform: Mturk, client: Any) -> Hit | None:
    """Look through the account's HITs for this study's mark."""
    mark = _mark(study)
    for one in pages(client, "list_hits", "HITs"):
        if one.get("RequesterAnnotation") == mark:
            return _hit(one, platform)
    return None


def _named_in(message: str, study: Study, platform: Mturk, client: Any) -> Hit | None:
    """The HIT that the refusal names, if it is this study's."""
    mark = _mark(study)
    for name in re.findall(r"\b[A-Z0-9]{20,64}\b", message):
        try:
            one = call(client, "get_hit", HITId=name)["HIT"]
        except Refused:
            continue
        if one.get("RequesterAnnotation") == mark:
            return _hit(one, platform)
    return None


def _hit(one: Mapping[str, Any], platform: Mturk) -> Hit:
    url = url_of(one.get("Question", ""))
    return Hit(one["HITId"], one.get("HITGroupId", ""), url, platform.sandbox)


def recorded(study: Study, sandbox: bool) -> Hit | None:
    """The task that ``mturk.json`` names, or None."""
    place = study.path / RECORD_FILE
    try:
        values = json.loads(place.read_bytes())
        entry = values.get(_where(sandbox))
        if entry is None:
            return None
        name, group, url = (entry[key] for key in ("hit", "group", "url"))
        if not all(isinstance(text, str) for text in (name, group, url)):
            raise TypeError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{shown(place)} is damaged: remove it; `snellen study mturk create` finds the study's "
            "HIT again and makes no second one."
        ) from error
    return Hit(name, group, url, sandbox)


def _record(study: Study, hit: Hit) -> None:
    place = study.path / RECORD_FILE
    values = json.loads(place.read_bytes()) if place.exists() else {"format": 1}
    values[_where(hit.sandbox)] = {"hit": hit.id, "group": hit.group, "url": hit.url}
    text = json.dumps(values, indent=1) + "\n"
    atomic_write(place, text, again=SAME_COMMAND)


def _where(sandbox: bool) -> str:
    return "sandbox" if sandbox else "real"
