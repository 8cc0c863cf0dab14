"""Enlarging pictures: arrays, tensors, files and folders."""

from snellen.enlarging.arrays import upscale
from snellen.enlarging.folders import Job, find_jobs, folder_beside
from snellen.enlarging.methods import Enlarger, open_method
from snellen.enlarging.pictures import Outcome, enlarge_file
from snellen.enlarging.tiles import Watch

__all__ = [
    "Enlarger",
    "Job",
    "Outcome",
    "Watch",
    "enlarge_file",
    "find_jobs",
    "folder_beside",
    "open_method",
    "upscale",
]
