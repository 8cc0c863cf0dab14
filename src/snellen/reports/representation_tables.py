"""The tables of a representation report: scores, paired differences, kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from snellen.reports.page import readable
from snellen.reports.representation_scores import (
    Compared,
    Facts,
    Scores,
    Target,
    known,
    p_in_words,
    significant_digits,
)
from snellen.reports.tables import Change, change_rows, number, score_rows, signed, span

__all__ = ["KernelTable", "ScoreGroup", "SplitTable", "kernel_table", "split_table"]

_NAMES = {"pixels": "pixels", "pca": "PCA", "untrained": "untrained", "supervised": "supervised"}
_NOTES = {
    "pixels": "the pictures themselves, no code",
    "pca": "principal components of the pictures",
    "untrained": "the encoder with its first weights",
    "supervised": "the encoder, trained on the labels",
}
_HEADINGS = {
    "baseline": "Without a trained loss",
    "ceiling": "Trained on the labels themselves: a ceiling, not a competitor",
}
_KERNELS = {"rbf": "RBF"}


@dataclass(frozen=True)
class ScoreCell:
    """One score: its value, its interval, its root in the column's unit, and its mark."""

    value: str
    limits: str
    root: str
    mark: str


@dataclass(frozen=True)
class ScoreRow:
    """The scores of one method; `index` is None for those without a colour."""

    name: str
    note: str
    index: int | None
    cells: list[ScoreCell]


@dataclass(frozen=True)
class ScoreGroup:
    """Rows that belong together, under a heading that may be empty."""

    heading: str
    published: bool
    rows: list[ScoreRow]


@dataclass(frozen=True)
class JudgedChange:
    """A paired difference with the p value of its test, "" where there was none."""

    change: Change
    p: str


@dataclass(frozen=True)
class DifferenceRow:
    """One loss minus the first, for each column."""

    loss: str
    index: int
    changes: list[JudgedChange]


@dataclass(frozen=True)
class SplitTable:
    """All that one split says."""

    name: str
    title: str
    note: str
    targets: list[Target]
    groups: list[ScoreGroup]
    differences: list[DifferenceRow]

    @property
    def has_intervals(self) -> bool:
        """Whether any score has one: it takes two trainings."""
        return any(cell.limits for group in self.groups for row in group.rows for cell in row.cells)


def split_table(scores: Scores, split: str) -> SplitTable | None:
    """The scores of one split and the differences from the first loss; None where it has none.

    "best" marks the loss with the lowest mean of its column where every comparison of it with the
    others stands after Holm's correction over all pairs of losses, "tied" where one does not.
    """
    targets = scores.targets(split)
    if not targets:
        return None
    entry = scores.splits[split]
    groups = [_losses(scores, split, targets)]
    for kind in dict.fromkeys(scores.methods.values()):
        if kind != "loss":
            rows = [
                ScoreRow(
                    _NAMES.get(name, name),
                    _NOTES.get(name, ""),
                    None,
                    [_cell(scores.of(split, name, t.column), t) for t in targets],
                )
                for name, its_kind in scores.methods.items()
                if its_kind == kind and any(scores.of(split, name, t.column) for t in targets)
            ]
            groups.append(ScoreGroup(_HEADINGS.get(kind, kind), False, rows))
    groups += [_published(scores, split, targets), _chance(scores, split, targets)]
    return SplitTable(
        split,
        readable(entry.get("title") or split),
        _note(entry),
        targets,
        [group for group in groups if group.rows],
        _differences(scores, split, targets),
    )


def _note(entry: Facts) -> str:
    """How many pictures the split has, as far as it is known."""
    train, held = entry.get("train"), entry.get("held_out")
    if train is None or held is None:
        return ""
    folds = entry.get("folds") or 1
    each = f", in {folds} turns" if folds > 1 else ""
    return f"trained on {train:,} pictures, judged on {held:,} others{each}"


def _losses(scores: Scores, split: str, targets: Sequence[Target]) -> ScoreGroup:
    measures = [t.measure for t in targets]
    rows = [
        ScoreRow(
            row.loss,
            "",
            row.index,
            [
                replace(_cell(scores.of(split, row.loss, t.column), t), mark=cell.mark)
                for cell, t in zip(row.cells, targets, strict=True)
            ],
        )
        for row in score_rows(scores.table(split, targets), measures)
    ]
    return ScoreGroup("", False, rows)


def _cell(found: Facts, target: Target) -> ScoreCell:
    measure = target.measure

    def scaled(key: str) -> float | None:
        value = found.get(key)
        return None if value is None else value * measure.scale

    root = found.get("root")
    return ScoreCell(
        number(scaled("mean"), measure.digits),
        span(scaled("low"), scaled("high"), measure.digits),
        _rooted(root, target.unit) if root is not None and known(root) else "",
        "",
    )


def _rooted(root: float, unit: str) -> str:
    glue = "" if unit in ("°", "") else " "
    return f"{number(root, significant_digits(root))}{glue}{readable(unit)}"


def _published(scores: Scores, split: str, targets: Sequence[Target]) -> ScoreGroup:
    """The poster's rows, under the split that is drawn as its own is thought to have been."""
    split_of_poster = "random" if "random" in scores.splits else next(iter(scores.splits))
    rows = []
    for entry in scores.results.get("poster") or []:
        values = [entry.get(t.column) for t in targets]
        if split == split_of_poster and any(known(value) for value in values):
            cells = [
                _cell({"mean": value, "root": _root(value, t)}, t)
                for value, t in zip(values, targets, strict=True)
            ]
            rows.append(ScoreRow(str(entry.get("loss", "")), "published", None, cells))
    return ScoreGroup(
        "The poster's, for orientation: its split, its kernel and its C are not known", True, rows
    )


def _root(value: float | None, target: Target) -> float | None:
    if value is None or target.kind == "class" or not known(value) or value < 0:
        return None
    return math.sqrt(value)


def _chance(scores: Scores, split: str, targets: Sequence[Target]) -> ScoreGroup:
    values = [scores.chance(split, t.column) for t in targets]
    if not any(known(value) for value in values):
        return ScoreGroup("", False, [])
    cells = [
        _cell({"mean": value, "root": _root(value, t)}, t)
        for value, t in zip(values, targets, strict=True)
    ]
    return ScoreGroup("", True, [ScoreRow("chance", _chance_note(targets), None, cells)])


def _chance_note(targets: Sequence[Target]) -> str:
    kinds = {t.kind == "class" for t in targets}
    words = {
        frozenset({True}): "the most frequent class",
        frozenset({False}): "the mean",
        frozenset({True, False}): "the most frequent class, or the mean",
    }
    return f"always {words[frozenset(kinds)]} of the training part"


def _differences(scores: Scores, split: str, targets: Sequence[Target]) -> list[DifferenceRow]:
    measures = [t.measure for t in targets]
    rows = []
    for row in change_rows(scores.difference_table(split, targets), measures):
        found = {c.column: c for c in scores.against_first(split, row.loss)}
        changes = [
            _judged(change, found.get(t.column), t)
            for change, t in zip(row.changes, targets, strict=True)
        ]
        rows.append(DifferenceRow(row.loss, row.index, changes))
    return rows


def _judged(change: Change, found: Compared | None, target: Target) -> JudgedChange:
    if found is None:
        return JudgedChange(change, "")
    if change.verdict == "unknown":  # one training: there is a value, but no interval
        measure = target.measure
        change = replace(change, value=signed(found.mean * measure.scale, measure.digits))
    else:
        change = replace(change, verdict=found.verdict)
    return JudgedChange(change, "" if found.adjusted is None else p_in_words(found.adjusted))


@dataclass(frozen=True)
class KernelCell:
    """Which kernel inner cross-validation chose, and what the best of each kernel scored."""

    chosen: str
    scores: str


@dataclass(frozen=True)
class KernelTable:
    """The kernels of one split."""

    title: str
    targets: list[Target]
    rows: list[tuple[str, int | None, list[KernelCell]]]


def kernel_table(scores: Scores, split: str) -> KernelTable | None:
    """Which kernels were chosen and how each scored; None where results do not say."""
    targets = scores.targets(split)
    rows = []
    for name, kind in scores.methods.items():
        cells = [_kernels(scores.of(split, name, t.column), t) for t in targets]
        if any(cell.chosen or cell.scores for cell in cells):
            index = scores.losses.index(name) if kind == "loss" else None
            rows.append((name if kind == "loss" else _NAMES.get(name, name), index, cells))
    title = readable(scores.splits[split].get("title") or split)
    return KernelTable(title, targets, rows) if rows else None


def _kernels(found: Facts, target: Target) -> KernelCell:
    chosen = {k: n for k, n in (found.get("chosen") or {}).items() if n}
    total = sum(chosen.values())
    ordered = sorted(chosen.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"{_kernel(kernel)} {count}" for kernel, count in ordered)
    scores = [
        f"{_kernel(kernel)} {number(value * target.measure.scale, target.measure.digits)}"
        for kernel, value in (found.get("by_kernel") or {}).items()
        if value is not None
    ]
    return KernelCell(f"{listed} of {total}" if listed else "", ", ".join(scores))


def _kernel(name: str) -> str:
    return _KERNELS.get(name, readable(str(name)))
