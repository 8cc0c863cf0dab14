"""What all tests share: threads, a cache of their own, Chromium, and the real photographs."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Tests compute on tiny tensors, where a second thread only waits; the cores are for the workers of
# pytest-xdist and for subprocesses, which inherit this. To be set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

# Without a GPU, Triton's kernels run in its interpreter. To be set before triton is imported, which
# decides there and then.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# The same examples each time, so that a red test is red again; no deadline on busy machines.
hypothesis.settings.register_profile(
    "snellen", deadline=None, derandomize=True, print_blob=True, max_examples=50
)
hypothesis.settings.load_profile("snellen")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A picture's numbers are to be a screenshot's numbers, whatever screen the machine has.
    "--force-color-profile=srgb",
    # The frame of another site that the tests make up is "public", and the server is not.
    "--disable-features=LocalNetworkAccessChecks",
)


def pytest_configure() -> None:
    """Hold also where something has imported torch before us, and where Ctrl-C is ignored.

    A shell ignores it in what it starts in the background, and so would we and our subprocesses.
    """
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNELLEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def chromium() -> Iterator[dict[str, Any]]:
    """The system's Chromium, as playwright is asked to launch it; it leaves no files behind."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found on this machine: the tests in a browser are left out")
    # Not below pytest's own folder: the path of a socket in it may have some hundred letters.
    with tempfile.TemporaryDirectory(prefix="snellen-", ignore_cleanup_errors=True) as place:
        surroundings = os.environ | {"TMPDIR": place}
        yield {"executable_path": CHROMIUM, "args": [*CHROMIUM_FLAGS], "env": surroundings}


# For a file at a time: while it runs, no other test of the process can run an event loop.
@pytest.fixture(scope="module")
def playwright(chromium):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def snellen_data() -> Path:
    """Folder of real photographs (SNELLEN_DATA); tests that need it skip without it."""
    folder = os.environ.get("SNELLEN_DATA")
    if not folder:
        pytest.skip("SNELLEN_DATA is not set: it names the folder of real photographs")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"SNELLEN_DATA names {path}, which is no folder")
    return path
