"""Training: one loop for every device, its checkpoints, its log and its folder."""

from snellen.training.checkpoints import (
    DamagedCheckpoint,
    best_checkpoint,
    list_checkpoints,
    load_weights,
)
from snellen.training.examples import Examples
from snellen.training.interruptions import Interrupted
from snellen.training.loop import Outcome, train
from snellen.training.options import TrainingOptions
from snellen.training.processes import launch_fabric, on_first_process
from snellen.training.protocols import Batch, BatchFactory, LossSchedule, OwnObjective
from snellen.training.records import read_rows
from snellen.training.run_folder import RunFolder, checkpoint_place, environment

__all__ = [
    "Batch",
    "BatchFactory",
    "DamagedCheckpoint",
    "Examples",
    "Interrupted",
    "LossSchedule",
    "Outcome",
    "OwnObjective",
    "RunFolder",
    "TrainingOptions",
    "best_checkpoint",
    "checkpoint_place",
    "environment",
    "launch_fabric",
    "list_checkpoints",
    "load_weights",
    "on_first_process",
    "read_rows",
    "train",
]
