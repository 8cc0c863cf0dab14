"""The folder of one run: made once, never overwritten, used by one command at a time."""

from __future__ import annotations

import datetime as dt
import fcntl
import importlib.metadata
import json
import logging
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
import yaml

from snellen.errors import UserError
from snellen.files import atomic_write, remove_leftovers, write_error

__all__ = ["RunFolder", "checkpoint_place", "environment", "git_commit", "refuse_existing"]

PACKAGES = (
    "snellen",
    "torch",
    "lightning-fabric",
    "numpy",
    "scipy",
    "scikit-image",
    "scikit-learn",
    "pillow",
    "safetensors",
)

logger = logging.getLogger("snellen")


class RunFolder:
    """``runs/<name>/`` while a command works in it: configuration, environment, log, places.

    It is a context manager: at its end the log is closed and the folder is free for another
    command. `create` makes one; of several processes only the first may call it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with RunFolder.create(Path(place) / "a", config={"steps": 10}) as run:
    ...         sorted(path.name for path in run.path.iterdir())
    ['.lock', 'config.yaml', 'environment.json', 'log.txt']
    """

    def __init__(self, path: Path, lock: int, handler: logging.Handler) -> None:
        self.path = path
        self._lock = lock
        self._handler = handler

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        config: Mapping[str, Any],
        resume: bool = False,
        command: str | None = None,
    ) -> RunFolder:
        """Make the folder, or go on in it, and write config.yaml and environment.json.

        Args:
            path: the folder; it may exist when it is empty.
            config: the resolved configuration, of plain values that YAML can hold.
            resume: go on in a folder that exists; one that does not exist is made.
            command: what was typed; None takes it from ``sys.argv``.

        Raises:
            UserError: the folder holds something and `resume` is not set, or something else than a
                run; the configuration is not that of the first start; another process is working
                in it; or it cannot be written.
        """
        if not resume:
            refuse_existing(path)
        held = _is_used(path)
        if held and not (path / "config.yaml").exists():
            raise UserError(
                f"{path} is not the folder of a run (it has no config.yaml): name another folder "
                "with --out."
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = _lock(path)
            handler = logging.FileHandler(path / "log.txt", encoding="utf-8")
        except OSError as error:
            raise write_error(path, error) from error
        remove_leftovers(path)  # of a run that was killed while it wrote its results
        run = cls(path, lock, handler)
        try:
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(min(logger.level or logging.INFO, logging.INFO))
            typed = command or shlex.join(["snellen", *sys.argv[1:]])
            run._describe(dict(config), typed)
            logger.info("%s: %s", "resumed" if held else "started", typed)
        except BaseException:
            run.close()
            raise
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the log and free the folder; closing twice is harmless."""
        logger.removeHandler(self._handler)
        self._handler.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _describe(self, config: dict[str, Any], command: str) -> None:
        """Write config.yaml and environment.json; of a resumed run, compare and add to them."""
        settings = self.path / "config.yaml"
        surroundings = self.path / "environment.json"
        now = environment(command)
        if not settings.exists():
            atomic_write(surroundings, json.dumps({**now, "resumed": []}, indent=1) + "\n")
            atomic_write(settings, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
            return
        _check_same_config(settings, config)
        try:
            first = json.loads(surroundings.read_bytes())
            first["resumed"].append(now)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            first = {**now, "resumed": []}  # it only informs: better a new one than no run
        atomic_write(surroundings, json.dumps(first, indent=1) + "\n")


def environment(command: str | None = None) -> dict[str, Any]:
    """Return what a run depends on besides its configuration: versions, hardware, threads, time.

    >>> sorted(environment("snellen --version"))
    ['command', 'commit', 'date', 'hardware', 'platform', 'python', 'versions']
    """
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "command": command,
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
        "hardware": {
            "cpu": _cpu_name(),
            "cores": _usable_cores(),
            "threads": torch.get_num_threads(),
            "memory_gib": _memory_gib(),
            "gpus": [
                torch.cuda.get_device_name(i)
                for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
            ],
            "processes": int(os.environ.get("WORLD_SIZE", "1")),
        },
    }


def git_commit() -> str | None:
    """Return the commit of the checkout that this package runs from; None outside of one."""
    here = Path(__file__).resolve()
    if not (here.parents[3] / ".git").exists():  # an installed package: not somebody else's commit
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(here.parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def checkpoint_place(loss: str, seed: int, **tags: str | int) -> Path:
    """Return where the checkpoints of one training lie inside the run folder.

    Each of `tags` is a folder of its own.

    >>> checkpoint_place("mse>ms-ssim@0.5", 1, fold=2).as_posix()
    'checkpoints/mse-to-ms-ssim@0.5/seed-1/fold-2'
    """
    place = Path("checkpoints") / file_name(loss) / f"seed-{seed}"
    return place.joinpath(*(f"{file_name(k)}-{file_name(str(v))}" for k, v in tags.items()))


def file_name(text: str) -> str:
    """Return `text` as a file name that every system takes.

    >>> file_name("mse>ms-ssim@0.5")
    'mse-to-ms-ssim@0.5'
    >>> file_name("my.losses:edge")
    'my.losses_edge'
    """
    return re.sub(r"[^\w.+@=,-]", "_", text.replace(">", "-to-")).lstrip(".") or "_"


def refuse_existing(path: Path) -> None:
    """Refuse a folder that holds something, before anything is done for it.

    Raises:
        UserError: it does; or it cannot be looked into.
    """
    if _is_used(path):
        raise UserError(
            f"{path} exists already and holds files: go on with it by --resume, or name another "
            "folder with --out."
        )


def _is_used(path: Path) -> bool:
    """Whether there is something in the folder, or a file in its place."""
    try:
        # A run that was killed before its configuration stood has left only these.
        return any(p.name not in ("log.txt", ".lock", "environment.json") for p in path.iterdir())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise write_error(path, error) from error


def _lock(path: Path) -> int:
    """Hold the folder's lock until the file is closed, as the end of a process does by itself."""
    descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UserError(
            f"another snellen command is working in {path}: wait for its end, or name another "
            "folder with --out."
        ) from None
    except OSError:
        pass  # some network file systems have no locks; the run itself does not need one
    return descriptor


def _check_same_config(path: Path, config: Mapping[str, Any]) -> None:
    try:
        before = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: start anew with another --out.") from error
    before = before if isinstance(before, dict) else {}
    now = yaml.safe_load(yaml.safe_dump(dict(config)))  # tuples become lists, as in the file
    # A key that is not in the file did not exist when the run was started.
    for key in before:
        if before[key] != now.get(key):
            raise UserError(
                f"{path.parent} was started with {key} = {before.get(key)!r}, and "
                f"{now.get(key)!r} was asked for now: --resume goes on with the same settings; "
                "for other ones name another --out."
            )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (OSError, ValueError):
        return None
