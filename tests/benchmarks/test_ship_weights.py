"""The page beside the shipped weights is what their cards give."""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_cards_give(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    page = importlib.import_module("benchmarks.ship_weights")
    assert page.model_card() == (page.FOLDER / "README.md").read_text(encoding="utf-8")
