"""What simulated observers like: utilities that are known, so that an analysis can be judged."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snellen.errors import UserError, nearest
from snellen.study.design import ORIGINAL_SHOWN, Trial
from snellen.study.folder import Study
from snellen.study.observers import Observers, Panel, draw_panel
from snellen.study.pictures import ORIGINAL

__all__ = ["METRICS", "Crowd", "Observer", "SimulationOptions", "gather", "pixels_of"]

METRICS = ("mse", "mae", "psnr", "ssim", "ms-ssim")

_LEAST_SIDE = 11  # pixels, of Wang's window
_BEST_DB = 100.0  # PSNR of identical pictures


@dataclass(frozen=True)
class SimulationOptions:
    """Observers whose taste is known.

    Attributes:
        people: how many; None: as many as the study has places.
        metric: gives each picture's utility, one of `METRICS`. Within each picture the mean over
            the models is taken off; over all pictures the utilities then have standard deviation 1.
        utilities: one number for each model, in place of the metric.
        person_sd: standard deviation of each person's own liking for each model.
        picture_sd: of each picture's own, the same for all people.
        inattentive: share of the people who rank at random and fail every catch trial,
            from 0 to below 1.
        tie_threshold: utilities this close are tied, where the study allows ties.
        seed: of all draws.
    """

    people: int | None = None
    metric: str = "ms-ssim"
    utilities: Mapping[str, float] | None = None
    person_sd: float = Observers.person_sd
    picture_sd: float = Observers.picture_sd
    inattentive: float = 0.1
    tie_threshold: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise UserError(
                f"there is no metric {self.metric!r}.{nearest(self.metric, METRICS)} There are "
                f"{', '.join(METRICS)}."
            )
        if self.people is not None and self.people < 1:
            raise UserError(f"{self.people} people: at least one is needed.")
        if self.seed < 0:
            raise UserError(f"the seed is {self.seed}: 0 or more is needed.")


@dataclass(frozen=True, eq=False)
class Crowd:
    """All observers of one simulation; `gather` makes it.

    Attributes:
        base: float64 (pictures of pictures.json, models), the known utilities; 0 where a picture is
            not shown.
        panel: with each person's and each picture's own part drawn.
        options: as they were asked for.
    """

    base: NDArray[np.float64]
    panel: Panel
    options: SimulationOptions

    def __len__(self) -> int:
        return len(self.panel.person)

    @property
    def inattentive(self) -> NDArray[np.bool_]:
        """Who ranks without looking, bool (people,)."""
        return self.panel.inattentive

    def observer(self, index: int) -> Observer:
        """One of them, with random numbers of its own."""
        return Observer(self, index)


@dataclass(eq=False)
class Observer:
    """One simulated participant, in the middle of a session."""

    crowd: Crowd
    index: int
    _rng: np.random.Generator = field(init=False, repr=False)
    _clock: float = field(init=False, repr=False)  # of its browser, ms since the page was opened

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.crowd.options.seed, 2, self.index])
        self._clock = float(self._rng.uniform(2e4, 6e4))  # consent and instructions

    def rank(self, picture: int, shown: Sequence[int]) -> list[int]:
        """Rank what is shown.

        Args:
            picture: its place in ``pictures.json``.
            shown: the models by place in ``study.yaml``, left to right; -1 is the original.

        Returns:
            A rank for each, 1 is best.
        """
        trial = Trial("main", picture, tuple(shown))
        while True:
            ranks = self.crowd.panel.ranks(self.index, trial, self._rng)
            fails = ORIGINAL_SHOWN not in shown or ranks[list(shown).index(ORIGINAL_SHOWN)] != 1
            # Who does not look fails every catch trial: else some would pass them by luck.
            if fails or not self.crowd.inattentive[self.index]:
                return ranks

    def take_time(self) -> tuple[float, float, float]:
        """Let a trial's time pass: onset, first action and submission, ms on its clock."""
        seconds = self.crowd.panel.seconds(self.index, self._rng)
        onset = self._clock + float(self._rng.uniform(80, 300))
        first = onset + 1000 * seconds * float(self._rng.uniform(0.3, 0.6))
        self._clock = onset + 1000 * seconds
        return round(onset, 1), round(first, 1), round(self._clock, 1)


def gather(study: Study, options: SimulationOptions) -> Crowd:
    """Draw the observers of a study.

    Args:
        study: whose pictures they will see.
        options: how many, and what they like.

    Raises:
        UserError: more people than places, utilities that do not name each model, pictures that
            the metric cannot compare.
    """
    places, models = study.config.people, study.config.models
    people = places if options.people is None else options.people
    if people > places:
        raise UserError(
            f"{people} people are asked for, the study has {places} places: type --people {places} "
            "or fewer."
        )
    if options.utilities is not None:
        base = np.tile(_given(options.utilities, models), (len(study.pictures.pictures), 1))
    else:
        base = _measured(study, options.metric)
    observers = Observers(
        utilities=base,
        person_sd=options.person_sd,
        picture_sd=options.picture_sd,
        inattentive=options.inattentive,
        tie_threshold=options.tie_threshold if study.config.ties else 0.0,
    )
    drawn = draw_panel(observers, people, len(base), np.random.default_rng([options.seed, 1]))
    return Crowd(base, drawn, options)


def _given(utilities: Mapping[str, float], models: Sequence[str]) -> NDArray[np.float64]:
    for name in utilities:
        if name not in models:
            raise UserError(
                f"there is no model {name!r}.{nearest(name, models)} The study has "
                f"{', '.join(models)}."
            )
    for name in models:
        if name not in utilities:
            raise UserError(f"--utilities lacks {name!r}: give each model a number.")
        if not np.isfinite(utilities[name]):
            raise UserError(f"the utility of {name!r} is {utilities[name]}: a number is needed.")
    return np.array([utilities[name] for name in models])


def _measured(study: Study, metric: str) -> NDArray[np.float64]:
    """The metric of each model's picture against its original, standardised; higher is better."""
    models, used = study.config.models, list(study.indices)
    values = np.zeros((len(study.pictures.pictures), len(models)))
    for index in used:
        original = pixels_of(study.picture_bytes(index, ORIGINAL))
        for place, model in enumerate(models):
            made = pixels_of(study.picture_bytes(index, model))
            values[index, place] = _compare(metric, made, original)
    values -= values.mean(axis=1, keepdims=True)
    spread = float(np.std(values[used]))
    if not spread > 0:
        raise UserError(
            f"{metric} finds no difference between the models on any picture: give --utilities."
        )
    found: NDArray[np.float64] = values / spread
    return found


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    """Read an 8-bit PNG as uint8 (H, W) or (H, W, 3)."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        pixels: NDArray[np.uint8] = np.asarray(image)
    return pixels


def _compare(metric: str, made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    import torch

    from snellen import metrics

    first, second = (
        torch.from_numpy(np.atleast_3d(pixels).transpose(2, 0, 1)[None].astype(np.float64))
        for pixels in (made, original)
    )
    options: dict[str, Any] = {} if metric in ("mse", "mae") else {"data_range": 255.0}
    if metric in ("ssim", "ms-ssim"):
        options["convention"] = _convention()
    try:
        value = float(getattr(metrics, metric.replace("-", "_"))(first, second, **options))
    except ValueError as error:
        height, width = made.shape[:2]
        if min(height, width) >= _LEAST_SIDE:
            raise
        raise UserError(
            f"{metric} needs pictures of {_LEAST_SIDE} × {_LEAST_SIDE} pixels or more, and one is "
            f"{width} × {height}: type --metric mse, mae or psnr, or give --utilities."
        ) from error
    return -value if metric in ("mse", "mae") else min(value, _BEST_DB)


def _convention() -> Any:
    """Wang's, on as many levels as fit: study pictures may be small."""
    from dataclasses import replace

    from snellen.metrics import WANG

    return replace(WANG, levels="auto")
