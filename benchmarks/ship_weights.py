"""Put the networks of finished runs of `snellen superres compare` into the package.

    python -m benchmarks.ship_weights RUN [RUN ...]

takes, of each run, the weights of seed 0 trained under MSE and under MS-SSIM (alone or with a share
of MSE), gives their cards what a stranger needs, without paths of this machine, and writes
``src/snellen/networks/shipped_weights/`` with a model card, README.md. Files that are there for the
same scale and loss are replaced.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.keep_results import portable, rounded
from snellen.files import atomic_write
from snellen.networks import read_card, read_weights, save_weights
from snellen.networks.shipped import FOLDER, list_shipped_weights

TERMS = (
    "Trained on BSDS500 (train; Arbelaez, Maire, Fowlkes, Malik 2011; the Berkeley site grants "
    "non-commercial research and education) and T91 (Yang et al. 2010; no terms stated, used in "
    "research). Neither set is part of snellen. Whether their terms reach weights trained on them "
    "is not settled: ask a lawyer before selling what these networks make."
)
HEAD = """# Trained weights

Each `*.safetensors` file here holds one network, for one scale and trained under one loss, and a
card in its metadata, which `snellen.networks.read_card(path)` returns. This page is written from
the cards by `python -m benchmarks.ship_weights`.
"""
INTENDED = """
Made for enlarging photographs that were shrunk by a good (antialiased) filter. They invent no
detail, sharpen JPEG blocks and noise along with everything else, and were never shown text or
drawings.
"""


def family(loss: str) -> str | None:
    """What a loss is shipped as: ``mse``, ``ms-ssim``, or not at all."""
    if loss == "mse":
        return loss
    return "ms-ssim" if loss.startswith("ms-ssim") and ">" not in loss else None


def ship(run: Path) -> None:
    """Put the networks of one run into the package."""
    results = json.loads((run / "results.json").read_text())
    for loss, training in results["training"].items():
        name = family(loss)
        if name is None:
            continue
        network, card = read_weights(run / training["weights"][0])
        card |= {
            "loss": name,
            "objective": loss,
            "command": results["command"],
            "commit": results["commit"],
            "date": results["date"],
            "hardware": results["hardware"],
            "terms": TERMS,
        }
        card.pop("format", None)
        path = FOLDER / f"srcnn-x{card['scale']}-{name}.safetensors"
        save_weights(path, network, json.loads(portable(json.dumps(rounded(card)))))
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def model_card() -> str:
    """Return README.md of the folder, from the cards in it."""
    cards = {path.name: read_card(path) for path in list_shipped_weights().values()}
    lines = [
        HEAD,
        "| file | objective | output pixels | set | PSNR, dB | SSIM |",
        "|---|---|---|---|---|---|",
    ]
    for name, card in cards.items():
        first = f"`{name}` | `{card['objective']}` | {card['budget']['output_pixels']:,}"
        for each, found in card["results"].items():
            lines.append(f"| {first} | {each} | {found['psnr']:.2f} | {found['ssim']:.4f} |")
            first = " | | "
    protocols = sorted({card["protocol"] for card in cards.values()})
    lines += [f"\nProtocol {', '.join(protocols)}; no test picture was trained on.", INTENDED]
    lines += ["## Data", "", *sorted({described(card) for card in cards.values()}), ""]
    lines += ["## Terms of the training pictures", "", TERMS, ""]
    return "\n".join(lines)


def described(card: dict[str, Any]) -> str:
    """Say what a network was trained on, and by which command."""
    data = card["data"]
    left_out = ", ".join(f"{count} {reason}" for reason, count in data["skipped"].items())
    return (
        f"- ×{card['scale']}: {data['train_pictures']} pictures of {', '.join(data['train'])} "
        f"({left_out}), commit {card['commit'][:7]}, {card['date'][:10]}: `{card['command']}`"
    )


def main() -> None:
    """Ship the runs that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    for run in parser.parse_args().runs:
        ship(run)
    atomic_write(FOLDER / "README.md", model_card())


if __name__ == "__main__":
    main()
