"""A training of a moment, for tests: in this process, or as a script that is killed or has a peer.

As a script: ``small_training.py kills FOLDER`` and ``small_training.py pair FOLDER PORT``. Both
fork after the imports, because these take longer than all of the training.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from snellen.errors import UserError
from snellen.networks import VariationalAutoencoder, build_network, calibrate
from snellen.training import (
    Interrupted,
    Outcome,
    TrainingOptions,
    launch_fabric,
    on_first_process,
    train,
)
from snellen.training.processes import any_process, control_group
from snellen.training.records import Records

SIDE = 8
BETWEEN = 7  # steps from one checkpoint to the next, where trainings are killed


@dataclasses.dataclass
class Batch:
    step: int
    pixels: Tensor
    names: list[str]


class Plan:
    """One loss, or a switch half way."""

    def __init__(self, *losses: nn.Module) -> None:
        self.losses = losses or (nn.MSELoss(),)

    def at(self, fraction: float) -> nn.Module:
        return self.losses[min(int(fraction * len(self.losses)), len(self.losses) - 1)]


class Network(nn.Module):
    """Small, with what makes exact resuming hard: dropout, running statistics, layouts."""

    def __init__(self, width: int = 4, dropout: float = 0.1, norm: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.last = nn.Conv2d(width, 1, 3, padding=1)
        self.to(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.last(self.drop(self.norm(self.first(pictures)).relu()))


def make_network(**options: Any) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Network(**options)


def autoencoder() -> nn.Module:
    """The real network, small, with its mixture of layouts."""
    return build_network(
        "conv-autoencoder", size=SIDE, channels=1, code_size=3, widths=(3, 4), seed=3
    )


class Own(nn.Module):
    """A network that minimises more than the loss: three times that, and its output's power."""

    def __init__(self) -> None:
        super().__init__()
        self.network = autoencoder()
        self.power: Tensor | None = None

    def forward(self, pictures: Tensor) -> Tensor:
        output: Tensor = self.network(pictures)
        self.power = output.square().mean()
        return output

    def objective(self, loss: Tensor, fraction: float) -> Tensor:
        assert self.power is not None
        power, self.power = self.power, None
        return 3 * loss + (1 + fraction) * power


def variational() -> nn.Module:
    """A small network with a random code."""
    network = build_network(
        "fc-vae", size=SIDE, channels=1, code_size=3, widths=(8,), kl_warmup=0.5, seed=3
    )
    assert isinstance(network, VariationalAutoencoder)
    calibrate(network, nn.MSELoss(), pictures(98, 5) / 255)
    return network


def draw() -> list[float]:
    """A number from each global generator."""
    return [torch.rand(()).item(), random.random(), float(np.random.random())]  # noqa: NPY002


def pictures(seed: int, number: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (number, 1, SIDE, SIDE), dtype=torch.uint8, generator=generator)


def batches(
    steps: int, size: int = 6, each: Callable[[int], None] = lambda step: None
) -> Callable[..., Iterator[Batch]]:
    """Batches that depend on the step alone; `each` is called before each."""

    def opened(start: int, rank: int, world: int) -> Iterator[Batch]:
        for step in range(start, steps):
            each(step)
            share = slice(size * rank // world, size * (rank + 1) // world)
            names = [f"{step}-{number}.png" for number in range(size)]
            yield Batch(step, pictures(step, size)[share], names[share])

    return opened


def options(**changes: Any) -> TrainingOptions:
    defaults: dict[str, Any] = {
        "steps": 40,
        "batch_size": 6,
        "learning_rate": 1e-2,
        "precision": "fp32",
        "ema": 0.9,
        "validate_every": 20,
        "checkpoint_every": 10,
        "log_every": 7,
    }
    return TrainingOptions(**{**defaults, **changes})


def picture_error(preds: Tensor, target: Tensor) -> Tensor:
    return (preds - target).square().mean((1, 2, 3))


def run(folder: Path, network: nn.Module | None = None, **changes: Any) -> Outcome:
    """Train with the defaults above, except for `changes` of the options or of `train`."""
    fields = {field.name for field in dataclasses.fields(TrainingOptions)}
    chosen = options(**{k: changes.pop(k) for k in list(changes) if k in fields})
    keywords: dict[str, Any] = {
        "options": chosen,
        "folder": folder / "checkpoints" / "mse" / "seed-0",
        "loss_name": "mse",
        "validation": pictures(99, 5),
        "measures": {"error": picture_error},
        "progress": False,
        **changes,
    }
    losses = keywords.pop("losses", Plan())
    stream = keywords.pop("batches", batches(chosen.steps, chosen.batch_size))
    return train(make_network() if network is None else network, losses, stream, **keywords)


def weights(network: nn.Module | None) -> list[float]:
    """All numbers of a network, exactly."""
    assert network is not None
    return [x for value in network.state_dict().values() for x in value.flatten().tolist()]


def lasting(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what measures the clock."""
    return [
        {k: v for k, v in row.items() if k not in ("seconds", "steps_per_second")} for row in rows
    ]


def in_child(action: Callable[[], Any]) -> int:
    """Fork, act, leave; return the child's process number."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action()
            status = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            sys.stderr.flush()
            os._exit(status)
    return child


def status_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def checkpoints_passed(root: Path) -> int:
    """How many checkpoints the training has written, those deleted since counted too."""
    found = sorted((root / "checkpoints/mse/seed-0").glob("step-*"))
    return int(found[-1].name.removeprefix("step-")) // BETWEEN if found else 0


def kills(folder: Path, number: int, steps: int) -> None:
    """Kill a training at random moments and resume it until it ends; print what became of it."""
    import torch.utils.tensorboard  # noqa: F401  # once, or it fills each child's short life

    every = {"steps": steps, "checkpoint_every": BETWEEN, "validate_every": 2 * BETWEEN}
    whole = folder / "whole"
    began = time.monotonic()
    assert status_of(in_child(lambda: run(whole, **every))) == 0
    duration = time.monotonic() - began
    random.seed(0)
    killed, at = 0, []
    broken = folder / "broken"
    while True:
        before = checkpoints_passed(broken)
        child = in_child(lambda: run(broken, resume=True, **every))
        if killed < number:
            # By what it has done, not by the clock: a busy machine slows the one and not the other.
            wanted = before + random.randrange(4)
            patience = time.monotonic() + 20 * duration
            while checkpoints_passed(broken) < wanted and time.monotonic() < patience:
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.04) * duration)
            os.kill(child, signal.SIGKILL)
        status = status_of(child)
        if status == 0:
            break
        assert status == -signal.SIGKILL, status
        killed += 1
        at.append(checkpoints_passed(broken) * every["checkpoint_every"])
    print(json.dumps({"killed": killed, "checkpoints": at}))


def pair(folder: Path, port: int) -> None:
    """Two processes on the loopback, as torchrun would start them; each writes what it found."""

    def member(rank: int) -> None:
        torch.set_num_threads(1)
        os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE="2",
            LOCAL_WORLD_SIZE="2",
            GROUP_RANK="0",
            GROUP_WORLD_SIZE="1",
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
            TORCHELASTIC_RUN_ID="test",
            GLOO_SOCKET_IFNAME="lo",
        )
        found = together(folder, launch_fabric("cpu"), rank)
        (folder / f"found-{rank}.json").write_text(json.dumps(found))

    children = [in_child(lambda rank=rank: member(rank)) for rank in range(2)]
    sys.exit(max(abs(status_of(child)) for child in children))


def together(folder: Path, fabric: Any, rank: int) -> dict[str, Any]:
    """What two processes do: a step, a training, one that stops and goes on, and failures."""
    found: dict[str, Any] = {"world_size": fabric.world_size}
    run(
        folder / "gradient",
        autoencoder(),
        fabric=fabric,
        steps=1,
        batch_size=7,
        clip_norm=None,
    )
    own = run(folder / "own", Own(), fabric=fabric, steps=1, batch_size=7, clip_norm=None)
    found["own"] = {key: own.history[0][key] for key in ("value", "objective")}
    random_code = run(folder / "variational", variational(), fabric=fabric, steps=4)
    found["variational"] = weights(random_code.network) + weights(random_code.ema_network)
    whole = run(folder / "whole", fabric=fabric)
    found["weights"], found["history"] = weights(whole.network), lasting(whole.history)
    found["average"] = weights(whole.ema_network)

    def term(step: int) -> None:
        if step == 13 and rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        run(folder / "stopped", fabric=fabric, batches=batches(40, each=term))
    except Interrupted as stop:
        found["stopped"] = stop.step
    resumed = run(folder / "stopped", make_network(), fabric=fabric, resume=True)
    found["resumed"], found["resumed_history"] = weights(resumed.network), lasting(resumed.history)
    found["resumed_average"] = weights(resumed.ema_network)
    try:
        run(folder / "bad", fabric=fabric, losses=BadLoss(at=5, only=rank == 1))
    except UserError as error:
        found["bad"] = str(error)
    try:
        run(folder / "whole", fabric=fabric)
    except UserError as error:
        found["exists"] = str(error)
    one = run(folder / "one", fabric=fabric, steps=1, validation=pictures(99, 1))
    found["one"] = {key: one.history[-1][key] for key in ("pictures", "value", "error")}
    for name in ("write_pictures", "close"):
        with failing(Records, name):
            found[name] = problem(lambda name=name: run(folder / name, fabric=fabric, steps=1))
    found["any"] = problem(lambda: on_first_process(fabric, lambda: 1 // 0))
    with mock.patch.object(dist, "get_backend", return_value="nccl"):  # as on GPUs
        groups = [control_group(fabric) for _ in range(2)]
    found["groups"] = [groups[0] is not None, groups[0] is groups[1]]
    found["largest"] = any_process(fabric, rank + 7, groups[0])
    found["patience"] = fabric.strategy._timeout.total_seconds()
    try:
        run(folder / "few", fabric=fabric, batch_size=1)
    except UserError as error:
        found["few"] = str(error)
    return found


@contextmanager
def failing(kind: type, name: str) -> Iterator[None]:
    """Let a method find the disk full after its work."""
    real = getattr(kind, name)

    def method(*arguments: Any) -> None:
        real(*arguments)
        if sys.exc_info()[0] is None:
            raise OSError(28, "No space left on device")

    with mock.patch.object(kind, name, method):
        yield


def problem(action: Callable[[], Any]) -> str:
    """Return what went wrong, with the kind of error."""
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


class BadLoss(nn.Module):
    """A plan and a loss that is not a number when it is called for the step `at`."""

    def __init__(self, at: int, only: bool = True, value: float = float("nan")) -> None:
        super().__init__()
        self.step, self.bad, self.only, self.value = -1, at, only, value

    def at(self, fraction: float) -> nn.Module:
        return self

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        loss = nn.functional.mse_loss(preds, target)
        if not torch.is_grad_enabled():
            return loss
        self.step += 1
        return loss * self.value if self.only and self.step == self.bad else loss


if __name__ == "__main__":
    torch.set_num_threads(1)
    command, place, *numbers = sys.argv[1:]
    {"kills": kills, "pair": pair}[command](Path(place), *map(int, numbers))
