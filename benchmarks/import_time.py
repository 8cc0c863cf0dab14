"""What starting costs: `import snellen` on top of `import torch`, and `snellen --help`.

Each figure is the median of fresh processes, taken in turn so that a busy moment hits all alike.
Seconds, into docs/results/import_time.json. Run it as ``python -m benchmarks.import_time``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from benchmarks.record import record

# Timed inside the process, after torch: the difference of two whole processes would drown in the
# second that torch takes. `import snellen` alone is lazy; the losses are what it is imported for.
IMPORTS = {
    "import torch": "import torch",
    "import snellen, after torch": "import snellen",
    "from snellen import MSSSIMLoss, after torch": "from snellen import MSSSIMLoss",
}
HELP = "snellen --help"
BOUNDS = {"import snellen, after torch": 0.2, HELP: 0.5}


def import_seconds(statement: str) -> float:
    """Return the time that `statement` takes in a fresh process that has torch already."""
    first = "" if statement == "import torch" else "import torch"
    code = (
        f"{first}\nimport time\nstart = time.perf_counter()\n{statement}\n"
        "print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def help_seconds() -> float:
    """Return the wall time of ``snellen --help``, the start of Python included."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "snellen", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure() -> dict[str, float]:
    """Return each figure once."""
    figures = {name: import_seconds(statement) for name, statement in IMPORTS.items()}
    return {**figures, HELP: help_seconds()}


def main() -> None:
    """Measure, and print the medians beside the bounds."""
    parser = argparse.ArgumentParser(description="What starting costs, in seconds.")
    parser.add_argument("--repeats", type=int, default=10, help="fresh processes for each figure")
    repeats = parser.parse_args().repeats

    measure()  # fills the file cache and writes the bytecode
    rounds = [measure() for _ in range(repeats)]
    result = {
        "seconds, median": {
            name: round(statistics.median(figures[name] for figures in rounds), 4)
            for name in rounds[0]
        },
        "bounds": BOUNDS,
        "repeats": repeats,
    }
    record("import_time", result)


if __name__ == "__main__":
    main()
