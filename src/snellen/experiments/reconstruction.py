"""AUTOENCODER RECONSTRUCTIONS: one network, trained once per loss, everything else the same.

Each loss gets the same initial weights, the same batches in the same order and the same number of
steps, seed by seed; the networks are judged on pictures that none of them saw.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rich.console import Console

from snellen.datasets import Pictures
from snellen.datasets.crops import CropStream
from snellen.experiments.autoencoders import network_for, prepare_network
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.evaluation import MS_SSIM, VALIDATION_MEASURES, evaluate, ssim_maps
from snellen.experiments.generation import (
    draw_pairs,
    generate,
    generation_input,
    variational_measures,
)
from snellen.experiments.measures import DESCRIPTIONS
from snellen.experiments.planning import (
    Fold,
    Plan,
    Task,
    calibration_crops,
    crop_options,
    describe,
    make_plan,
    skipped_lines,
)
from snellen.experiments.results import Trial, compare, gather, write_csv
from snellen.experiments.running import (
    head_of_results,
    loss_for,
    refuse_other_pictures,
    say,
    spread,
    working_in,
    write_json,
)
from snellen.experiments.study_bundle import write_study_bundle
from snellen.metrics import fit_levels
from snellen.networks import VariationalAutoencoder
from snellen.reports import ReportInput, write_reconstruction_report
from snellen.training import (
    checkpoint_place,
    launch_fabric,
    on_first_process,
    read_rows,
    train,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["run_reconstruction"]

logger = logging.getLogger("snellen")

VALIDATION_PICTURES = 64  # measured while training; the final figures use every held-out crop


def run_reconstruction(
    config: ReconstructionConfig,
    out: Path,
    *,
    command: str,
    resume: bool = False,
    console: Console | None = None,
) -> dict[str, Any] | None:
    """Train, compare and report into the folder `out`.

    Args:
        config: what to do.
        out: the run folder; it must not exist unless `resume`.
        command: the command line, for the records.
        resume: go on where an earlier run into `out` stopped.
        console: where progress is shown; None shows nothing.

    Returns:
        The content of results.json, or None on all processes but the first.

    Raises:
        UserError: bad input, or an `out` that exists.
        Interrupted: stopped by a signal, with the state saved.
    """
    plan = make_plan(config)
    fabric = launch_fabric()
    with working_in(out, config, fabric, command=command, resume=resume):
        fingerprints = {
            "data": plan.pictures.fingerprint(),
            "held_out_data": plan.judged.fingerprint(),
        }
        refuse_other_pictures(fingerprints, out, fabric, shown=config.data)
        shown = console if fabric.is_global_zero else None
        say(describe(plan), shown)
        known = skipped_lines(plan)
        trials = [
            trial
            for task in plan.tasks()
            if (trial := _run(plan, task, out, fabric, resume, shown)) is not None
        ]
        results: list[dict[str, Any]] = []

        def write() -> None:
            results.append(_write_results(plan, out, trials))

        on_first_process(fabric, write)
        if (now := skipped_lines(plan)) != known:  # damage may be found while training
            say(now, shown)
        logger.info("finished: %s", out / "results.json")
    return results[0] if results else None


def _run(
    plan: Plan, task: Task, root: Path, fabric: Fabric, resume: bool, console: Console | None
) -> Trial | None:
    """Train one network and, on the first process, evaluate it."""
    config, fold = plan.config, task.fold
    held_out = fold.held_out.pixels
    crops = crop_options(config)

    def batches(start_step: int, rank: int, world_size: int) -> CropStream:
        return CropStream(
            fold.pictures,
            fold.train,
            crops,
            batch_size=config.batch_size,
            steps=config.steps,
            seed=task.seed,
            start_step=start_step,
            rank=rank,
            world_size=world_size,
        )

    tags = plan.tags(task)
    logger.info("training %s", ", ".join([task.loss, f"seed {task.seed}", *map(str, tags.items())]))
    network, loss = network_for(config, task.code_size, task.seed), loss_for(task.loss, task.seed)
    if isinstance(network, VariationalAutoencoder):
        prepare_network(network, loss, calibration_crops(config, fold, task.seed))
    outcome = train(
        network,
        loss,
        batches,
        options=config.training_options(task.loss, config.steps),
        folder=root / checkpoint_place(task.loss, task.seed, **tags),
        root=root,
        loss_name=task.loss,
        seed=task.seed,
        tags=tags,
        fabric=fabric,
        validation=held_out[spread(len(held_out), VALIDATION_PICTURES)],
        measures=VALIDATION_MEASURES,
        resume=resume,
        progress=console if console is not None else False,
    )
    if not fabric.is_global_zero:
        return None
    judged = outcome.ema_network or outcome.network
    evaluation = evaluate(judged, held_out, fabric.device)
    variational = variational_measures(judged, held_out, fabric.device)
    generated = None
    if task.seed:  # the report and the bundle show seed 0
        evaluation = replace(evaluation, pixels=evaluation.pixels[:0])
    elif fold.number == 0:
        generated = generate(judged, _pairs(fold)[0], fabric.device)
    return Trial(
        task.code_size,
        fold.number,
        task.seed,
        task.loss,
        evaluation,
        outcome.seconds,
        outcome.precision,
        variational,
        generated,
    )


def _pairs(fold: Fold) -> tuple[torch.Tensor, list[tuple[str, str]]]:
    """Return pairs of held-out pictures, uint8 (p, 2, C, S, S), and their names."""
    held_out = fold.held_out
    drawn = draw_pairs(held_out.sources)
    pixels = held_out.pixels[torch.tensor(drawn, dtype=torch.int64).view(-1, 2)]
    return pixels, [(held_out.names[first], held_out.names[last]) for first, last in drawn]


def _write_results(plan: Plan, root: Path, trials: list[Trial]) -> dict[str, Any]:
    """Write results.json, results.csv, report.html and study-bundle/ into the run folder."""
    config = plan.config
    pixels = np.concatenate([f.held_out.pixels.numpy() for f in plan.folds])
    names = [name for f in plan.folds for name in f.held_out.names]
    sources = [source for f in plan.folds for source in f.held_out.sources]
    tables = {
        code_size: {loss: gather(trials, code_size, loss) for loss in config.losses}
        for code_size in config.code_size
    }
    compared = {
        code_size: compare(
            losses,
            sources,
            size=config.size,
            levels=fit_levels(MS_SSIM, (config.size, config.size)),
            learning_rates={loss: config.rate(loss) for loss in config.losses},
        )
        for code_size, losses in tables.items()
    }
    first = config.code_size[0]
    results: dict[str, Any] = {
        **head_of_results("reconstruction", root, config),
        "precision": trials[0].precision,
        "seconds": sum(trial.train_seconds for trial in trials),
        "data": _describe_data(plan, sources),
        "measures": dict(DESCRIPTIONS),
        "code_size": first,
        **compared[first],
    }
    if len(config.code_size) > 1:
        results["sweep"] = [{"code_size": c, **compared[c]} for c in config.code_size]
    shown = tables[first]
    pairs, pair_names = _pairs(plan.folds[0])
    write_csv(root / "results.csv", tables, names, sources, size=config.size)
    write_study_bundle(
        root / "study-bundle",
        pixels,
        {loss: table.pixels for loss, table in shown.items()},
        names,
        sources,
        {
            **{key: results[key] for key in ("command", "commit", "date")},
            "code_size": first,
            "seed": 0,
        },
    )
    write_reconstruction_report(
        root / "report.html",
        ReportInput(
            results=results,
            pixels=pixels,
            reconstructions={loss: table.pixels for loss, table in shown.items()},
            names=names,
            sources=sources,
            per_picture={loss: table.measures for loss, table in shown.items()},
            curves=read_rows(root / "metrics.jsonl"),
            ssim_maps={loss: ssim_maps(t.pixels, pixels) for loss, t in shown.items()},
            generated=generation_input(
                {loss: table.generated for loss, table in shown.items()},
                pairs,
                pair_names,
                {loss: t.variational for loss, t in shown.items() if t.variational},
                nats_per_pixel=config.nats_per_pixel,
                kl_warmup=config.kl_warmup,
            ),
        ),
    )
    # Last, so that a folder with results.json is a finished one.
    write_json(root / "results.json", results)
    return results


def _describe_data(plan: Plan, sources: list[str]) -> dict[str, Any]:
    def reasons(pictures: Pictures) -> dict[str, int]:
        return dict(Counter(skipped.reason for skipped in pictures.skipped))

    ids = plan.pictures.source_ids()
    return {
        "spec": plan.config.data,
        "held_out_spec": plan.judged.spec,
        "pictures": len(plan.pictures),
        "sources": len(np.unique(ids)),
        "train_pictures": min(len(fold.train) for fold in plan.folds),
        "train_sources": min(len(np.unique(ids[fold.train])) for fold in plan.folds),
        "held_out_sources": len(set(sources)),
        "held_out_pictures": len(sources),
        "skipped": reasons(plan.pictures),
        "held_out_skipped": {} if plan.judged is plan.pictures else reasons(plan.judged),
        "folds": plan.config.folds,
    }
