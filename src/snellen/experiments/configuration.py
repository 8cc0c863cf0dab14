"""Every choice of the experiments on autoencoders; where they come from is in `settings`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from snellen.experiments.settings import (
    ExperimentConfig,
    PositiveFloat,
    PositiveInt,
    comma_separated,
    each_once,
)
from snellen.networks import DEFAULT_WIDTHS

__all__ = ["AutoencoderConfig", "ReconstructionConfig"]


class AutoencoderConfig(ExperimentConfig):
    """What every experiment on autoencoders chooses: the pictures' size, the network, the steps."""

    of_network: ClassVar[tuple[str, ...]] = ("widths",)

    # Pictures
    size: PositiveInt = Field(96, description="side of the square pictures, pixels")
    channels: Literal[1, 3] = Field(1, description="1 gray, 3 colour")

    # Network
    network: str = Field(
        "conv-autoencoder",
        description="conv-autoencoder, fc-autoencoder, conv-vae, fc-vae or package.module:Class",
    )
    widths: tuple[PositiveInt, ...] = Field(
        None,
        validate_default=True,
        description="filters, or units of dense layers, of each layer; null: the network's own",
    )
    code_size: tuple[PositiveInt, ...] = Field(
        (128,), description="numbers in the code; several: a compression sweep"
    )
    nats_per_pixel: PositiveFloat = Field(
        3.0,
        description="of a variational network: what the mean training picture costs under each"
        " loss, in nats per number of a picture",
    )
    kl_warmup: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2,
        description="of a variational network: share of the steps over which the divergence of"
        " the code comes in",
    )

    # Budget
    steps: PositiveInt = 2000

    @field_validator("code_size", "widths", mode="before")
    @classmethod
    def _read_lists(cls, value: Any) -> Any:
        return comma_separated(value)

    @field_validator("widths", mode="before")
    @classmethod
    def _fill_widths(cls, value: Any, info: ValidationInfo) -> Any:
        # Filled in, so that config.yaml says what was trained. A network of the user's own is
        # given those of the usual one.
        usual = DEFAULT_WIDTHS["conv-autoencoder"]
        return DEFAULT_WIDTHS.get(info.data.get("network", ""), usual) if value is None else value

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
