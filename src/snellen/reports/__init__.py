"""Reports: one HTML file that opens anywhere, offline, and says first what was found."""

from snellen.reports.html import ReportInput, write_reconstruction_report

__all__ = ["ReportInput", "write_reconstruction_report"]
