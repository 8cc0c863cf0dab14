"""Every choice of ``snellen superres compare``; where they come from is in `settings`."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from snellen.experiments.settings import (
    ExperimentConfig,
    PositiveInt,
    comma_separated,
    each_once,
)
from snellen.images.protocols import SCALES

__all__ = ["SuperResolutionConfig"]

_USUAL_PATCH = 64


class SuperResolutionConfig(ExperimentConfig):
    """Every choice of a super-resolution comparison; unknown keys are errors.

    >>> SuperResolutionConfig(scale=3).patch_side
    66
    """

    presets: ClassVar[str] = "presets/super_resolution"

    # Pictures
    train: tuple[str, ...] = Field(
        ("builtin",), description="folders to train on, or builtin: whatever holds pictures"
    )
    benchmarks: tuple[str, ...] = Field(
        (), description="where Set5, Set14 and BSDS500 lie, or folders; none: a part of `train`"
    )
    held_out: PositiveInt | Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="without benchmarks, scenes of `train` to judge on: a count or a share"
    )
    validation: str | None = Field(
        None, description="pictures for the learning curves; null: those held out, else `train`"
    )
    allow_leak: bool = Field(False, description="train although benchmark pictures are in `train`")
    leave_out_leaks: bool = Field(False, description="leave such pictures out of the training")
    scale: int = Field(4, description="by which pictures are enlarged: 2, 3 or 4")
    protocol: str = Field("poster", description="how pictures are shrunk and measured")
    patch: Annotated[int, Field(ge=8, le=4096)] | None = Field(
        None, description="side of the square patches, a multiple of scale; null: 64, or 66 for 3"
    )
    flip: bool = Field(True, description="mirror half of the patches")
    rotate: bool = Field(True, description="turn patches by quarters")
    rescales: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (1.0,), description="show each training picture shrunk by these factors too"
    )

    # Network
    network: str = Field("srcnn", description="srcnn, srcnn-9-1-5 or package.module:Class")
    network_options: dict[str, Any] = Field(
        default_factory=dict, description="keywords of the network, such as start: identity"
    )

    # Budget
    output_pixels: PositiveInt = Field(
        144_500_000, description="output pixels of each training, the same for every loss"
    )

    terms: str | None = Field(
        None, description="terms of the training pictures, for the cards of the weights"
    )

    @field_validator("train", "benchmarks", "rescales", mode="before")
    @classmethod
    def _read_lists(cls, value: Any) -> Any:
        return () if value is None else comma_separated(value)

    @field_validator("scale")
    @classmethod
    def _check_scale(cls, value: int) -> int:
        if value not in SCALES:
            raise ValueError(f"{value} is none of {', '.join(map(str, SCALES))}")
        return value

    @field_validator("train", "rescales")
    @classmethod
    def _check_lists(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return each_once(value)

    @model_validator(mode="after")
    def _fits(self) -> SuperResolutionConfig:
        if self.patch is not None and self.patch % self.scale:
            near = self.patch // self.scale * self.scale
            raise ValueError(
                f"patch: {self.patch} is no multiple of the scale {self.scale}: set {near}, "
                f"{near + self.scale}, or null for the default"
            )
        if self.allow_leak and self.leave_out_leaks:
            raise ValueError("allow_leak and leave_out_leaks exclude each other; set one")
        if self.benchmarks and self.held_out is not None:
            raise ValueError("held_out: with benchmarks nothing is held out; leave it null")
        return self

    @property
    def patch_side(self) -> int:
        """The side of the patches in pixels: `patch`, or what it stands for."""
        return self.patch or math.ceil(_USUAL_PATCH / self.scale) * self.scale

    def steps(self, output_side: int) -> int:
        """Return how many steps make `output_pixels` of patches whose output has that side.

        >>> SuperResolutionConfig(output_pixels=1000, batch_size=4).steps(10)
        3
        """
        return math.ceil(self.output_pixels / (self.batch_size * output_side**2))
