"""Calls to Mechanical Turk: a client, and every failure as one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from snellen.errors import UserError
from snellen.study.config import Mturk

__all__ = ["Refused", "call", "connect", "pages"]

REGION = "us-east-1"  # the only one there is
ENDPOINTS = {
    True: f"https://mturk-requester-sandbox.{REGION}.amazonaws.com",
    False: f"https://mturk-requester.{REGION}.amazonaws.com",
}

_BUSY = ("ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException")
_NOT_KNOWN = (
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
)


class Refused(UserError):
    """Mechanical Turk understood the call and refuses it.

    Attributes:
        turk_code: its own name of the reason, as ``AWS.MechanicalTurk.HitAlreadyExists``; maybe "".
        message: what it says.
    """

    def __init__(self, operation: str, turk_code: str, message: str) -> None:
        super().__init__(f"Mechanical Turk refuses {operation}: {message or 'it gives no reason'}.")
        self.turk_code = turk_code
        self.message = message


def connect(platform: Mturk, endpoint: str | None = None) -> Any:
    """Make a client; no call is made yet.

    Credentials come from where AWS's tools look for them: the environment, ``~/.aws`` or the
    machine's role. They are never read from a study.

    Args:
        platform: of the study; says whether the sandbox is meant.
        endpoint: another address, for tests.

    Raises:
        UserError: boto3 is missing, or AWS's own configuration is damaged.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise UserError(
            "Mechanical Turk needs boto3: type `pip install 'snellen[mturk]'`."
        ) from error
    options = Config(
        retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=60
    )
    try:
        # Not boto3's default session: that keeps the first credentials that it met.
        return boto3.session.Session().client(
            "mturk",
            region_name=REGION,
            endpoint_url=endpoint or ENDPOINTS[platform.sandbox],
            config=options,
        )
    except (BotoCoreError, ValueError) as error:
        raise UserError(f"AWS's configuration on this machine: {_line(error)}.") from error


def call(client: Any, operation: str, **arguments: Any) -> dict[str, Any]:
    """Make one call; throttling and cut connections have been tried again by the client.

    Args:
        client: of `connect`.
        operation: its name in Python, as ``create_hit``.
        **arguments: of the operation.

    Raises:
        Refused: Mechanical Turk says no.
        UserError: no credentials, wrong ones, no network, too busy, or a fault on Amazon's side.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        HTTPClientError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )
    from botocore.exceptions import ConnectionError as Unconnected

    name = "".join(part.capitalize() for part in operation.split("_")).replace("Hit", "HIT")
    try:
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
    except ClientError as error:
        raise _of_answer(name, error.response) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise UserError(
            "AWS credentials are missing or incomplete: type `aws configure`, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from error
    except ParamValidationError as error:
        raise UserError(f"{name} cannot be asked: {_line(error)}.") from error
    except (HTTPClientError, Unconnected) as error:
        raise UserError(
            f"no answer from Mechanical Turk to {name} ({type(error).__name__}): check the network "
            "and type the command again; what was done already is not done twice."
        ) from error
    except BotoCoreError as error:
        raise UserError(f"{name} failed: {_line(error)}.") from error
    return answer


def pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield what a listing holds, over all its pages.

    Args:
        client: of `connect`.
        operation: its name in Python, as ``list_hits``.
        key: under which the answer holds its list.
        **arguments: of the operation.
    """
    more: dict[str, Any] = {}
    while True:
        answer = call(client, operation, MaxResults=100, **arguments, **more)
        yield from answer.get(key, [])
        token = answer.get("NextToken")
        # The last page has no token; some answers repeat the old one when there is nothing more.
        if not token or not answer.get(key) or token == more.get("NextToken"):
            return
        more = {"NextToken": token}


def _of_answer(name: str, response: dict[str, Any]) -> UserError:
    code = str(response.get("Error", {}).get("Code", ""))
    message = _line(response.get("Error", {}).get("Message", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY:
        return UserError(
            f"Mechanical Turk is too busy for {name}, five times in a row: type the command again "
            "in a minute; what was done already is not done twice."
        )
    if code in _NOT_KNOWN:
        return UserError(
            f"AWS does not take these credentials ({code}: {message}): check them, and that the "
            "account is linked at https://requester.mturk.com/developer."
        )
    if code == "ServiceFault" or status >= 500:
        return UserError(
            f"Mechanical Turk has a fault of its own at {name} ({code or status}): type the "
            "command again later; what was done already is not done twice."
        )
    return Refused(name, str(response.get("TurkErrorCode", "")), message or code)


def _line(error: object) -> str:
    r"""Whatever AWS says, on one line and without an end.

    >>> _line("Insufficient funds.\nTry again.")
    'Insufficient funds. Try again'
    """
    return re.sub(r"\s+", " ", str(error)).strip().rstrip(".")[:500]
