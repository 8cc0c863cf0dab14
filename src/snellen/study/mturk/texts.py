"""What Mechanical Turk is told and tells in XML and in forms of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from snellen.errors import UserError
from snellen.study.platforms import CODE_FIELD

__all__ = ["code_of", "external_question", "qualifications", "shortened", "url_of"]

_SCHEMA = (
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/"
    "ExternalQuestion.xsd"
)


def external_question(url: str, frame_height: int = 0) -> str:
    """Return the XML that makes Mechanical Turk show a page of ours in a frame.

    Args:
        url: of the study; https only.
        frame_height: in CSS pixels; 0: as high as the worker's window.

    Raises:
        UserError: an address that Mechanical Turk could not show.

    >>> "<FrameHeight>0</FrameHeight>" in external_question("https://study.example.org/")
    True
    >>> external_question("http://study.example.org/")
    Traceback (most recent call last):
    snellen.errors.UserError: Mechanical Turk shows https addresses only, 'http://study.example.org/'
    is none: name the address at which participants reach the study.
    """
    parts = _split(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" or not parts.hostname or local or parts.username is not None:
        raise UserError(
            f"Mechanical Turk shows https addresses only, {url[:200]!r} is none: name the address "
            "at which participants reach the study."
        )
    if parts.fragment or parts.query or re.search(r"[\s\x00-\x1f]", url) or len(url) > 1000:
        raise UserError(
            f"{url[:200]!r} has more than a host and a path: name the study's plain address."
        )
    if frame_height < 0:
        raise UserError(f"the frame's height is {frame_height}: 0 or more pixels are needed.")
    return (
        f'<ExternalQuestion xmlns="{_SCHEMA}"><ExternalURL>{escape(url)}</ExternalURL>'
        f"<FrameHeight>{frame_height}</FrameHeight></ExternalQuestion>"
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UserError(f"{url[:200]!r} is no address: {error}.") from error
    return parts


def qualifications(
    approval_rate: int | None = None,
    approved: int | None = None,
    countries: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Who may take part, in Mechanical Turk's words; by default anyone.

    Args:
        approval_rate: least percentage of a worker's assignments that were approved, 0..100.
        approved: least number of them.
        countries: where the worker lives, two capitals each (ISO 3166).

    Raises:
        UserError: a number or a country that cannot be.

    >>> qualifications(countries=["DE"])[0]["LocaleValues"]
    [{'Country': 'DE'}]
    """
    found: list[dict[str, Any]] = []
    if approval_rate is not None:
        if not 0 <= approval_rate <= 100:
            raise UserError(f"an approval rate of {approval_rate} %: 0 to 100 is needed.")
        found.append(_at_least("000000000000000000L0", approval_rate))
    if approved is not None:
        if approved < 0:
            raise UserError(f"{approved} approved assignments: 0 or more is needed.")
        found.append(_at_least("00000000000000000040", approved))
    for country in countries:
        if not re.fullmatch("[A-Z]{2}", country):
            raise UserError(f"{country[:20]!r} is no country: write two capitals, as in US or DE.")
    if countries:
        found.append(
            {
                "QualificationTypeId": "00000000000000000071",
                "Comparator": "In",
                "LocaleValues": [{"Country": country} for country in countries],
                "ActionsGuarded": "Accept",
            }
        )
    return found


def _at_least(kind: str, value: int) -> dict[str, Any]:
    return {
        "QualificationTypeId": kind,
        "Comparator": "GreaterThanOrEqualTo",
        "IntegerValues": [value],
        "ActionsGuarded": "Accept",
    }


def shortened(text: str, longest: int) -> str:
    r"""The text on one line, cut at a word.

    >>> shortened("Which is closest?\nLook well.", 20)
    'Which is closest? …'
    """
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    cut = line[: longest - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut[:-1]) + " …"


def url_of(question: str) -> str:
    """Read the address from a question (XML) of `external_question`; "" where there is none."""
    elements = _plain_xml(question)
    return next((one.text or "" for one in elements if _tag(one) == "ExternalURL"), "")


def code_of(answer: str) -> str:
    """Read the code from an assignment's answer (XML); "" where there is none.

    >>> said = "<QuestionIdentifier>code</QuestionIdentifier><FreeText>AB</FreeText>"
    >>> code_of(f"<QuestionFormAnswers><Answer>{said}</Answer></QuestionFormAnswers>")
    'AB'
    """
    for element in _plain_xml(answer):
        if _tag(element) == "Answer":
            parts = {_tag(part): part.text or "" for part in element}
            if parts.get("QuestionIdentifier") == CODE_FIELD:
                return parts.get("FreeText", "").strip()[:100]
    return ""


def _plain_xml(text: str) -> list[ET.Element]:
    """All elements of an XML text without a document type; of anything else, none."""
    if "<!DOCTYPE" in text:  # entities could grow without end
        return []
    try:
        return list(ET.fromstring(text).iter())  # noqa: S314 - nothing in it can expand
    except ET.ParseError:
        return []


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
