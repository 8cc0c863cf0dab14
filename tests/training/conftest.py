"""The small training, as a module, and where it lies, as a script."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def small_script() -> Path:
    return Path(__file__).with_name("small_training.py")


@pytest.fixture(scope="session")
def small(small_script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("small_training", small_script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
