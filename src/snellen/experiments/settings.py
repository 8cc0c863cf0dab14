"""What an experiment is told, from four places, the later one winning.

A preset, then a YAML file (``--config``), then options of the command line, then ``--set``. The
result is one checked `ExperimentConfig`; the run folder keeps it as ``config.yaml``, which
``--config`` reads again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from snellen.errors import UserError, nearest
from snellen.training import TrainingOptions

__all__ = [
    "ExperimentConfig",
    "PositiveFloat",
    "PositiveInt",
    "comma_separated",
    "each_once",
    "parse_assignment",
    "preset_names",
    "read_config",
    "resolve",
]

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ExperimentConfig(BaseModel):
    """The choices that every experiment has; unknown keys are errors.

    Attributes:
        presets: the folder of the experiment's presets inside `snellen.experiments`.
        of_network: keys that fit one network only: a preset's are not for another network.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    presets: ClassVar[str]
    of_network: ClassVar[tuple[str, ...]] = ()

    # Objectives
    losses: tuple[str, ...] = Field(
        ("mse", "mae", "ms-ssim"), description="the first is compared to"
    )
    seeds: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="how many trainings per loss, seeds 0, 1, …"
    )

    # Training
    batch_size: PositiveInt = 64
    optimizer: Literal["adamw", "muon"] = "adamw"
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

    @field_validator("losses", mode="before")
    @classmethod
    def _read_losses(cls, value: Any) -> Any:
        return comma_separated(value)

    @field_validator("losses")
    @classmethod
    def _check_losses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return each_once(value)

    @model_validator(mode="after")
    def _rates_are_of_losses(self) -> ExperimentConfig:
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

    def training_options(self, loss: str, steps: int) -> TrainingOptions:
        """Return how `loss` is trained for `steps` steps."""
        return TrainingOptions(
            steps=steps,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            learning_rate=self.rate(loss),
            schedule=self.schedule,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            clip_norm=self.clip_norm,
            ema=self.ema,
            precision=self.precision,
            validate_every=self.validate_every,
            checkpoint_every=self.checkpoint_every,
            keep_last=self.keep_last,
            log_every=max(1, min(50, steps // 20)),
        )

    def as_yaml(self) -> str:
        """Return the configuration as YAML that `read_config` reads again."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


Config = TypeVar("Config", bound=ExperimentConfig)


def comma_separated(value: Any) -> Any:
    """Read ``a,b`` as well as a list, and one value as a list of one.

    >>> comma_separated("mse, mae"), comma_separated(8), comma_separated([1, 2])
    (('mse', 'mae'), (8,), [1, 2])
    """
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, int | float):
        return (value,)
    return value


def each_once(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse an empty list, and one with a value that comes twice."""
    if not value:
        raise ValueError("at least one is needed")
    if len(set(value)) < len(value):
        raise ValueError("each may be named once")
    return value


def preset_names(kind: type[ExperimentConfig]) -> list[str]:
    """Return the names that ``--preset`` takes, in the order of the alphabet."""
    folder = resources.files("snellen.experiments") / kind.presets
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name[-5:] == ".yaml")


def read_preset(kind: type[ExperimentConfig], name: str) -> dict[str, Any]:
    """Return the keys that a preset sets."""
    names = preset_names(kind)
    if name not in names:
        raise UserError(
            f"there is no preset {name!r}; there are {', '.join(names)}.{nearest(name, names)}"
        )
    folder = resources.files("snellen.experiments") / kind.presets
    return dict(yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8")))


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
        raise UserError(f"--set takes key=value, for example --set batch_size=32; got {text!r}.")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"the value in --set {text} is not YAML.") from error
    if isinstance(parsed, str):
        with contextlib.suppress(ValueError):  # YAML 1.1 reads 1e-3 as text
            parsed = float(parsed)
    return key.strip(), parsed


def resolve(
    kind: type[Config],
    *,
    preset: str | None = None,
    config: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
) -> Config:
    """Merge preset, file, options (those that are not None) and ``--set``, and check the result.

    Args:
        kind: which experiment's configuration it is.
        preset: name of one of `preset_names`.
        config: a YAML file.
        options: values by key.
        assignments: texts ``key=value``.

    Raises:
        UserError: an unknown preset or key (the nearest one is named) or a value out of range.

    >>> from snellen.experiments.configuration import ReconstructionConfig
    >>> resolve(ReconstructionConfig, preset="demo", assignments=["steps=7"]).steps
    7
    """
    merged: dict[str, Any] = {}
    assignments = list(assignments)
    asked = read_config(config) if config is not None else {}
    asked |= {key: value for key, value in (options or {}).items() if value is not None}
    if preset is not None:
        merged |= _preset_for(kind, preset, asked, assignments)
    merged |= asked
    for text in assignments:
        key, value = parse_assignment(text)
        name, dot, inner = key.partition(".")
        if dot:
            inside = merged.get(name) or {}
            if name not in _mappings(kind) or not isinstance(inside, dict):
                raise UserError(
                    f"--set {text}: only {' and '.join(_mappings(kind))} may have a name after a "
                    "dot, for example --set learning_rates.mse=1e-3."
                )
            merged[name] = {**inside, inner: value}
        else:
            merged[name] = value
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise UserError(_sentence(kind, error)) from error


def _preset_for(
    kind: type[ExperimentConfig], name: str, asked: Mapping[str, Any], assignments: Iterable[str]
) -> dict[str, Any]:
    """Return the keys of a preset that fit the network and the losses that are asked for."""
    keys = read_preset(kind, name)
    wanted = {**asked, **dict(map(parse_assignment, assignments))}
    if "learning_rates" in keys and "losses" in wanted:
        losses = comma_separated(wanted["losses"])
        rates = keys["learning_rates"].items()
        keys["learning_rates"] = {loss: rate for loss, rate in rates if loss in losses}
    if not kind.of_network:
        return keys
    own = keys.get("network", kind.model_fields["network"].default)
    if wanted.get("network", own) == own:
        return keys
    return {key: value for key, value in keys.items() if key not in kind.of_network}


def _mappings(kind: type[ExperimentConfig]) -> list[str]:
    """The keys whose values are mappings themselves."""
    fields = kind.model_fields.items()
    return [name for name, field in fields if get_origin(field.annotation) is dict]


def _sentence(kind: type[ExperimentConfig], error: ValidationError) -> str:
    """Say the first thing that is wrong."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][:1])
    if first["type"] == "extra_forbidden":
        names = list(kind.model_fields)
        return (
            f"there is no key {key!r} in the configuration.{nearest(key, names)} "
            f"Keys: {', '.join(names)}."
        )
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if not key:
        return message.rstrip(".?") + ("?" if message.endswith("?") else ".")
    return f"{key}: {message.rstrip('.')} (got {first['input']!r})."
