"""What a run of ``snellen reconstruct`` is told, from four places, the later one winning.

A preset, then a YAML file (``--config``), then options of the command line, then ``--set``. The
result is one checked :class:`ReconstructionConfig`; the run folder keeps it as ``config.yaml``,
which ``--config`` reads again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from snellen.errors import UserError, nearest

__all__ = ["ReconstructionConfig", "parse_assignment", "preset_names", "read_config", "resolve"]

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ReconstructionConfig(BaseModel):
    """Every choice of a reconstruction experiment; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Pictures
    data: str = Field("builtin", description="builtin, a folder, stl10:DIR or npz:FILE")
    held_out_data: str | None = Field(
        None, description="other pictures to judge on; null: a part of `data`"
    )
    size: PositiveInt = Field(96, description="side of the square pictures, pixels")
    channels: Literal[1, 3] = Field(1, description="1 gray, 3 colour")
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

    # Network
    network: str = Field("conv-autoencoder", description="or package.module:Class")
    widths: tuple[PositiveInt, ...] = Field((32, 64, 128), description="filters of each layer")
    code_size: tuple[PositiveInt, ...] = Field(
        (128,), description="numbers in the code; several: a compression sweep"
    )

    # Objectives
    losses: tuple[str, ...] = Field(
        ("mse", "mae", "ms-ssim"), description="the first is compared to"
    )
    seeds: PositiveInt = Field(1, description="how many trainings per loss, seeds 0, 1, …")

    # Training
    steps: PositiveInt = 2000
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 1e-3
    learning_rates: dict[str, PositiveFloat] = Field(
        default_factory=dict, description="for single losses, in the place of learning_rate"
    )
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.02
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    clip_norm: PositiveFloat | None = 1.0
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    validate_every: PositiveInt = 500
    checkpoint_every: PositiveInt = 500
    keep_last: PositiveInt = 2

    @field_validator("losses", "code_size", "widths", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        """Read ``a,b`` as well as a list, and one value as a list of one."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, int | float):
            return (value,)
        return value

    @field_validator("losses", "code_size")
    @classmethod
    def _each_once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value:
            raise ValueError("at least one is needed")
        if len(set(value)) < len(value):
            raise ValueError("each may be named once")
        return value

    @model_validator(mode="after")
    def _fits(self) -> ReconstructionConfig:
        if self.folds == 1:
            raise ValueError("folds: cross-fitting needs 2 or more; 0 is one split")
        if self.folds and self.held_out_data:
            raise ValueError("folds: with held_out_data there is nothing to cross-fit; set one")
        if self.folds and self.held_out is not None:
            raise ValueError("folds: every picture is held out once; leave held_out null")
        unknown = [name for name in self.learning_rates if name not in self.losses]
        if unknown:
            raise ValueError(
                f"learning_rates: {unknown[0]!r} is not among the losses "
                f"{', '.join(self.losses)}.{nearest(unknown[0], self.losses)}"
            )
        return self

    def rate(self, loss: str) -> float:
        """Return the learning rate that `loss` is trained with."""
        return self.learning_rates.get(loss, self.learning_rate)

    def as_yaml(self) -> str:
        """Return the configuration as YAML that `read_config` reads again."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def preset_names() -> list[str]:
    """Return the names that ``--preset`` takes.

    >>> preset_names()
    ['demo', 'poster']
    """
    folder = resources.files("snellen.experiments") / "presets"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name[-5:] == ".yaml")


def read_preset(name: str) -> dict[str, Any]:
    """Return the keys that a preset sets."""
    names = preset_names()
    if name not in names:
        raise UserError(
            f"there is no preset {name!r}; there are {', '.join(names)}.{nearest(name, names)}"
        )
    text = (resources.files("snellen.experiments") / "presets" / f"{name}.yaml").read_text()
    return dict(yaml.safe_load(text))


def read_config(path: str | Path) -> dict[str, Any]:
    """Return the keys of a YAML file.

    Raises:
        UserError: the file is missing, not YAML or not a mapping of keys to values.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the config {path}: {error.strerror or error}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"the config {path} is not YAML: {first}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UserError(f"the config {path} must hold lines of the form `key: value`.")
    return content


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read one ``--set key=value``; the value is YAML.

    >>> parse_assignment("steps=100"), parse_assignment("ema=null")
    (('steps', 100), ('ema', None))
    >>> parse_assignment("learning_rates.mse=1e-3")
    ('learning_rates.mse', 0.001)
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set takes key=value, for example --set steps=100; got {text!r}.")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"the value in --set {text} is not YAML.") from error
    if isinstance(parsed, str):
        with contextlib.suppress(ValueError):  # YAML 1.1 reads 1e-3 as text
            parsed = float(parsed)
    return key.strip(), parsed


def resolve(
    *,
    preset: str | None = None,
    config: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
) -> ReconstructionConfig:
    """Merge preset, file, options (those that are not None) and ``--set``, and check the result.

    Raises:
        UserError: an unknown preset or key (the nearest one is named) or a value out of range.

    >>> resolve(preset="demo", assignments=["steps=7"]).steps
    7
    """
    merged: dict[str, Any] = {}
    if preset is not None:
        merged |= read_preset(preset)
    if config is not None:
        merged |= read_config(config)
    merged |= {key: value for key, value in (options or {}).items() if value is not None}
    for text in assignments:
        key, value = parse_assignment(text)
        name, dot, inner = key.partition(".")
        if dot:
            inside = merged.get(name) or {}
            if name != "learning_rates" or not isinstance(inside, dict):
                raise UserError(
                    f"--set {text}: only learning_rates takes a name after the dot, for example "
                    "--set learning_rates.mse=1e-3."
                )
            merged[name] = {**inside, inner: value}
        else:
            merged[name] = value
    try:
        return ReconstructionConfig.model_validate(merged)
    except ValidationError as error:
        raise UserError(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    """Say the first thing that is wrong."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][:1])
    if first["type"] == "extra_forbidden":
        names = list(ReconstructionConfig.model_fields)
        return (
            f"there is no key {key!r} in the configuration.{nearest(key, names)} "
            f"Keys: {', '.join(names)}."
        )
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if not key:
        return message.rstrip(".?") + ("?" if message.endswith("?") else ".")
    return f"{key}: {message.rstrip('.')} (got {first['input']!r})."
