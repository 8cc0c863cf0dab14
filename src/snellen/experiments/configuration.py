"""Every choice of the experiments on autoencoders; where they come from is in `settings`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from snellen.experiments.settings import (
    ExperimentConfig,
    PositiveInt,
    comma_separated,
    each_once,
)

__all__ = ["AutoencoderConfig", "ReconstructionConfig"]


class AutoencoderConfig(ExperimentConfig):
    """What every experiment on autoencoders chooses: the pictures' size, the network, the steps."""

    # Pictures
    size: PositiveInt = Field(96, description="side of the square pictures, pixels")
    channels: Literal[1, 3] = Field(1, description="1 gray, 3 colour")

    # Network
    network: str = Field("conv-autoencoder", description="or package.module:Class")
    widths: tuple[PositiveInt, ...] = Field((32, 64, 128), description="filters of each layer")
    code_size: tuple[PositiveInt, ...] = Field(
        (128,), description="numbers in the code; several: a compression sweep"
    )

    # Budget
    steps: PositiveInt = 2000

    @field_validator("code_size", "widths", mode="before")
    @classmethod
    def _read_lists(cls, value: Any) -> Any:
        return comma_separated(value)

    @field_validator("code_size")
    @classmethod
    def _check_code_sizes(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return each_once(value)


class ReconstructionConfig(AutoencoderConfig):
    """Every choice of a reconstruction experiment; unknown keys are errors.

    >>> ReconstructionConfig(losses="mse,ms-ssim").losses
    ('mse', 'ms-ssim')
    """

    presets: ClassVar[str] = "presets/reconstruction"

    # Pictures
    data: str = Field(
        "builtin", description="builtin, a folder, stl10:DIR, cifar10:DIR, yale:DIR or npz:FILE"
    )
    held_out_data: str | None = Field(
        None, description="other pictures to judge on; null: a part of `data`"
    )
    max_downscale: Annotated[float, Field(ge=1, allow_inf_nan=False)] = Field(
        2.0, description="crops of up to this many times `size` are shrunk by area"
    )
    flip: bool = Field(True, description="mirror half of the training crops")
    held_out: PositiveInt | Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="source pictures to judge on: a count, a share, or null for the default"
    )
    folds: Annotated[int, Field(ge=0)] = Field(
        0, description="0: one split; k ≥ 2: cross-fitting, every picture held out once"
    )
    crops_per_picture: PositiveInt = Field(4, description="held-out crops of each picture")

    @model_validator(mode="after")
    def _fits(self) -> ReconstructionConfig:
        if self.folds == 1:
            raise ValueError("folds: cross-fitting needs 2 or more; 0 is one split")
        if self.folds and self.held_out_data:
            raise ValueError("folds: with held_out_data there is nothing to cross-fit; set one")
        if self.folds and self.held_out is not None:
            raise ValueError("folds: every picture is held out once; leave held_out null")
        return self
