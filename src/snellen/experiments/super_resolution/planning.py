"""What a super-resolution comparison will do, known and checked before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from torch import nn

from snellen.datasets import Skipped, summarise_skipped
from snellen.datasets.leaks import Leak, refuse_leaks
from snellen.datasets.super_resolution import (
    PatchOptions,
    PatchSource,
    PatchStream,
    open_training_pictures,
    prepare_patches,
    set_labels,
)
from snellen.errors import UserError
from snellen.experiments.running import check_losses, loss_for, plural
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
from snellen.experiments.super_resolution.evaluation import bicubic, evaluate_each
from snellen.experiments.super_resolution.judging import (
    JudgedSet,
    benchmark_sets,
    held_out_sets,
    leaks_into,
)
from snellen.experiments.super_resolution.validating import patches_of, patches_of_training
from snellen.images.protocols import SuperResolutionProtocol, protocol_named
from snellen.metrics import fit_levels
from snellen.metrics.conventions import Convention, min_side
from snellen.metrics.losses import MSSSIMLoss
from snellen.networks import build_super_resolution_network
from snellen.networks.output_size import check_output_size, upsamples_inside
from snellen.training.examples import Examples

__all__ = ["Budget", "Plan", "Task", "describe", "make_plan", "network_for"]

LEAST_LEVELS = 3  # of MS-SSIM: with fewer it hardly differs from SSIM


@dataclass(frozen=True)
class Budget:
    """What every training may spend, and what a patch is.

    Attributes:
        steps: optimizer steps.
        patch: side of the patches in pixels.
        output_side: side of what the network makes of one in training, in pixels.
        levels: of MS-SSIM on that output, for each loss that has it: the fewest of its stages.
        inside: whether the network takes the low-resolution patch and enlarges it itself.
        parameters: number of weights.
    """

    steps: int
    patch: int
    output_side: int
    levels: dict[str, int]
    inside: bool
    parameters: int


@dataclass(frozen=True)
class Task:
    """One training of the experiment."""

    seed: int
    loss: str


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first step.

    Attributes:
        source: the prepared training pictures.
        judged: the sets that results are for. judged_digest: it changes when their pictures do.
        leaks: judged pictures that are also trained on, allowed by the configuration.
        validation: patches for the learning curves. validation_words: what they are.
    """

    config: SuperResolutionConfig
    protocol: SuperResolutionProtocol
    budget: Budget
    source: PatchSource
    judged: tuple[JudgedSet, ...]
    judged_digest: str
    leaks: tuple[Leak, ...]
    validation: Examples
    validation_words: str

    def tasks(self) -> Iterator[Task]:
        """Every training, losses innermost so that early results can be compared."""
        for seed in range(self.config.seeds):
            for loss in self.config.losses:
                yield Task(seed, loss)

    def stream(
        self, seed: int, start_step: int = 0, rank: int = 0, world_size: int = 1
    ) -> PatchStream:
        """The training patches of one seed, the same for every loss."""
        config, budget = self.config, self.budget
        return PatchStream(
            self.source,
            PatchOptions(budget.patch, config.flip, config.rotate, budget.inside),
            batch_size=config.batch_size,
            steps=budget.steps,
            seed=seed,
            start_step=start_step,
            rank=rank,
            world_size=world_size,
        )

    @property
    def too_small(self) -> list[Skipped]:
        """Prepared pictures that are smaller than a patch, and therefore never seen."""
        return self._sight[1]

    @property
    def trained_on(self) -> int:
        """How many pictures patches are cut of; versions of one picture count once."""
        return len(self._sight[0])

    @cached_property
    def _sight(self) -> tuple[set[str], list[Skipped]]:
        """Names of the pictures with a version as large as a patch, and those without one."""
        small = {item.name: item for item in self.stream(seed=0).too_small}
        originals = dict(zip(self.source.names, self.source.originals, strict=True))
        seen = {original for name, original in originals.items() if name not in small}
        unseen: dict[str, Skipped] = {}
        for name, original in originals.items():
            if original not in seen:
                unseen.setdefault(original, replace(small[name], name=original))
        return seen, list(unseen.values())

    @property
    def skipped(self) -> list[Skipped]:
        """Training pictures that are never seen; those held out are not among them."""
        held_out = _held_out(self.config, self.judged)
        used = [item for item in self.source.skipped if item.name not in held_out]
        return [*used, *self.too_small]


def make_plan(
    config: SuperResolutionConfig, progress: Callable[[int, int], None] | None = None
) -> Plan:
    """Check losses and network, prepare the training pictures, and open those to judge on.

    Args:
        config: what to do.
        progress: told how many training pictures of how many are prepared.

    Raises:
        UserError: pictures, a loss, the network or their sizes cannot be used; a judged picture is
            among the training pictures, or too small for the protocol.
    """
    protocol = protocol_named(config.protocol)
    budget = _budget(config)
    check_losses(config.losses, budget.output_side, channels=1)
    judged = benchmark_sets(config.benchmarks)
    if not judged:
        sets = open_training_pictures(config.train)
        judged = held_out_sets(sets, set_labels(sets), config.held_out)
    left_out = _held_out(config, judged)
    source = _prepared(config, left_out, progress)
    leaks, digest = leaks_into(source, judged)
    # Again and again: a copy of what is left out takes its place.
    while leaks and config.leave_out_leaks:
        left_out |= {leak.trained for leak in leaks}
        source = _prepared(config, left_out, progress)
        leaks, digest = leaks_into(source, judged)
    refuse_leaks(leaks, allow=config.allow_leak)
    # What cannot be judged is said before hours of training, not after them.
    for each in judged:
        names = [f"{each.name}, {name}" for name in each.names]
        for _ in evaluate_each(names, each.read, {"": bicubic}, config.scale, protocol):
            pass
    validation, words = _validation(config, protocol, budget, source, judged)
    return Plan(
        config, protocol, budget, source, tuple(judged), digest, tuple(leaks), validation, words
    )


def _held_out(config: SuperResolutionConfig, judged: Sequence[JudgedSet]) -> set[str]:
    """Names of training pictures that are judged; benchmarks may have the same names by chance."""
    return set() if config.benchmarks else {name for each in judged for name in each.names}


def _prepared(
    config: SuperResolutionConfig,
    leave_out: Collection[str],
    progress: Callable[[int, int], None] | None,
) -> PatchSource:
    return prepare_patches(
        config.train,
        scale=config.scale,
        protocol=config.protocol,
        rescales=config.rescales,
        leave_out=leave_out,
        progress=progress,
    )


def network_for(config: SuperResolutionConfig, seed: int) -> nn.Module:
    """Return the network with the initial weights of `seed`, the same for every loss."""
    return build_super_resolution_network(
        config.network, scale=config.scale, seed=seed, options=config.network_options
    )


def _budget(config: SuperResolutionConfig) -> Budget:
    """Try the network on a patch, and count what it may spend.

    Raises:
        UserError: the network cannot be built or gives back pictures of another size, or its output
            is too small for MS-SSIM.
    """
    network, side = network_for(config, seed=0), config.patch_side
    margin = check_output_size(network, config.network, scale=config.scale, patch=side)
    output = side - 2 * margin
    return Budget(
        steps=config.steps(output),
        patch=side,
        output_side=output,
        levels=dict(_levels(config, side, output)),
        inside=upsamples_inside(network),
        parameters=sum(p.numel() for p in network.parameters()),
    )


def _levels(config: SuperResolutionConfig, side: int, output: int) -> Iterator[tuple[str, int]]:
    """How many levels MS-SSIM has; all losses share one patch, which must leave it enough."""
    for loss in config.losses:
        conventions = _conventions(loss)
        for convention in conventions:
            least = min_side(convention, min(LEAST_LEVELS, convention.most_levels))
            if output < least:
                needed = side + least - output
                raise UserError(
                    f"a patch of {side} pixels gives the losses {output}×{output} pixels, on which "
                    f"MS-SSIM of {loss!r} has fewer than {LEAST_LEVELS} levels: type --set "
                    f"patch={-(-needed // config.scale) * config.scale}, or more."
                )
        try:
            levels = [fit_levels(each, (output, output)) for each in conventions]
        except ValueError as error:  # the levels of some conventions are fixed
            raise UserError(f"{loss}: {error}") from error
        if levels:
            yield loss, min(levels)


def _conventions(loss: str) -> list[Convention]:
    """By which conventions the stages of a loss have MS-SSIM."""
    try:
        stages = loss_for(loss, seed=0).stages
    except (ValueError, TypeError) as error:
        raise UserError(str(error)) from error
    parts = [part for _, stage in stages for part in stage.modules()]
    return [part.convention for part in parts if isinstance(part, MSSSIMLoss)]


def _validation(
    config: SuperResolutionConfig,
    protocol: SuperResolutionProtocol,
    budget: Budget,
    source: PatchSource,
    judged: Sequence[JudgedSet],
) -> tuple[Examples, str]:
    """Patches for the learning curves, never of a benchmark unless it was asked for."""
    if config.validation is None and config.benchmarks:
        examples = patches_of_training(source, budget.patch, budget.inside)
        return examples, f"{len(examples)} fixed patches of the training pictures"
    sets = judged if config.validation is None else benchmark_sets([config.validation])
    examples = patches_of(sets, config.scale, protocol, budget.patch, budget.inside)
    words = f"{len(examples)} fixed patches of "
    if config.validation is None:
        return examples, words + "the pictures that are held out"
    leaks, _ = leaks_into(source, sets)
    count = len({leak.judged for leak in leaks})
    note = f" ({count} of its pictures trained on, too)" if leaks else ""
    return examples, f"{words}{config.validation}{note}"


def describe(plan: Plan) -> list[str]:
    """Say in a few lines what a run would do: for ``--dry-run`` and the head of every run."""
    config, budget = plan.config, plan.budget
    judged = ", ".join(f"{each.name} ({len(each)})" for each in plan.judged)
    trainings = sum(1 for _ in plan.tasks())
    output = budget.output_side
    levels = "".join(
        f", {loss} on {count} {plural('level', count)}" for loss, count in budget.levels.items()
    )
    facts = {
        "training": f"{plan.trained_on} {plural('picture', plan.trained_on)} in "
        f"{', '.join(config.train)}",
        "judged on": f"{judged}; ×{config.scale}, {plan.protocol.name}: {plan.protocol.words}",
        "patches": f"{budget.patch}×{budget.patch}, output {output}×{output}{levels}",
        "network": f"{config.network}, {budget.parameters:,} weights",
        "losses": ", ".join(config.losses),
        "budget": f"{trainings} {plural('training', trainings)} of {config.output_pixels:,} output "
        f"pixels: {budget.steps:,} steps of {config.batch_size} patches",
        "curves": plan.validation_words,
        "leaks": leaks_in_words(plan.leaks),
    }
    lines = [f"{name:<11}{text}" for name, text in facts.items() if text]
    lines += [f"note       {note}" for note in (*plan.source.notes, *_incomplete(plan.judged))]
    if plan.skipped:
        lines.append(f"{', '.join(config.train)}: {summarise_skipped(plan.skipped)}")
    return lines


def _incomplete(judged: Sequence[JudgedSet]) -> Iterator[str]:
    """Say which sets are not what their names promise: published numbers are not of them."""
    for each in judged:
        if each.expected is not None and not each.published:
            yield (
                f"{each.name} has {len(each)} {plural('picture', len(each))} here and was "
                f"published with {each.expected}: no published numbers are shown beside it."
            )


def leaks_in_words(leaks: Sequence[Leak]) -> str:
    """Name the judged pictures that are trained on; nothing where there is none."""
    if not leaks:
        return ""
    count = len({leak.judged for leak in leaks})
    named = "; ".join(str(leak) for leak in leaks[:10])
    more = f"; and {len(leaks) - 10} more pairs" if len(leaks) > 10 else ""
    return f"{count} judged {plural('picture', count)} also trained on: {named}{more}."


def skipped_reasons(plan: Plan) -> dict[str, int]:
    """How many training pictures were left out, by reason."""
    return dict(Counter(item.reason for item in plan.skipped))
