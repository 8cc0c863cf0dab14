"""What the machine did meanwhile: its load, and how much of it was not ours."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Moment:
    """Counters of the machine at one moment, in seconds of CPU time over all cores."""

    clock: float
    load: tuple[float, float, float]
    total: float
    busy: float
    own: float


def moment() -> Moment:
    """Read the counters: /proc/stat for the machine, os.times for us and our ended children."""
    # user nice system idle iowait irq softirq steal; the two fields after them are parts of user.
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    ticks = [int(field) / os.sysconf("SC_CLK_TCK") for field in fields]
    total = sum(ticks)
    return Moment(
        clock=time.perf_counter(),
        load=os.getloadavg(),
        total=total,
        busy=total - ticks[3] - ticks[4],
        own=sum(os.times()[:4]),
    )


def between(start: Moment, end: Moment) -> dict[str, Any]:
    """Return the load before and after, and the shares of CPU time that were ours and others'."""
    total = max(end.total - start.total, 1e-9)
    own = end.own - start.own
    return {
        "load_average_before": [round(value, 2) for value in start.load],
        "load_average_after": [round(value, 2) for value in end.load],
        "share_of_cpu_ours": round(own / total, 3),
        "share_of_cpu_others": round(max(0.0, end.busy - start.busy - own) / total, 3),
        "seconds": round(end.clock - start.clock),
        "torch_threads": torch.get_num_threads(),
        "nice": os.nice(0),
    }
