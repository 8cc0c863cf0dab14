"""One training: the same loop on a CPU, on a GPU and in many processes, resumable to the bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from rich.console import Console
from torch import Tensor, nn

from snellen.errors import UserError
from snellen.training.checkpoints import prune_checkpoints, write_checkpoint
from snellen.training.examples import Examples, centre, fed
from snellen.training.guards import check_loss, explained, next_batch, opened
from snellen.training.interruptions import Interrupted, StopRequest, listen_for_stop
from snellen.training.memory import keep_freed_memory
from snellen.training.options import TrainingOptions, learning_rate_at
from snellen.training.precision import autocast, strict_float32
from snellen.training.processes import (
    any_process,
    control_group,
    launch_fabric,
    on_first_process,
    quiet_layouts,
)
from snellen.training.progress import ProgressDisplay
from snellen.training.protocols import Batch, BatchFactory, LossSchedule, Subject
from snellen.training.randomness import own_random_state, seed_step
from snellen.training.readings import Readings
from snellen.training.records import Records, read_rows
from snellen.training.run_folder import file_name
from snellen.training.state import TrainingState
from snellen.training.validation import Measure, validate

__all__ = ["Outcome", "train"]


@dataclass(frozen=True)
class Outcome:
    """What a training leaves in memory.

    Args:
        network: the trained network, on the training's device.
        ema_network: the one with averaged weights, where `TrainingOptions.ema` asks for it.
        steps: steps done.
        seconds: time spent in steps, without validations and checkpoints, over all resumes.
        history: the rows of the log, as in metrics.jsonl.
        precision: ``fp32`` or ``bf16``, which ``auto`` has become on this device.
    """

    network: nn.Module
    ema_network: nn.Module | None
    steps: int
    seconds: float
    history: list[dict[str, Any]]
    precision: str


def train(
    network: nn.Module,
    losses: LossSchedule,
    batches: BatchFactory,
    *,
    options: TrainingOptions,
    folder: Path,
    loss_name: str,
    seed: int = 0,
    fabric: Fabric | None = None,
    validation: Tensor | Examples | None = None,
    measures: Mapping[str, Measure] | None = None,
    root: Path | None = None,
    tags: Mapping[str, str | int] | None = None,
    resume: bool = False,
    progress: bool | Console = True,
) -> Outcome:
    """Train `network` under a loss, to reconstruct its input or to return another, and return it.

    The weights after each step are a function of the initial weights, the batches, the options and
    `seed`: a training that was stopped or killed and goes on with ``resume=True`` ends, on a CPU
    with as many threads and processes, with the same bits as one that was not.

    Args:
        network: maps what the batches feed it, pictures (n, C, S, S) in [0, 1] or their `inputs`,
            to pictures (n, C, S, S), or to their middle; it is trained in place. One with a method
            `objective` (see `OwnObjective`) is asked what to minimise instead of the loss alone.
        losses: the loss of each step; called as ``loss(preds, target)`` on float32, range 1.
        batches: opens the stream of batches, as ``batches(start_step, rank, world_size)``.
        options: how to train.
        folder: where the checkpoints go, such as ``runs/a/checkpoints/mse/seed-0``.
        loss_name: the loss, as the log and messages call it.
        seed: seed of all that is random inside the network and the loss.
        fabric: from `launch_fabric`; None launches one.
        validation: fixed uint8 pictures (n, C, S, S), or `Examples` with inputs of their own,
            measured every ``validate_every`` steps.
        measures: further measures of the validation, by the name they have in the log.
        root: the run folder, for metrics.jsonl, tensorboard/ and images/; None: what stands
            above ``checkpoints`` in `folder`, or `folder` itself.
        tags: further fields of the log's rows that tell this training from its sisters.
        resume: go on from the newest whole checkpoint in `folder`; from the start without any.
        progress: a bar or lines on standard error; False shows nothing. Or a console to show it on.

    Raises:
        UserError: a loss or gradient that is not finite (step and file names are told), a
            checkpoint that does not fit, checkpoints in `folder` without `resume`, all of them
            damaged, a network or loss that cannot work on the pictures, too little memory, a
            batch smaller than the number of processes, a full disk.
        Interrupted: SIGTERM or Ctrl-C, after the state was saved.
        ValueError: `batches` ended early, or gave the batch of another step.

    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> pixels = torch.randint(256, (4, 1, 8, 8), dtype=torch.uint8)
    >>> def batches(start, rank, world_size):
    ...     for step in range(start, 3):
    ...         yield SimpleNamespace(step=step, pixels=pixels[rank::world_size], names=["a.png"])
    >>> losses = SimpleNamespace(at=lambda fraction: nn.MSELoss())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     outcome = train(nn.Conv2d(1, 1, 3, padding=1), losses, batches, folder=Path(folder),
    ...                     options=TrainingOptions(steps=3, batch_size=4, precision="fp32"),
    ...                     loss_name="mse", fabric=launch_fabric("cpu"), progress=False)
    >>> outcome.steps, outcome.precision
    (3, 'fp32')
    """
    fabric = fabric or launch_fabric()
    if options.batch_size < fabric.world_size:
        raise UserError(
            f"a batch of {options.batch_size} cannot be shared by {fabric.world_size} processes: "
            f"use a batch_size of {fabric.world_size} or more, or fewer processes."
        )
    subject = Subject(loss_name, seed, dict(tags or {}))
    root, place = _places(Path(folder), root, subject)
    with ExitStack() as stack:
        stack.enter_context(own_random_state(fabric.device))
        stack.enter_context(strict_float32(fabric.device))
        stack.enter_context(quiet_layouts(fabric))
        keep_freed_memory(fabric.device)
        state = TrainingState(network, options, fabric.device)
        start, saved, notes = state.restore(fabric, Path(folder), subject, resume=resume)
        records: list[Records] = []

        def open_records() -> list[dict[str, Any]]:
            if start < options.steps:  # else there is nothing to add
                records.append(stack.enter_context(Records(root, place, subject.fields, start)))
            return read_rows(root / "metrics.jsonl", subject.fields)

        history = on_first_process(fabric, open_records)
        console = _console(progress) if fabric.is_global_zero else None
        display = ProgressDisplay(str(subject), options.steps, start, console)
        stack.enter_context(display)
        for text in [*notes, *_changed_surroundings(fabric, saved)]:
            display.note(text)
        if start < options.steps:
            readings = Readings(fabric, subject, options.steps, Path(folder))
            readings.interval = saved.get("interval", [])
            stop = stack.enter_context(listen_for_stop())
            stream = batches(start, fabric.global_rank, fabric.world_size)
            _Training(
                fabric=fabric,
                state=state,
                subject=subject,
                losses=losses,
                stream=stack.enter_context(opened(stream)),
                folder=Path(folder),
                root=root,
                validation=Examples(validation) if isinstance(validation, Tensor) else validation,
                measures=measures or {},
                records=records[0] if records else None,
                readings=readings,
                display=display,
                history=history,
                stop=stop,
            ).run(start)
    return Outcome(
        network=state.bare,
        ema_network=state.average,
        steps=options.steps,
        seconds=state.seconds,
        history=history,
        precision=state.options.precision,
    )


@dataclass
class _Training:
    """The parts of one training, and the loop over its steps."""

    fabric: Fabric
    state: TrainingState
    subject: Subject
    losses: LossSchedule
    stream: Iterator[Batch]
    folder: Path
    root: Path
    validation: Examples | None
    measures: Mapping[str, Measure]
    records: Records | None  # of the first process only
    readings: Readings
    display: ProgressDisplay
    history: list[dict[str, Any]]
    stop: StopRequest
    criterion: nn.Module | None = None

    def run(self, start: int) -> None:
        """Do the steps from `start` on, and after each what is due."""
        fabric, options, state = self.fabric, self.state.options, self.state
        group = control_group(fabric)
        module = fabric.setup(state.network)
        module.train()
        # On one CPU a value is there to be read; elsewhere, reading makes the device wait.
        at_once = fabric.device.type == "cpu" and fabric.world_size == 1
        self.clock = time.perf_counter()
        logged, logged_seconds = start, state.seconds
        for step in range(start, options.steps):
            with explained(step == start):
                self.step(module, step)
            done = step + 1
            last = done == options.steps
            number = any_process(fabric, self.stop.number, group)
            log = last or done % options.log_every == 0
            measure = last or done % options.validate_every == 0
            save = last or done % options.checkpoint_every == 0 or number != 0
            if at_once or log or measure or save:
                self.readings.read()
            if log or measure or save:
                with self.pause():
                    if measure or save:
                        state.share_buffers(fabric)
                    if log:
                        speed = (done - logged) / max(state.seconds - logged_seconds, 1e-9)
                        logged, logged_seconds = done, state.seconds
                        self.log(done, speed)
                    value = self.validate(done) if measure else None
                    if save:
                        self.save(done, value)
            self.display.update(done, self.readings.latest)
            if number:
                raise Interrupted(number, self.root, step=done, steps=options.steps)
        self.close()
        # A signal during the last validation or save: no other training may begin after it.
        if number := any_process(fabric, self.stop.number, group):
            raise Interrupted(number, self.root, step=options.steps, steps=options.steps)

    def step(self, module: Callable[[Tensor], Tensor], step: int) -> None:
        """Do one optimizer step, without waiting for the device."""
        fabric, options, state = self.fabric, self.state.options, self.state
        batch = next_batch(self.stream, step, options.steps)
        seed_step(self.subject.seed, step, fabric)
        source, target = fed(batch, fabric.device)
        with autocast(fabric.device, options.precision):
            output = module(source)
        target = centre(target, output)
        fraction = step / options.steps
        loss = self.loss_at(fraction)(output.float(), target)
        check_loss(loss, self.subject.loss)
        # Of the bare network: it is the module that has just run inside its wrappers.
        own = getattr(state.bare, "objective", None)
        objective = loss if own is None else own(loss, fraction)
        if fabric.world_size > 1:
            # Processes are averaged: a larger share of the batch must count for more.
            share = len(batch.pixels) * fabric.world_size / options.batch_size
            loss, objective = loss * share, objective * share
        fabric.backward(objective)
        norm = state.clip()
        state.optimizers.step(learning_rate_at(step, options))
        state.update_average(step)
        self.readings.add(step, loss, norm, batch.names, None if own is None else objective)

    def loss_at(self, fraction: float) -> nn.Module:
        """Return the loss in force, on the device."""
        criterion = self.losses.at(fraction)
        if criterion is not self.criterion:
            self.criterion = criterion.to(self.fabric.device)
        return criterion

    def log(self, done: int, speed: float) -> None:
        """Write the row of the steps since the last one."""
        value, norm, objective = self.readings.take_interval()
        self.write(
            {
                "kind": "train",
                "step": done,
                "value": value,
                **({} if objective is None else {"objective": objective}),
                "gradient_norm": norm,
                "learning_rate": learning_rate_at(done - 1, self.state.options),
                "steps_per_second": speed,
                "seconds": self.state.seconds,
            }
        )

    def validate(self, done: int) -> float | None:
        """Measure the weights and their average; return the value that decides on the best."""
        if self.validation is None or not len(self.validation):
            return None
        row: dict[str, Any] = {"kind": "validation", "step": done}
        best = math.nan
        for prefix, network in (("", self.state.bare), ("ema_", self.state.average)):
            if network is None:
                continue
            found = validate(
                network,
                # The last loss throughout: values before and after a switch must be comparable.
                self.loss_at(1.0),
                self.validation,
                measures=self.measures,
                fabric=self.fabric,
                precision=self.state.options.precision,
                batch_size=self.state.options.batch_size,
            )
            best = found.value
            row |= {"pictures": found.pictures, f"{prefix}value": found.value}
            row |= {f"{prefix}{name}": value for name, value in found.measures.items()}
            examples = found.examples
        self.write(row)
        originals = centre(self.validation.pixels[: len(examples)], examples)

        def show() -> None:
            if self.records is not None:
                self.records.write_pictures(done, originals, examples)

        on_first_process(self.fabric, show)
        return best if math.isfinite(best) else None

    def write(self, row: dict[str, Any]) -> None:
        """Put a row into the log, on the first process, and into the history, on all."""
        records = self.records
        written = on_first_process(self.fabric, lambda: records.write(row) if records else row)
        self.history.append(written)

    def save(self, done: int, value: float | None) -> None:
        """Write a checkpoint of step `done`, and delete those that need not be kept."""
        rest = {
            "subject": self.subject.fields,
            "network": type(self.state.bare).__name__,
            "validation": value,
            "interval": self.readings.interval,
            "processes": self.fabric.world_size,
            "threads": torch.get_num_threads(),
        }
        checkpoint = self.state.checkpoint(done, rest)

        def write() -> None:
            if self.records is not None:
                self.records.sync()
            write_checkpoint(self.folder, checkpoint)
            prune_checkpoints(self.folder, keep_last=self.state.options.keep_last, step=done)

        on_first_process(self.fabric, write)

    def close(self) -> None:
        """Close the log where all processes hear of it when the disk is full."""
        records = self.records
        on_first_process(self.fabric, lambda: records.close() if records else None)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Keep the time that the block takes out of the training's seconds."""
        self.state.seconds += time.perf_counter() - self.clock
        try:
            yield
        finally:
            self.clock = time.perf_counter()


def _places(folder: Path, root: Path | None, subject: Subject) -> tuple[Path, Path]:
    """Return the run folder, and this training's place in its tensorboard/ and images/."""
    above = next((p.parent for p in folder.parents if p.name == "checkpoints"), None)
    if above is not None and root in (None, above):
        return above, folder.relative_to(above / "checkpoints")
    return root or folder, Path(file_name(str(subject)))


def _console(progress: bool | Console) -> Console | None:
    if isinstance(progress, Console):
        return progress
    return Console(stderr=True) if progress else None


def _changed_surroundings(fabric: Fabric, saved: Mapping[str, Any]) -> list[str]:
    """Return a note where a resumed training cannot end with the same bits."""
    then = saved.get("processes"), saved.get("threads")
    now = fabric.world_size, torch.get_num_threads()
    if not saved or then == now:
        return []
    return [
        "The training was started with {} process(es) of {} thread(s), and goes on with {} of {}: "
        "its last digits may differ from those of one that was never stopped.".format(*then, *now)
    ]
