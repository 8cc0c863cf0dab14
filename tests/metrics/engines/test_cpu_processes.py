"""Forked and spawned processes, the cache of compiled code, and the memory a call needs.

Each test is a process of its own with a time limit, so that a hang is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from snellen.metrics.engines import compiling

IN_WORKERS = Path(__file__).with_name("in_workers.py")
LIMIT = 240  # seconds; a first call may compile

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python, and expect it to end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("order", ["parent-first", "workers-first"])
@pytest.mark.parametrize("context", [pytest.param("fork", marks=needs_fork), "spawn"])
def test_workers_of_a_data_loader(context: str, order: str) -> None:
    run(str(IN_WORKERS), "loader", context, order)


@needs_fork
def test_a_fork_while_other_threads_are_inside() -> None:
    run(str(IN_WORKERS), "fork-inside")


# One small call; then how often `running.run` came from the cache and how often it was compiled.
ONE_CALL = """
import torch
from dataclasses import replace
from snellen.metrics.conventions import WANG
from snellen.metrics.engines import cpu, running
from snellen.metrics.engines.plan import make_plan
x = torch.linspace(0, 1, 320).reshape(1, 1, 16, 20)
plan = make_plan(replace(WANG, window_size=3), (16, 20), 1.0, multiscale=False)
complement, by_x, _ = cpu.similarity(x, x * x, plan, need_x=True, need_y=False)
stats = running.run.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), float(complement))
"""


def test_compiled_code_is_kept_for_the_next_process(tmp_path: Path) -> None:
    first = run("-c", ONE_CALL, NUMBA_CACHE_DIR=str(tmp_path))
    assert first.stdout.split()[:2] == ["0", "1"]
    assert first.stderr.count("snellen: preparing the CPU engine") == 1
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert all(compiling._stamp() in str(path) for path in kept)
    second = run("-c", ONE_CALL, NUMBA_CACHE_DIR=str(tmp_path))
    assert second.stdout.split()[:2] == ["1", "0"]
    assert second.stdout.split()[2] == first.stdout.split()[2]


def test_without_a_folder_to_write_in_it_works_all_the_same(tmp_path: Path) -> None:
    # A path under a regular file cannot be made, not even by root.
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    nowhere = str(in_the_way / "below")
    done = run("-c", ONE_CALL, NUMBA_CACHE_DIR=nowhere, XDG_CACHE_HOME=nowhere, HOME=nowhere)
    assert 0 < float(done.stdout.split()[2]) < 1
    assert in_the_way.read_text() == ""
    assert list(tmp_path.iterdir()) == [in_the_way]


# Peak of resident memory beyond what there was before the call, in multiples of one input.
PEAK = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from snellen.metrics.conventions import POSTER, WANG
from snellen.metrics.engines import cpu
from snellen.metrics.engines.plan import make_plan

def status(name):
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l[:5] == name)
    return int(line.split()[1]) * 1024

kind, shape, gradients, threads = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(int(threads))
convention = POSTER if kind == "pixels" else WANG
def call(x, y):
    plan = make_plan(convention, tuple(x.shape[-2:]), 1.0, multiscale=kind != "SSIM")
    return cpu.similarity(x, y, plan, need_x=gradients > 0, need_y=gradients > 1)

small = torch.rand(1, 3, 180, 500)
call(small, small)
x, y = torch.rand(shape), torch.rand(shape)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
kept = call(x, y)
print((status("VmHWM") - before) / (4 * x.numel()))
"""


def can_measure() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not can_measure(), reason="/proc/self/clear_refs cannot be written here")
@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("SSIM", (1, 1, 4096, 4096)),
        ("levels", (1, 1, 4096, 4096)),
        ("levels", (16, 1, 1024, 1024)),
        ("levels", (85, 3, 256, 256)),
    ],
)
@pytest.mark.parametrize(("gradients", "limit"), [(1, 2.3), (2, 3.6)])
def test_extra_memory(kind: str, shape: tuple[int, ...], gradients: int, limit: float) -> None:
    done = run("-c", PEAK, kind, str(shape), str(gradients), "2")
    assert float(done.stdout) <= limit
