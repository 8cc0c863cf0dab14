"""Simulated observers at a running server: they ask for what a browser asks for, all at once."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.files import shown
from snellen.study.design import ORIGINAL_SHOWN
from snellen.study.folder import Study
from snellen.study.pictures import ORIGINAL
from snellen.study.simulation.records import Outcome, truth
from snellen.study.simulation.tastes import (
    Crowd,
    Observer,
    SimulationOptions,
    gather,
    pixels_of,
)

__all__ = ["simulate_over_http"]

_AT_ONCE = 64  # people; more wait until one is done
_TRIES = 100  # of a request that the server puts off or that gets lost
_LONGEST_PAUSE = 1.0  # seconds, where the server names no other
_LONGEST_WAIT = 10.0  # seconds, whatever it names
_TIMEOUT = 60.0
_PUT_OFF = (429, 503)
_LARGEST = 256 * 2**20  # bytes of a reply

# Of no platform and without an invitation: with the admin secret the server takes it so.
_CONSENT = {
    "consent": True,
    "screen": {"width": 1920, "height": 1080, "pixel_ratio": 1},
    "simulated": True,
}


def simulate_over_http(
    study: Study,
    url: str,
    options: SimulationOptions,
    *,
    tell: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Let simulated observers take part in a study that is being served.

    They know what they see by its pixels, looked up in the study's folder; a picture that is not
    there ends the simulation. The server marks their sessions, and the study, as simulated; it
    refuses them where people have taken part.

    Args:
        study: that the server serves; its admin secret allows simulated sessions.
        url: of the server. Outside of this machine, https.
        options: the observers.
        tell: told how many observers are done, and how many there are.

    Raises:
        UserError: no such server, another study, no place left, people among its participants, or
            whatever it refuses.
    """
    place = _checked(url)
    crowd = gather(study, options)
    seen = _Seen(study)
    _check_study(study, place)
    crew = _Crew(study, place, seen, crowd, tell)
    with ThreadPoolExecutor(min(len(crowd), _AT_ONCE)) as pool:
        visits = [pool.submit(crew.visit, index) for index in range(len(crowd))]
        try:
            wait(visits, return_when=FIRST_EXCEPTION)
        finally:  # one has failed, or Ctrl-C: the others need not go on
            crew.stop.set()
            pool.shutdown(cancel_futures=True)
    if crew.problems:
        raise crew.problems[0]
    answers = sum(visit.result() for visit in visits)
    return Outcome(len(crowd), answers, int(crowd.inattentive.sum()), truth(study, crowd))


@dataclass(eq=False)
class _Crew:
    """What the threads share, each of which is one observer's browser."""

    study: Study
    place: SplitResult
    seen: _Seen
    crowd: Crowd
    tell: Callable[[int, int], None] | None
    stop: Event = field(default_factory=Event)
    problems: list[Exception] = field(default_factory=list)
    _done: int = 0
    _lock: Lock = field(default_factory=Lock)

    def visit(self, index: int) -> int:
        """One observer's whole session; returns how many answers it gave."""
        try:
            with _Browser(self.place, self.stop, patient=True) as browser:
                observer = self.crowd.observer(index)
                answers = _take_part(self.study, self.seen, observer, browser)
        except Exception as error:
            with self._lock:
                self.problems.append(error)
            raise
        with self._lock:
            self._done += 1
            if self.tell is not None:
                self.tell(self._done, len(self.crowd))
        return answers


def _checked(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        _ = place.port
    except ValueError as error:
        raise UserError(f"--url {shown(url)[:200]!r} is no address: {error}.") from error
    if place.scheme not in ("http", "https") or not place.hostname:
        raise UserError(
            f"--url {shown(url)[:200]!r} is no address: write it as in http://127.0.0.1:8000."
        )
    if place.path not in ("", "/") or place.query or place.fragment:
        raise UserError(f"--url {shown(url)[:200]!r}: name the host alone, without a path.")
    if place.scheme == "http" and place.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise UserError(
            f"--url {shown(url)[:200]!r} would send the study's admin secret in the clear: use "
            "https, or http on this machine."
        )
    return place


def _check_study(study: Study, place: SplitResult) -> None:
    with _Browser(place, Event()) as browser:
        told = browser.ask("GET", "/api/study")
    if told.get("title") != study.config.title or told.get("models") != len(study.config.models):
        raise UserError(
            f"{place.geturl()} serves {shown(str(told.get('title')))[:80]!r}, and "
            f"{shown(study.path)} is {study.config.title!r}: name the study that is served there."
        )


def _take_part(study: Study, seen: _Seen, observer: Observer, browser: _Browser) -> int:
    """One whole session, as the page does it; returns how many answers it gave."""
    browser.get_bytes("/")
    browser.ask("GET", "/api/study")
    began = browser.ask(
        "POST",
        "/api/sessions",
        # Where the reply is lost, the same request again goes on with the same session.
        _CONSENT | {"request": secrets.token_hex(16)},
        headers={"X-Snellen-Admin": study.secrets().admin},
    )
    browser.token = began["token"]
    looked: dict[str, NDArray[np.uint8]] = {}
    at = browser.ask("GET", "/api/trial")
    answers = 0
    while at["state"] == "trial":
        ids = [at["original"], *at["options"]]
        for image in ids:
            if image not in looked:
                looked[image] = pixels_of(browser.get_bytes(f"/api/images/{image}"))
        picture, shown_models = seen.identify([looked[image] for image in ids])
        at = browser.ask(
            "POST", f"/api/answers/{at['number']}", _answer(observer, picture, shown_models)
        )["next"]
        answers += 1
    if not browser.ask("POST", "/api/complete", {}).get("code"):
        raise UserError(f"{browser.place.geturl()} gave no code to somebody who was done.")
    return answers


def _answer(observer: Observer, picture: int, shown_models: list[int]) -> dict[str, Any]:
    ranks = observer.rank(picture, shown_models)
    onset, first, submit = observer.take_time()
    return {
        "ranks": ranks,
        "shown_ms": onset,
        "first_ms": first,
        "submit_ms": submit,
        "environment": {
            "window": [1920, 969],
            "pixel_ratio": 1,
            "magnify": 1,
            "blurs": 0,
            "hidden_ms": 0,
        },
    }


class _Seen:
    """Which picture and which models something on the screen is, by its pixels."""

    def __init__(self, study: Study) -> None:
        self._study = study
        # Two models may have made the same of a picture, two photographs may be the same.
        self._pictures: dict[bytes, list[int]] = {}
        self._models: dict[tuple[int, bytes], list[int]] = {}
        for index in study.indices:
            original = _digest(pixels_of(study.picture_bytes(index, ORIGINAL)))
            self._pictures.setdefault(original, []).append(index)
            self._models.setdefault((index, original), []).append(ORIGINAL_SHOWN)
            for model, name in enumerate(study.config.models):
                made = _digest(pixels_of(study.picture_bytes(index, name)))
                self._models.setdefault((index, made), []).insert(0, model)

    def identify(self, pixels: list[NDArray[np.uint8]]) -> tuple[int, list[int]]:
        """Look up the labelled original and what stands beside it.

        Raises:
            UserError: it is not of the study.
        """
        original, *options = map(_digest, pixels)
        for index in self._pictures.get(original, []):
            found: list[int] = []
            for option in options:
                left = [k for k in self._models.get((index, option), []) if k not in found]
                found += left[:1]
            if len(found) == len(options):
                return index, found
        raise UserError(
            f"the server shows a picture that is not in {shown(self._study.path)}: name the study "
            "that it serves."
        )


def _digest(pixels: NDArray[np.uint8]) -> bytes:
    head = f"{pixels.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(pixels).tobytes()).digest()


@dataclass
class _Browser:
    """One connection that is kept, with the session's token; refused requests are asked again.

    `patient`: also where nobody listens. There was a server a moment ago, and it may come back.
    """

    place: SplitResult
    stop: Event
    patient: bool = False
    token: str | None = None
    _connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Ask for JSON."""
        data = self._request(method, path, body, headers or {})
        try:
            values = json.loads(data)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise UserError(f"{self.place.geturl()} is no server of a study: {path} is not JSON.")
        return values

    def get_bytes(self, path: str) -> bytes:
        """Ask for a page or a picture."""
        return self._request("GET", path, None, {})

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
    ) -> bytes:
        sent = dict(headers)
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        for attempt in range(_TRIES):
            if self.stop.is_set():
                raise UserError("the simulation was stopped.")
            pause = min(_LONGEST_PAUSE, 0.05 * 2**attempt)
            try:
                status, answer, after = self._send(method, path, data, sent)
            except (OSError, http.client.HTTPException) as error:
                self._hang_up()
                refused = isinstance(error, ConnectionRefusedError)
                if attempt == _TRIES - 1 or (refused and not self.patient):
                    reason = str(error) or type(error).__name__
                    raise UserError(
                        f"no answer from {self.place.geturl()} ({reason}): is "
                        "`snellen study serve` running there?"
                    ) from error
            else:
                if status < 300:
                    return answer
                if status not in _PUT_OFF or attempt == _TRIES - 1:
                    raise UserError(_refusal(self.place, path, status, answer))
                pause = max(pause, min(after, _LONGEST_WAIT))
            self.stop.wait(pause)
        raise AssertionError  # the last attempt has returned or raised

    def _send(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, float]:
        if self._connection is None:
            kind = (
                http.client.HTTPSConnection
                if self.place.scheme == "https"
                else http.client.HTTPConnection
            )
            self._connection = kind(self.place.hostname or "", self.place.port, timeout=_TIMEOUT)
        self._connection.request(method, path, data, dict(headers))
        reply = self._connection.getresponse()
        answer = reply.read(_LARGEST)
        if reply.length:  # the server was killed in the middle of it
            raise http.client.IncompleteRead(answer, reply.length)
        after = reply.headers.get("Retry-After", "")
        return reply.status, answer, float(after) if after.isdigit() else 0.0


def _refusal(place: SplitResult, path: str, status: int, answer: bytes) -> str:
    """What the server says, as the end of a sentence of ours."""
    try:
        said = json.loads(answer)
        message = str(said["message"])
    except (ValueError, KeyError, TypeError):
        message = f"status {status}"
    if status in (401, 403) and path == "/api/sessions":
        message += " (is it the study that is served there, with the same secrets.json?)"
    return f"{place.geturl()} refuses {path}: {shown(message)[:300]}"
