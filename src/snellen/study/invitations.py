"""Personal links of an open study: each lets one person in, and brings back who left."""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from snellen.errors import UserError
from snellen.files import SAME_COMMAND, shown, spreadsheet_cell, write_error
from snellen.study.config import OpenLink
from snellen.study.folder import Study
from snellen.study.store.opening import connect
from snellen.study.store.settings import write_event
from snellen.study.store.store import check_frozen
from snellen.study.store.tokens import token_hash

__all__ = ["Invitation", "invite", "read_labels"]

_MOST = 100_000
_LONGEST = 200  # characters of a label


@dataclass(frozen=True)
class Invitation:
    """A personal link.

    Attributes:
        label: for whom it is, as the study's owner knows them.
        link: holds the token (128 random bits), of which the study keeps a SHA-256 only; it
            cannot be printed again.
    """

    label: str
    link: str


def invite(
    study: Study,
    url: str,
    *,
    count: int | None = None,
    labels: Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> list[Invitation]:
    """Draw personal links and let them in from now on; earlier ones stay good.

    Args:
        study: with ``platform: {kind: open, invitations: true}``; it may be served at the same
            time.
        url: how participants reach the server, like ``https://study.example.org``.
        count: how many links; as many as there are labels when None.
        labels: for whom they are; numbers go on after those of earlier links when None.
        out: a CSV file (label, link) that its owner alone can read.

    Returns:
        The links, in the order of `labels`.

    Raises:
        UserError: the study takes no invitations, `url` is no address, labels are missing, too
            long or taken, or `out` exists or cannot be written.
    """
    platform = study.config.platform
    if not isinstance(platform, OpenLink) or not platform.invitations:
        raise UserError(
            f"{shown(study.path)} takes no invitations: write `platform: {{kind: open, "
            "invitations: true}` into its study.yaml, before the first participant has begun."
        )
    address = _address(url)
    number = _wanted(count, labels)
    connection = connect(study.database)
    try:
        connection.execute("BEGIN IMMEDIATE")
        check_frozen(connection, study)
        taken = {label for (label,) in connection.execute("SELECT label FROM invitation")}
        named = _numbered(number, taken) if labels is None else list(labels)
        if again := [label for label in named if label in taken]:
            raise UserError(
                f"{shown(again[0])!r} has a link already, which cannot be printed again: give the "
                "new one another label."
            )
        tokens = [secrets.token_hex(16) for _ in named]
        connection.executemany(
            "INSERT INTO invitation (token_hash, label) VALUES (?, ?)",
            [(token_hash(token), label) for token, label in zip(tokens, named, strict=True)],
        )
        write_event(connection, time.time(), "invited", str(len(named)))
        made = [
            Invitation(label, f"{address}/?invitation={token}")
            for token, label in zip(tokens, named, strict=True)
        ]
        if out is None:
            connection.execute("COMMIT")
        else:
            _write(Path(out), made)
            try:
                connection.execute("COMMIT")
            except BaseException:  # these links would not be let in
                with suppress(OSError):
                    os.unlink(out)
                raise
    finally:
        connection.close()
    return made


def _wanted(count: int | None, labels: Sequence[str] | None) -> int:
    if labels is not None:
        _check_labels(labels)
        if count is not None and count != len(labels):
            raise UserError(f"--count {count} came with {len(labels)} labels: leave --count out.")
    number = count if labels is None else len(labels)
    if number is None or not 1 <= number <= _MOST:
        came = "nothing" if number is None else f"--count {number}"
        raise UserError(f"got {came}; need --count N, from 1 to {_MOST:,}, or --labels FILE.")
    return number


def read_labels(path: str | os.PathLike[str]) -> list[str]:
    """Read one label a line; empty lines are left out.

    Raises:
        UserError: it cannot be read, or holds none.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(path)} is no text in UTF-8: save it so.") from error
    labels = [line.strip() for line in text.splitlines() if line.strip()]
    if not labels:
        raise UserError(f"{shown(path)} holds no label: write one a line.")
    return labels


def _numbered(count: int, taken: set[str]) -> list[str]:
    """Numbers that go on after those taken.

    >>> _numbered(2, {"1", "2", "Anna"})
    ['3', '4']
    """
    last = max((int(label) for label in taken if re.fullmatch("[0-9]{1,9}", label)), default=0)
    return [str(last + k + 1) for k in range(count)]


def _check_labels(labels: Sequence[str]) -> None:
    met = set()
    for label in labels:
        if not label or len(label) > _LONGEST or shown(label) != label:
            raise UserError(
                f"{shown(label)[:80]!r} is no label: need 1 to {_LONGEST} plain characters."
            )
        if label in met:
            raise UserError(f"the label {label!r} comes twice: make them different.")
        met.add(label)


def _address(url: str) -> str:
    """Without a slash at its end."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
        sound = sound and parts.path in ("", "/") and not parts.query and not parts.fragment
        sound = sound and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound or shown(url) != url or " " in url:
        raise UserError(
            f"got --url {shown(url)!r}; need the address of the server that participants reach, "
            "without a path, like https://study.example.org."
        )
    return url.rstrip("/")


def _write(path: Path, made: Sequence[Invitation]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", "link"])
    writer.writerows([spreadsheet_cell(each.label), each.link] for each in made)
    if os.path.lexists(path):
        raise UserError(f"--out {shown(path)} exists: name a new file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise write_error(path, error, again=SAME_COMMAND) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise write_error(path, error, again=SAME_COMMAND) from error
