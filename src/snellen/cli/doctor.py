"""``snellen doctor``: what is installed, what the machine offers, what is missing, what to type."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer

from snellen import __version__

__all__ = ["Finding", "doctor", "examine"]

GIB = 2**30
DISK_NEEDED = 1 * GIB  # a run with its checkpoints takes some hundred megabytes
# Uploads under a known name that stole credentials.
MALICIOUS = {"lightning": ("2.6.2", "2.6.3")}

Status = Literal["ok", "note", "problem"]
MARKS: dict[Status, str] = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "problem": "[red]✗[/]"}


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes:
        part: ``system``, ``packages``, ``devices``, ``threads`` or ``places``.
        name: what was looked at.
        status: ``ok``; ``note``: works, but could be better; ``problem``: snellen cannot work so.
        detail: what was found.
        advice: what to type or do; empty when there is nothing to do.
    """

    part: str
    name: str
    status: Status
    detail: str
    advice: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show versions, devices, threads and optional parts; say what is missing and what to type.

    Exit status 1 if something that snellen needs is missing.
    """
    findings = examine()
    problems = sum(finding.status == "problem" for finding in findings)
    if as_json:
        content = {"format": 1, "problems": problems, "findings": [asdict(f) for f in findings]}
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        _print(findings, problems)
    if problems:
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """Look at everything; never raises, because it is asked when something is broken."""
    return [
        *_guarded("system", _system, "reinstall snellen: pip install --force-reinstall snellen"),
        *_guarded("packages", _packages, "install snellen and what it needs: pip install snellen"),
        *_guarded("devices", _devices, "reinstall torch: pip install --force-reinstall torch"),
        *_guarded("threads", _threads, "reinstall torch: pip install --force-reinstall torch"),
        *_guarded("places", _places, "go to a folder that you may read and write"),
    ]


def _guarded(part: str, look: Callable[[], list[Finding]], advice: str) -> list[Finding]:
    try:
        return look()
    except Exception as error:  # a broken installation can fail in any way
        return [Finding(part, part, "problem", f"{type(error).__name__}: {error}", advice)]


def _print(findings: list[Finding], problems: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    part = ""
    for finding in findings:
        text = Text(finding.detail)
        if finding.advice:
            text.append(f"\n→ {finding.advice}", style="bold")
        heading = finding.part if finding.part != part else ""
        part = finding.part
        table.add_row(heading, MARKS[finding.status], Text(finding.name), text)
    console = Console()
    console.print(table)
    console.print()
    if problems:
        noun = "problem" if problems == 1 else "problems"
        console.print(f"[red]{problems} {noun}[/]: do what the lines marked ✗ say.")
    else:
        console.print("Everything that snellen needs is here.")


def _system() -> list[Finding]:
    memory = _memory()
    home = Path(__file__).resolve().parents[1]
    return [
        Finding("system", "snellen", "ok", f"{__version__} in {home}"),
        Finding("system", "python", "ok", f"{platform.python_version()} ({sys.executable})"),
        Finding("system", "system", "ok", platform.platform()),
        Finding("system", "processor", "ok", f"{_processor()}, {_cores()} cores for this process"),
        Finding("system", "memory", "ok", f"{memory / GIB:.1f} GiB" if memory else "unknown"),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return 0


def _packages() -> list[Finding]:
    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in metadata.requires("snellen") or []]
    findings = [
        _package(requirement.name, str(requirement.specifier))
        for requirement in needed
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
    for name, versions in MALICIOUS.items():
        found = _version(name)
        if found in versions:
            advice = f"pip uninstall {name}, then change every password and key on this machine"
            detail = f"{found} is a malicious upload"
            findings.append(Finding("packages", name, "problem", detail, advice))
    return findings


def _package(name: str, specifier: str) -> Finding:
    from packaging.specifiers import SpecifierSet

    advice = f"pip install '{name}{specifier}'"
    found = _version(name)
    if found is None:
        return Finding("packages", name, "problem", f"missing, needed is {specifier}", advice)
    if not SpecifierSet(specifier).contains(found, prereleases=True):
        return Finding("packages", name, "problem", f"{found}, needed is {specifier}", advice)
    return Finding("packages", name, "ok", found)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> list[Finding]:
    import torch

    from snellen.training.precision import resolve_precision

    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
    findings = [Finding("devices", "torch", "ok", f"{torch.__version__}, built with {built}")]
    findings += _gpus()
    if torch.backends.mps.is_available():
        findings.append(Finding("devices", "mps", "ok", "Apple GPU"))
    fast = resolve_precision("auto", torch.device("cpu")) == "bf16"
    detail = "the processor has it" if fast else "not on this processor: training uses float32"
    findings.append(Finding("devices", "bf16 on the processor", "ok", detail))
    findings.append(_processes())
    return findings


def _gpus() -> list[Finding]:
    import torch

    if torch.cuda.is_available():
        found = []
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            detail = (
                f"{about.name}, {about.total_memory / GIB:.0f} GiB, sm_{about.major}{about.minor}"
            )
            found.append(Finding("devices", f"cuda:{index}", "ok", detail))
        return found
    card = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    if not card:
        return [Finding("devices", "cuda", "ok", "no NVIDIA GPU: training runs on the processor")]
    if torch.version.cuda is None:
        advice = "install torch with CUDA as https://pytorch.org/get-started/locally/ says"
        detail = "there is an NVIDIA GPU, but this torch is built without CUDA"
    else:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        advice = (
            f"CUDA_VISIBLE_DEVICES is {hidden!r}: unset it"
            if hidden is not None
            else f"update the driver to one for CUDA {torch.version.cuda}; nvidia-smi shows it"
        )
        detail = "there is an NVIDIA GPU, but torch cannot use it"
    return [Finding("devices", "cuda", "note", detail, advice)]


def _processes() -> Finding:
    import torch.distributed as processes

    backends = []
    if processes.is_available():
        backends = [
            name for name in ("gloo", "nccl") if getattr(processes, f"is_{name}_available")()
        ]
    if backends:
        return Finding("devices", "several processes", "ok", f"torchrun with {', '.join(backends)}")
    return Finding(
        "devices",
        "several processes",
        "note",
        "this torch cannot run in several processes",
        "install a torch with distributed support to use torchrun; one process works",
    )


def _threads() -> list[Finding]:
    import torch

    threads, cores, quota = torch.get_num_threads(), _cores(), _quota()
    usable = cores if quota is None else max(1, min(cores, int(quota)))
    asked = os.environ.get("OMP_NUM_THREADS")
    detail = f"torch uses {threads} of {cores} cores"
    if quota is not None:
        detail += f", the container may use {quota:g}"
    if asked is not None:
        detail += f", OMP_NUM_THREADS={asked}"
    if threads > usable:
        advice = f"export OMP_NUM_THREADS={usable}: more threads than cores are slower"
        return [Finding("threads", "threads", "note", detail, advice)]
    # By default torch counts whole cores, so half of the logical ones is as it should be.
    if asked is not None and 2 * threads < usable:
        advice = "unset OMP_NUM_THREADS: cores stand idle"
        return [Finding("threads", "threads", "note", detail, advice)]
    return [Finding("threads", "threads", "ok", detail)]


def _quota() -> float | None:
    """Processors that the container may use, None when nothing limits it (cgroup v2, then v1)."""
    groups = Path("/sys/fs/cgroup")
    try:
        quota, period = (groups / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (groups / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (groups / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def _places() -> list[Finding]:
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    detail = f"{here}, {free / GIB:.1f} GiB free"
    if not os.access(here, os.W_OK):
        advice = "runs are written below the folder you are in: go to another, or give --out"
        run = Finding("places", "this folder", "note", f"{here} is read-only", advice)
    elif free < DISK_NEEDED:
        run = Finding("places", "this folder", "note", detail, "free some space, or give --out")
    else:
        run = Finding("places", "this folder", "ok", detail)
    return [run, _cache()]


def _cache() -> Finding:
    from snellen.datasets.folder_index import cache_folder

    folder = cache_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK):
        return Finding("places", "cache", "ok", str(folder))
    advice = "export SNELLEN_CACHE=FOLDER, with one that you may write to"
    return Finding("places", "cache", "note", f"{folder} cannot be written", advice)
