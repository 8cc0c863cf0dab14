"""A program: the CPU engine in worker processes of a DataLoader, and in children of `os.fork`.

    python in_workers.py loader fork|spawn parent-first|workers-first
    python in_workers.py fork-inside

Ends with 0 where every process found the same bits.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from snellen.metrics.conventions import POSTER, WANG
from snellen.metrics.engines import cpu
from snellen.metrics.engines.plan import make_plan

THREADS = 4


def pair(index: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(index)
    x = torch.rand(2, 3, 130, 150, generator=generator)
    return x, x + 0.1 * torch.rand(x.shape, generator=generator)


def results(index: int) -> Tensor:
    """Complements and gradients of one pair, all in one row, by several threads."""
    # PyTorch's own operations hang in a forked child if they have used several threads before.
    torch.set_num_threads(1)
    x, y = pair(index)
    parts = []
    for convention in (replace(WANG, levels=3), replace(POSTER, levels=3)):
        plan = make_plan(convention, (130, 150), 1.0, multiscale=True)
        assert plan is not None
        torch.set_num_threads(THREADS)
        complement, by_x, by_y = cpu.similarity(x, y, plan, need_x=True, need_y=True)
        torch.set_num_threads(1)
        assert by_x is not None
        assert by_y is not None
        parts += [complement, by_x.flatten(), by_y.flatten()]
    return torch.cat(parts)


class Pairs(Dataset[Tensor]):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Tensor:
        return results(index)


def in_loader(context: str, order: str) -> bool:
    expected = [results(n) for n in range(6)] if order == "parent-first" else None
    loader = DataLoader(Pairs(), batch_size=None, num_workers=2, multiprocessing_context=context)
    found = list(loader)
    if expected is None:
        expected = [results(n) for n in range(6)]
    # And once more, with a parent that has just worked.
    found += list(loader)
    return all(torch.equal(f, e) for f, e in zip(found, expected * 2, strict=True))


def fork_inside() -> bool:
    """Fork while other threads are in the engine."""
    expected = results(0)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            results(1)

    others = [threading.Thread(target=work) for _ in range(2)]
    for other in others:
        other.start()
    right = True
    for _ in range(10):
        child = os.fork()
        if child == 0:
            os._exit(0 if torch.equal(results(0), expected) else 1)
        right = right and os.waitpid(child, 0)[1] == 0
    stop.set()
    for other in others:
        other.join()
    return right and torch.equal(results(0), expected)


if __name__ == "__main__":
    what, *options = sys.argv[1:]
    sys.exit(0 if (in_loader(*options) if what == "loader" else fork_inside()) else 1)
