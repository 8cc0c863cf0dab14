"""What docs/metrics.md shows is what happens."""

from __future__ import annotations

import doctest
from pathlib import Path

import snellen.metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_examples_of_the_page_run() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    text = "\n".join("" if line.startswith("```") else line for line in lines)
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 20
    result = doctest.DocTestRunner().run(test)
    assert result.failed == 0


def test_the_page_names_everything_public() -> None:
    text = PAGE.read_text(encoding="utf-8")
    functions = [name for name in snellen.metrics.__all__ if name.islower()]
    assert [name for name in functions if f"`{name}`" not in text and f"{name}(" not in text] == []
