"""What goes over the wire: bodies of requests and replies, and errors with their status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from snellen.study.config import MOST_MODELS
from snellen.study.store.refusals import Refused

__all__ = [
    "ERRORS",
    "STATUS",
    "AnswerReply",
    "AnswerRequest",
    "BeginReply",
    "BeginRequest",
    "CompleteReply",
    "DoneReply",
    "ErrorReply",
    "HealthReply",
    "PreviewReply",
    "RefusedReply",
    "RefusedRequest",
    "ResultReply",
    "StateReply",
    "StateRequest",
    "StatusReply",
    "StudyReply",
    "TrialReply",
    "WithdrawReply",
    "WithdrawRequest",
    "error_reply",
    "refusal_reply",
]

STATUS: Mapping[str, int] = {
    "host": 400,
    "invalid": 422,
    "state": 422,
    "ranks": 422,
    "platform": 422,
    "token": 401,
    "moved": 401,
    "secret": 401,
    "paused": 403,
    "closed": 403,
    "invitation": 403,
    "locked": 403,
    "simulated": 403,
    "image": 404,
    "number": 404,
    "unknown": 404,
    "full": 409,
    "answered": 409,
    "order": 409,
    "unanswered": 409,
    "changed": 409,
    "real_people": 409,
    "method": 405,
    "slow": 408,
    "gone": 410,
    "withdrawn": 410,
    "large": 413,
    "rate": 429,
    "broken": 500,
    "picture": 503,
    "database": 503,
    "busy": 503,
    "storage": 507,
}
"""The HTTP status of each word for what is refused."""


class ErrorReply(BaseModel):
    """Why something was refused."""

    error: str = Field(description="a word for programs")
    message: str = Field(description="a sentence for people")


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorReply, "description": text}
    for status, text in {
        400: "not a request that can be read, or for another host",
        401: "no such token or secret, or the study goes on in another tab",
        403: "not now",
        404: "there is no such thing for you",
        405: "not this method",
        408: "the request came too slowly",
        409: "something else was said before",
        410: "the place was given to somebody else, or the participant has withdrawn",
        413: "the request is too large",
        422: "what was said cannot be",
        429: "too many requests",
        503: "busy: come back after Retry-After seconds",
        507: "the disk is full",
    }.items()
}

_MOST_KEYS = 40
_MOST_ITEMS = 16
_MOST_CHARACTERS = 400
_LARGEST = 1e15


def _small(values: dict[str, Any], depth: int = 2) -> dict[str, Any]:
    """Numbers, short texts, short lists of these, and such an object within: no more is needed."""
    if len(values) > _MOST_KEYS:
        raise ValueError(f"at most {_MOST_KEYS} keys")
    for key, value in values.items():
        if len(key) > _MOST_ITEMS * 4:
            raise ValueError("a key is too long")
        if isinstance(value, dict) and depth > 1:
            _small(value, depth - 1)
        elif isinstance(value, list):
            if len(value) > _MOST_ITEMS:
                raise ValueError(f"at most {_MOST_ITEMS} values in a list")
            for item in value:
                _plain(item)
        else:
            _plain(value)
    return values


def _plain(value: Any) -> None:
    if isinstance(value, str):
        if len(value) > _MOST_CHARACTERS:
            raise ValueError("a text is too long")
    elif isinstance(value, int | float):
        if not -_LARGEST <= value <= _LARGEST:  # NaN is not, either
            raise ValueError("a number is too large")
    elif value is not None:
        raise ValueError("only numbers, texts, short lists and one object within are taken")


def _yes(value: bool) -> bool:
    if not value:
        raise ValueError("nobody takes part without consent")
    return value


_SmallObject = Annotated[
    dict[str, Any],
    AfterValidator(_small),
    Field(description="numbers, short texts, short lists of these, one object within"),
]
_Token = Annotated[str, Field(min_length=1, max_length=200)]
_Milliseconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] | None


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class BeginRequest(_Request):
    """Consent, and who comes from where."""

    consent: Annotated[bool, AfterValidator(_yes), Field(json_schema_extra={"const": True})]
    screen: _SmallObject = {}
    platform: Annotated[dict[str, Annotated[str, Field(max_length=400)]], Field(max_length=8)] = {}
    invitation: Annotated[str, Field(max_length=200)] | None = None
    request: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = Field(
        default=None,
        description="drawn by the page for one consent: where the reply was lost and the request is"
        " repeated, it goes on with the session that was begun",
    )
    simulated: bool = False


class RefusedRequest(_Request):
    """Why somebody does not take part."""

    why: Literal["consent", "screen"]


class AnswerRequest(_Request):
    """A ranking."""

    ranks: Annotated[
        list[Annotated[int, Field(ge=1, le=MOST_MODELS)]],
        Field(min_length=2, max_length=MOST_MODELS),
    ]
    shown_ms: _Milliseconds = None
    first_ms: _Milliseconds = None
    submit_ms: _Milliseconds = None
    environment: _SmallObject = {}


class WithdrawRequest(_Request):
    """The token of the link for withdrawal."""

    token: _Token


class StateRequest(_Request):
    """What the study is to be."""

    state: Literal["open", "paused", "closed"]


class HealthReply(BaseModel):
    """The server works."""

    ok: bool


class CodesReply(BaseModel):
    """Prolific's codes for those who do not take part."""

    no_consent: str
    screened_out: str


class StudyReply(BaseModel):
    """What the page must know before anybody consents."""

    title: str
    instructions: str
    consent: str
    contact: str
    language: str
    models: int
    ties: bool
    trials: int
    training: int
    magnify: int | Literal["auto"]
    small_screens: Literal["allow", "refuse"]
    smallest_window: int
    platform: Literal["open", "prolific", "mturk"]
    invitations: bool
    state: Literal["open", "paused", "closed", "full"]
    retention_days: int
    widest: list[int]
    minutes: int
    simulated: bool
    codes: CodesReply | None


class BeginReply(BaseModel):
    """A session: `token` is for the header Authorization, `withdraw` for the link /withdraw#…."""

    token: str
    withdraw: str


class PicturesReply(BaseModel):
    """What a trial shows."""

    original: str
    options: list[str]
    width: int
    height: int


class TrialReply(PicturesReply):
    """The trial that is to be answered."""

    state: Literal["trial"]
    number: int
    kind: Literal["training", "judging"]
    total: int
    answered: int
    next: PicturesReply | None


class DoneReply(BaseModel):
    """All trials are answered."""

    state: Literal["done"]
    total: int
    answered: int


class AnswerReply(BaseModel):
    """The answer is on the disk; how to go on."""

    next: TrialReply | DoneReply


class CompleteReply(BaseModel):
    """The completion code, and how to go back to the platform."""

    code: str
    leave: dict[str, Any] | None


class RefusedReply(BaseModel):
    """Somebody who does not take part was counted; a closed study counts nobody."""

    counted: bool


class WithdrawReply(BaseModel):
    """All that was told is deleted."""

    withdrawn: Literal[True]


class PreviewReply(PicturesReply):
    """An example for those who have not accepted the task: pictures as PNG in base64."""


class StatusReply(BaseModel):
    """How far the study is."""

    title: str
    state: str
    people: int
    completed: int
    active: int
    expired: int
    withdrawn: int
    refused: dict[str, int]
    frozen: str | None
    unlocked: str | None
    simulated: bool
    sessions: list[dict[str, Any]]
    events: list[dict[str, Any]]


class StateReply(BaseModel):
    """What the study is now."""

    state: str
    unlocked: str | None


class ResultReply(BaseModel):
    """A first look; `snellen study analyse` gives intervals and more."""

    models: list[str]
    mean_ranks: list[float | None]
    first_share: list[float | None]
    rankings: int


def error_reply(error: str, message: str, *, after: float = 0, **more: Any) -> JSONResponse:
    """The reply to what is refused; `after`: when to try again, in seconds."""
    headers = {"Retry-After": str(max(1, round(after + 0.5)))} if after else None
    return JSONResponse({"error": error, "message": message, **more}, STATUS[error], headers)


def refusal_reply(refused: Refused, **more: Any) -> JSONResponse:
    """The reply to what the store refuses."""
    after = 2.0 if STATUS[refused.error] == 503 else 0
    return error_reply(refused.error, refused.message, after=after, **more)
