"""Looking after a study: is all well, a copy of its database, and forgetting who people are."""

from snellen.study.maintenance.backup import Backup, back_up
from snellen.study.maintenance.doctor import Finding, examine
from snellen.study.maintenance.purging import purge_identities

__all__ = ["Backup", "Finding", "back_up", "examine", "purge_identities"]
