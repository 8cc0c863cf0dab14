"""A study to try the server with, the server as a process of its own, and a small HTTP client.

What `study_load` and `study_kill` share.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import yaml
from PIL import Image

from benchmarks.record import record
from snellen.study.create import CreateOptions, create_study
from snellen.study.folder import Study, open_study

MODELS = ("mse", "mae", "ms-ssim")
ORDERS = list(itertools.permutations(range(1, len(MODELS) + 1)))


def make_study(
    folder: Path, *, people: int, trials: int, pictures: int, design: str, side: int = 32
) -> Study:
    """Make a study of noise, without training, catch and repeated trials.

    Args:
        folder: a new one, for the pictures and the study.
        people: how many take part.
        trials: pictures for each.
        pictures: how many there are.
        design: of `snellen.study.config.DESIGNS`.
        side: of the pictures, in pixels.
    """
    draw = np.random.default_rng(0)
    for name in ("original", *MODELS):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(pictures):
            pixels = draw.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{number:05d}.png")
    options = CreateOptions(
        people=people, trials=trials, design=design, consent="Yes.", contact="nobody"
    )
    made = create_study(folder / "pictures", folder / "study", options).study
    file = made.path / "study.yaml"
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    values |= {"training_trials": 0, "catch_trials": 0, "repeats": 0}
    values["exclusion"] = {"max_failed_catch": None, "min_median_seconds": None}
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return open_study(made.path)


def kept_rankings(study: Study) -> tuple[dict[tuple[bytes, int], tuple[int, ...]], str]:
    """What the database holds, by the hash of the session's token and trial; and if it is sound."""
    with sqlite3.connect(study.database) as connection:
        rows = connection.execute(
            "SELECT token_hash, trial, ranks FROM answer"
            " JOIN session ON session.id = answer.session"
        ).fetchall()
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
    kept = {(bytes(hashed), trial): tuple(json.loads(ranks)) for hashed, trial, ranks in rows}
    return kept, sound


def measure_and_tell(
    name: str, parser: ArgumentParser, measure: Callable[[Path, Namespace], dict[str, Any]]
) -> dict[str, Any]:
    """Read the options, measure in a folder that is removed afterwards, print or keep the numbers.

    Args:
        name: of the file in docs/results.
        parser: of the options; ``--keep`` is added.
        measure: of a folder and the options.
    """
    parser.add_argument("--keep", action="store_true", help=f"write docs/results/{name}.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        numbers = measure(Path(folder), options)
    if options.keep:
        record(name, numbers)
    else:
        print(json.dumps(numbers, indent=1))
    return numbers


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port: int = opened.getsockname()[1]
    return port


class Service:
    """`snellen study serve` as a process.

    Args:
        study: the study's folder.
        port: where it listens.
    """

    def __init__(self, study: Path, port: int) -> None:
        self.study, self.port = study, port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "snellen", "study", "serve", str(self.study)]
        command += ["--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("the server does not start") from None
                time.sleep(0.02)

    def kill(self) -> None:
        """End it with SIGKILL, whatever it does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        assert self.process is not None
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        """Memory that it has in use."""
        assert self.process is not None
        words = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(words[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(study: Study) -> Iterator[Service]:
    """Serve a study; whatever happens, the process does not stay."""
    service = Service(study.path, free_port())
    service.start()
    try:
        yield service
    finally:
        if service.process is not None and service.process.poll() is None:
            service.kill()


class Connection:
    """One connection to the server, opened again when it was closed; HTTP/1.1, no more than needed.

    Args:
        port: of the server on this machine.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send a request; return status, body and headers of the reply.

        One that the server closed between two requests is opened again, once.

        Raises:
            OSError, EOFError: the server is not there, or went away.
        """
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + data
        kept = self._streams is not None
        try:
            return await self._exchange(request)
        except (OSError, EOFError):
            self.close()
            if not kept:
                raise
        try:
            return await self._exchange(request)
        except (OSError, EOFError):
            self.close()
            raise

    async def _exchange(self, request: bytes) -> tuple[int, bytes, dict[str, str]]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), content, headers
