"""IMAGE SUPER-RESOLUTION: one network, trained once per loss under one budget.

Each loss gets the same initial weights, the same patches in the same order and the same number of
output pixels, seed by seed; the networks are judged by one protocol on pictures that none of them
saw, beside bicubic enlargement.
"""

from __future__ import annotations

import logging
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console

from snellen.experiments.evaluation import VALIDATION_MEASURES
from snellen.experiments.running import loss_for, refuse_other_pictures, say, working_in
from snellen.experiments.super_resolution.cards import (
    copy_weights,
    planned_copies,
    save_judged_weights,
)
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
from snellen.experiments.super_resolution.evaluation import NetworkMethod
from snellen.experiments.super_resolution.planning import (
    Plan,
    Task,
    describe,
    make_plan,
    network_for,
)
from snellen.experiments.super_resolution.scores import KeptPictures, Trial, judge
from snellen.experiments.super_resolution.writing import write_results
from snellen.training import (
    checkpoint_place,
    launch_fabric,
    on_first_process,
    train,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["run_super_resolution"]

logger = logging.getLogger("snellen")


def run_super_resolution(
    config: SuperResolutionConfig,
    out: Path,
    *,
    command: str,
    resume: bool = False,
    export: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any] | None:
    """Train, compare and report into the folder `out`.

    Args:
        config: what to do.
        out: the run folder; it must not exist unless `resume`.
        command: the command line, for the records.
        resume: go on where an earlier run into `out` stopped.
        export: a folder that gets a copy of the weights of seed 0, named by network, scale and
            loss; None for none.
        console: where progress is shown; None shows nothing.

    Returns:
        The content of results.json, or None on all processes but the first.

    Raises:
        UserError: bad input, an `out` that exists, or other weights of such a name in `export`.
        Interrupted: stopped by a signal, with the state saved.
    """
    copies = {} if export is None else planned_copies(config, out, export)
    plan = make_plan(config, None if console is None else partial(_show_progress, console))
    fabric = launch_fabric()
    with ExitStack() as stack:
        stack.enter_context(working_in(out, config, fabric, command=command, resume=resume))
        # Pictures for the report lie in a file without a name, which is gone with the process.
        place = out if fabric.is_global_zero else None
        file = stack.enter_context(tempfile.TemporaryFile(dir=place))
        fingerprints = {"train": plan.source.fingerprint, "judged": plan.judged_digest}
        refuse_other_pictures(fingerprints, out, fabric, shown=", ".join(config.train))
        visible = console if fabric.is_global_zero else None
        say(describe(plan), visible)
        trials = [
            trial
            for task in plan.tasks()
            if (trial := _run(plan, task, out, fabric, resume, visible, file)) is not None
        ]
        results: list[dict[str, Any]] = []

        def write() -> None:
            results.append(write_results(plan, out, trials, file))
            copy_weights(copies)

        on_first_process(fabric, write)
        logger.info("finished: %s", out / "results.json")
    return results[0] if results else None


def _show_progress(console: Console, done: int, total: int) -> None:
    """Say now and then how far the preparation of the training pictures is."""
    if done % 100 == 0 or done == total:
        console.print(f"prepared {done} of {total} training pictures", highlight=False)


def _run(
    plan: Plan,
    task: Task,
    root: Path,
    fabric: Fabric,
    resume: bool,
    console: Console | None,
    file: IO[bytes],
) -> Trial | None:
    """Train one network and, on the first process, evaluate it; `file` gets what seed 0 makes."""
    config = plan.config
    logger.info("training %s, seed %d", task.loss, task.seed)
    outcome = train(
        network_for(config, task.seed),
        loss_for(task.loss, task.seed),
        partial(plan.stream, task.seed),
        options=config.training_options(task.loss, plan.budget.steps),
        folder=root / checkpoint_place(task.loss, task.seed),
        root=root,
        loss_name=task.loss,
        seed=task.seed,
        fabric=fabric,
        validation=plan.validation,
        measures=VALIDATION_MEASURES,
        resume=resume,
        progress=console if console is not None else False,
    )
    if not fabric.is_global_zero:
        return None
    network = outcome.ema_network or outcome.network
    method = NetworkMethod(network, f"the network trained with {task.loss}")
    # The report and the bundle show seed 0.
    kept = [KeptPictures(file, root) if task.seed == 0 else None for _ in plan.judged]
    scores = [
        judge(plan, each, method, outputs) for each, outputs in zip(plan.judged, kept, strict=True)
    ]
    save_judged_weights(plan, task, network, scores, root)
    return Trial(task, scores, outcome.seconds, outcome.precision)
