"""IMAGE SUPER-RESOLUTION: one network, trained once per loss under one budget.

Each loss gets the same initial weights, the same patches in the same order and the same number of
output pixels, seed by seed; the networks are judged by one protocol on pictures that none of them
saw, beside bicubic enlargement.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

from snellen.errors import UserError
from snellen.experiments.evaluation import VALIDATION_MEASURES
from snellen.experiments.running import (
    finite,
    head_of_results,
    loss_for,
    refuse_other_pictures,
    say,
    write_json,
)
from snellen.experiments.super_resolution.bundle import write_bundle
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
from snellen.experiments.super_resolution.evaluation import (
    Method,
    NetworkMethod,
    bicubic,
    evaluate_posed,
)
from snellen.experiments.super_resolution.judging import JudgedSet
from snellen.experiments.super_resolution.planning import (
    Plan,
    Task,
    describe,
    leaks_in_words,
    make_plan,
    network_for,
    skipped_reasons,
)
from snellen.experiments.super_resolution.results import (
    BICUBIC,
    MEASURES,
    SetTable,
    tables_in_json,
    write_csv,
)
from snellen.files import atomic_write, shown
from snellen.images.protocols import pose
from snellen.networks.weights import save_weights
from snellen.reports import ShownSet, SuperResolutionReport, write_super_resolution_report
from snellen.training import (
    RunFolder,
    checkpoint_place,
    launch_fabric,
    on_first_process,
    read_rows,
    train,
)
from snellen.training.run_folder import file_name

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["run_super_resolution"]

logger = logging.getLogger("snellen")


@dataclass(frozen=True)
class Scores:
    """What one method reached on one set.

    Attributes:
        measures: each of `MEASURES`, (n,).
        outputs: Y that was compared, uint8 (H, W) each; empty where it is not kept.
        targets: Y that it was compared with, likewise.
    """

    measures: dict[str, NDArray[np.float64]]
    outputs: list[NDArray[np.uint8]]
    targets: list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Trial:
    """One training's place in the experiment, and what its network achieved on each set."""

    task: Task
    scores: list[Scores]
    seconds: float
    precision: str


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
        UserError: bad input, an `out` that exists, or weights of such a name in `export`.
        Interrupted: stopped by a signal, with the state saved.
    """
    copies = {} if export is None else _copies(config, export)
    plan = make_plan(config, None if console is None else partial(_show_progress, console))
    fabric = launch_fabric()
    settings = config.model_dump(mode="json")
    with ExitStack() as stack:

        def open_folder() -> None:
            stack.enter_context(
                RunFolder.create(out, config=settings, command=command, resume=resume)
            )

        on_first_process(fabric, open_folder)
        fingerprints = {"train": plan.source.fingerprint, "judged": plan.judged_digest}
        refuse_other_pictures(fingerprints, out, fabric, shown=", ".join(config.train))
        visible = console if fabric.is_global_zero else None
        say(describe(plan), visible)
        trials = [
            trial
            for task in plan.tasks()
            if (trial := _run(plan, task, out, fabric, resume, visible)) is not None
        ]
        results: list[dict[str, Any]] = []

        def write() -> None:
            results.append(_write_results(plan, out, trials))
            for source, target in copies.items():
                atomic_write(target, (out / source).read_bytes())

        on_first_process(fabric, write)
        logger.info("finished: %s", out / "results.json")
    return results[0] if results else None


def _show_progress(console: Console, done: int, total: int) -> None:
    """Say now and then how far the preparation of the training pictures is."""
    if done % 100 == 0 or done == total:
        console.print(f"prepared {done} of {total} training pictures", highlight=False)


def _run(
    plan: Plan, task: Task, root: Path, fabric: Fabric, resume: bool, console: Console | None
) -> Trial | None:
    """Train one network and, on the first process, evaluate it."""
    config, budget = plan.config, plan.budget
    logger.info("training %s, seed %d", task.loss, task.seed)
    outcome = train(
        network_for(config, task.seed),
        loss_for(task.loss, task.seed),
        partial(plan.stream, task.seed),
        options=config.training_options(task.loss, budget.steps),
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
    scores = [_judge(plan, each, method, keep=task.seed == 0) for each in plan.judged]
    _save_weights(plan, task, network, scores, root)
    return Trial(task, scores, outcome.seconds, outcome.precision)


def _weights_file(task: Task) -> Path:
    """Where the trained weights lie in the run folder."""
    return Path("weights") / f"{file_name(task.loss)}-seed{task.seed}.safetensors"


def _copies(config: SuperResolutionConfig, folder: Path) -> dict[Path, Path]:
    """Which weights go where; refuse to replace any that are there."""
    network = file_name(config.network)
    copies = {
        _weights_file(Task(0, loss)): folder
        / f"{network}-x{config.scale}-{file_name(loss)}.safetensors"
        for loss in config.losses
    }
    there = next((path for path in copies.values() if path.exists()), None)
    if there is not None:
        raise UserError(f"{there} exists already: move it, or name another --export-weights.")
    return copies


def _save_weights(
    plan: Plan, task: Task, network: nn.Module, scores: list[Scores], root: Path
) -> None:
    """Save what was judged, with a card that says how it was made and what it reached."""
    config, budget = plan.config, plan.budget
    card = {
        "network": config.network,
        "options": dict(config.network_options),
        "scale": config.scale,
        "loss": task.loss,
        "seed": task.seed,
        "data": _describe_data(plan),
        "budget": _describe_budget(plan),
        "training": {
            "optimizer": config.optimizer,
            "learning_rate": config.rate(task.loss),
            "schedule": config.schedule,
            "ema": config.ema,
            "patch": budget.patch,
        },
        "protocol": plan.protocol.name,
        "results": {
            each.name: {name: float(found.measures[name].mean()) for name in MEASURES}
            for each, found in zip(plan.judged, scores, strict=True)
        },
        "terms": config.terms,
    }
    save_weights(root / _weights_file(task), network, finite(card))


def _judge(plan: Plan, judged: JudgedSet, method: Method, *, keep: bool) -> Scores:
    """Measure a method on every picture of a set, and keep what was compared."""
    scale, protocol = plan.config.scale, plan.protocol
    border = protocol.border(scale)
    measures: dict[str, list[float]] = {name: [] for name in MEASURES}
    outputs, targets = [], []
    for k, name in enumerate(judged.names):
        try:
            posed = pose(judged.read(k), scale, protocol)
            outcome = evaluate_posed(posed, method, scale, protocol)
        except UserError as error:
            raise UserError(f"{judged.name}, {shown(name)}: {error}") from error
        for measure, values in measures.items():
            values.append(getattr(outcome, measure))
        if keep:
            outputs.append(_inner(outcome.output, border))
            targets.append(_inner(np.floor(posed.target + 0.5).astype(np.uint8), border))
    found = {name: np.array(values) for name, values in measures.items()}
    return Scores(found, outputs, targets)


def _inner(picture: NDArray[np.uint8], border: int) -> NDArray[np.uint8]:
    height, width = picture.shape
    return picture[border : height - border, border : width - border]


def _write_results(plan: Plan, root: Path, trials: list[Trial]) -> dict[str, Any]:
    """Write results.json, results.csv, report.html and study-bundle/ into the run folder."""
    config = plan.config
    plain = [_judge(plan, each, bicubic, keep=True) for each in plan.judged]
    tables = [
        SetTable(
            each.name,
            each.names,
            each.sources,
            found.measures,
            _by_loss(config, trials, n),
            each.published,
        )
        for n, (each, found) in enumerate(zip(plan.judged, plain, strict=True))
    ]
    results: dict[str, Any] = {
        **head_of_results("super-resolution", root, config),
        "precision": trials[0].precision,
        "seconds": sum(trial.seconds for trial in trials),
        "scale": config.scale,
        "protocol": {key: getattr(plan.protocol, key) for key in ("name", "words", "source")},
        "budget": _describe_budget(plan),
        "data": _describe_data(plan),
        "training": {
            loss: {
                "learning_rate": config.rate(loss),
                "seconds": float(np.mean([t.seconds for t in trials if t.task.loss == loss])),
                "weights": [
                    _weights_file(task).as_posix() for task in plan.tasks() if task.loss == loss
                ],
            }
            for loss in config.losses
        },
        **tables_in_json(tables, config.scale),
    }
    write_csv(root / "results.csv", tables)
    pictures = _pictures(plan, plain, trials)
    write_bundle(root / "study-bundle", pictures, results)
    report = SuperResolutionReport(results, pictures, read_rows(root / "metrics.jsonl"))
    write_super_resolution_report(root / "report.html", report)
    # Last, so that a folder with results.json is a finished one.
    write_json(root / "results.json", results)
    return results


def _by_loss(
    config: SuperResolutionConfig, trials: list[Trial], place: int
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Each measure of one set under each loss, seeds in rows."""
    return {
        loss: {
            name: np.stack([t.scores[place].measures[name] for t in trials if t.task.loss == loss])
            for name in MEASURES
        }
        for loss in config.losses
    }


def _pictures(plan: Plan, plain: list[Scores], trials: list[Trial]) -> list[ShownSet]:
    """The pictures of seed 0, set by set."""
    first = [trial for trial in trials if trial.task.seed == 0]
    pictures = []
    for n, each in enumerate(plan.judged):
        scores = {BICUBIC: plain[n], **{trial.task.loss: trial.scores[n] for trial in first}}
        pictures.append(
            ShownSet(
                each.name,
                each.names,
                each.sources,
                plain[n].targets,
                {name: found.outputs for name, found in scores.items()},
                {name: found.measures for name, found in scores.items()},
            )
        )
    return pictures


def _describe_budget(plan: Plan) -> dict[str, Any]:
    chosen = {name: getattr(plan.config, name) for name in ("output_pixels", "batch_size")}
    return {**chosen, **asdict(plan.budget)}


def _describe_data(plan: Plan) -> dict[str, Any]:
    return {
        "train": list(plan.config.train),
        "train_pictures": plan.trained_on,
        "fingerprint": plan.source.fingerprint,
        "skipped": skipped_reasons(plan),
        "leaks": leaks_in_words(plan.leaks),
        "validation": plan.validation_words,
    }
