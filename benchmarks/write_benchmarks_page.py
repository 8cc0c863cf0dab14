"""docs/benchmarks.md and its plot, from docs/results/benchmarks.json.

python -m benchmarks.write_benchmarks_page
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.comparison.figure import draw
from benchmarks.comparison.page import page
from benchmarks.record import RESULTS
from snellen.files import atomic_write

DOCS = RESULTS.parent
IMAGE = Path("images") / "benchmarks.png"


def write(results: Path, docs: Path) -> Path:
    """Write the page and its plot into the folder `docs`; return the page's path."""
    record = json.loads(results.read_text(encoding="utf-8"))
    draw(record["numbers"], docs / IMAGE)
    atomic_write(docs / "benchmarks.md", page(record, IMAGE.as_posix()))
    return docs / "benchmarks.md"


def main() -> None:
    """Write the page of the record, or of another file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS / "benchmarks.json")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of benchmarks.md")
    options = parser.parse_args()
    print(write(options.results, options.docs))


if __name__ == "__main__":
    main()
