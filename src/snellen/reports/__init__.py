"""Reports: one HTML file that opens anywhere, offline, and says first what was found."""

from snellen.reports.crops import ShownSet
from snellen.reports.generation import GenerationInput
from snellen.reports.html import ReportInput, write_reconstruction_report
from snellen.reports.representation import (
    CodeMap,
    Neighbours,
    RepresentationReport,
    write_representation_report,
)
from snellen.reports.study import RankedPicture, StudyReport, write_study_report
from snellen.reports.super_resolution import SuperResolutionReport, write_super_resolution_report

__all__ = [
    "CodeMap",
    "GenerationInput",
    "Neighbours",
    "RankedPicture",
    "ReportInput",
    "RepresentationReport",
    "ShownSet",
    "StudyReport",
    "SuperResolutionReport",
    "write_reconstruction_report",
    "write_representation_report",
    "write_study_report",
    "write_super_resolution_report",
]
