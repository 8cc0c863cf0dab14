"""Every choice of ``snellen represent``; where they come from is in `experiments.settings`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, field_validator, model_validator

from snellen.experiments.configuration import AutoencoderConfig
from snellen.experiments.settings import (
    PositiveFloat,
    PositiveInt,
    comma_separated,
    each_once,
)

__all__ = ["LEAST_PARTS", "Baseline", "RepresentationConfig"]

Baseline = Literal["pixels", "pca", "untrained", "supervised"]

LEAST_PARTS = 4  # a quarter is held out where nobody asks for more folds


class RepresentationConfig(AutoencoderConfig):
    """Every choice of an experiment on representations; unknown keys are errors.

    >>> RepresentationConfig(code_size="16,64", splits="random").code_size
    (16, 64)
    """

    presets: ClassVar[str] = "presets/representation"

    # Pictures and labels
    data: str = Field(
        "builtin", description="builtin, a folder with labels.csv, yale:DIR or cifar10:DIR"
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="kinds of columns: class, number, circular, circular:PERIOD or ignore",
    )
    unmatched: Literal["refuse", "skip"] = Field(
        "refuse", description="rows without a picture and pictures without a row"
    )
    splits: tuple[str, ...] | None = Field(
        None,
        description="random, and what is held out whole: a group or columns, as people or a+b; "
        "null: random and the groups of the data",
    )
    folds: PositiveInt = Field(
        1, description="parts held out in turn, of four, or of as many as there are folds"
    )
    size: PositiveInt = Field(48, description="side that the whole pictures are shrunk to, pixels")
    gamma: PositiveFloat = Field(
        1.0, description="the power that the pictures are raised to; below 1 it lifts the dark"
    )
    shift: Annotated[int, Field(ge=0)] = Field(
        0, description="training pictures are moved by up to this many pixels"
    )
    mirror: bool = Field(
        False, description="half of the pictures are mirrored in training, where no label is seen"
    )
    code_size: tuple[PositiveInt, ...] = Field(
        (64,), description="numbers in the code; several: how the error grows as it shrinks"
    )

    # What the codes are compared with
    baselines: tuple[Baseline, ...] = Field(
        get_args(Baseline), description="beside the codes of the losses"
    )

    # Support vector machines
    svm_c: tuple[PositiveFloat, ...] = Field(
        (1.0, 3.0, 10.0, 30.0), description="of the RBF kernel"
    )
    svm_gamma: tuple[PositiveFloat, ...] = Field(
        (0.1, 0.3, 0.5, 1.0), description="of the RBF kernel, times the code's numbers"
    )
    svm_linear_c: tuple[PositiveFloat, ...] = Field(
        (0.1, 1.0, 10.0), description="of the linear kernel, the mean product of the code's numbers"
    )
    svm_epsilon: PositiveFloat = Field(
        0.02, description="tube of the regression, in standard deviations"
    )
    svm_folds: Annotated[int, Field(ge=2, le=20)] = Field(
        3, description="of the inner cross-validation"
    )
    svm_pictures: Annotated[int, Field(ge=100)] = Field(
        5000, description="a machine learns from at most this many pictures of the training part"
    )

    @field_validator("splits", "baselines", "svm_c", "svm_gamma", "svm_linear_c", mode="before")
    @classmethod
    def _read_more_lists(cls, value: Any) -> Any:
        return comma_separated(value)

    @field_validator("svm_c", "svm_gamma", "svm_linear_c")
    @classmethod
    def _ordered(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted(each_once(value)))

    @field_validator("splits")
    @classmethod
    def _check_splits(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else each_once(value)

    @model_validator(mode="after")
    def _fits(self) -> RepresentationConfig:
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError("baselines: each may be named once")
        if self.shift >= self.size:
            raise ValueError("shift: it must be less than size")
        clash = [name for name in self.losses if name in self.baselines]
        if clash:
            raise ValueError(f"losses: {clash[0]!r} is the name of a baseline")
        return self
