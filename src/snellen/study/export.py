"""What others may have of a study: tables, a dictionary of their columns, no secret and no id."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from snellen.errors import UserError
from snellen.files import SAME_COMMAND, atomic_folder, atomic_write, shown, spreadsheet_cell
from snellen.study.config import Prolific
from snellen.study.dictionary import TABLES, dictionary_as_json, dictionary_as_markdown
from snellen.study.export_tables import ExportData, read_export, rows_of
from snellen.study.folder import CONFIG_FILE, Study
from snellen.study.interim import look_at_result
from snellen.study.pictures import ORIGINAL
from snellen.study.store.opening import reading
from snellen.study.version import snellen_version

__all__ = ["export_files", "export_study", "export_zip"]

_WITHHELD = "not-exported"
_FOLDER = "study-export"  # in the archive


def export_study(study: Study, out: str | os.PathLike[str], *, unlock_result: bool = False) -> Path:
    """Write the export into a new folder, whole or not at all.

    That the result was looked at is noted in the study.

    Args:
        study: whose answers; it may be served at the same time.
        out: the new folder.
        unlock_result: whether to look though the study is not closed; that is noted for ever.

    Returns:
        The folder.

    Raises:
        UserError: the study is not closed nor unlocked, `out` exists or cannot be written, or the
            database is none of this study.
    """
    target = Path(out)
    if os.path.lexists(target):
        raise UserError(f"{shown(target)} exists: name a new folder for the export.")
    look_at_result(
        study,
        "export",
        unlock_result=unlock_result,
        command="snellen study export",
        now=time.time(),
    )
    files = export_files(study)
    with atomic_folder(target, again=SAME_COMMAND) as temporary:
        for name, data in files.items():
            atomic_write(temporary / name, data)
    return target


def export_zip(study: Study) -> bytes:
    """Return the export as a ZIP archive; whether it may be seen is for the caller to check.

    Raises:
        UserError: the database is missing, another program's or of another version.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in export_files(study).items():
            archive.writestr(zipfile.ZipInfo(f"{_FOLDER}/{name}"), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def export_files(study: Study) -> dict[str, bytes]:
    """Return the files of the export by name; whether they may be seen is for the caller to check.

    Raises:
        UserError: the database is missing, another program's or of another version.
    """
    with reading(study.database) as connection:
        data = read_export(connection, study)
    rows = rows_of(data, study)
    files = {
        table.file: _csv([column.name for column in table.columns], rows[table.file])
        for table in TABLES
    }
    files["rankings.json"] = _json(_rankings(data, study))
    files["dictionary.json"] = _json(dictionary_as_json())
    files["dictionary.md"] = dictionary_as_markdown().encode()
    files["study.yaml"] = _config(study).encode()
    return files


def _config(study: Study) -> str:
    """What ``study.yaml`` says, without the codes for which a platform pays."""
    text = (study.path / CONFIG_FILE).read_text(encoding="utf-8")
    platform = study.config.platform
    if isinstance(platform, Prolific):
        for code in {platform.completed, platform.no_consent, platform.screened_out}:
            text = re.sub(rf"(?<![\w-]){re.escape(code)}(?![\w-])", _WITHHELD, text)
    return text


def _rankings(data: ExportData, study: Study) -> dict[str, Any]:
    models = study.config.models
    return {
        "format": 1,
        "kind": "snellen-study-rankings",
        "study": study.digest,
        "title": study.config.title,
        "simulated": data.simulated,
        "state": data.state,
        "unlocked_before_closing": data.unlocked,
        "snellen": snellen_version(),
        "models": list(models),
        "trials": [
            {
                "participant": trial.participant,
                "completed": trial.completed,
                "trial": trial.number,
                "kind": trial.kind,
                "picture": study.picture(trial.picture).name,
                "source": study.picture(trial.picture).source,
                "shown": [ORIGINAL if k == -1 else models[k] for k in trial.shown],
                "ranks": list(trial.ranks),
                "seconds": trial.seconds,
                "first_seconds": trial.first_seconds,
                "environment": dict(trial.environment),
            }
            for trial in data.trials
        ],
    }


def _json(values: Any) -> bytes:
    return json.dumps(values, indent=1, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _csv(columns: list[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A table as UTF-8; a row with other columns is a mistake of ours."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return spreadsheet_cell(value)
    return int(value) if isinstance(value, bool) else value
