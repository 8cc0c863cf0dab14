"""The data dictionary of an export: every column of every table, its type, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["TABLES", "Column", "Table", "dictionary_as_json", "dictionary_as_markdown"]

Type = Literal["text", "whole number", "number", "0 or 1", "date"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: as in the first line of the file.
        type: what stands in its cells; a cell is empty where the value is not known.
        meaning: for people.
        unit: of a number, if it has one.
        values: all that may stand there, if they are few.
    """

    name: str
    type: Type
    meaning: str
    unit: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One CSV file.

    Attributes:
        file: its name.
        row: what a row is.
        columns: in the order of the file.
    """

    file: str
    row: str
    columns: tuple[Column, ...]


_EVERYWHERE = (
    Column("study", "text", "SHA-256 of what was asked and shown: the same in all rows."),
    Column(
        "simulated", "0 or 1", "1: given by observers of `snellen study simulate`, not by people."
    ),
)
_PARTICIPANT = Column("participant", "text", "P0001, P0002, … in the order of consent; no name.")
_COMPLETED = Column("completed", "0 or 1", "Whether the participant has answered every trial.")
_PICTURE = Column("picture", "text", "The picture's name, as in pictures.csv.")
_SOURCE = Column(
    "source",
    "text",
    "The photograph that the picture was cut from. Pictures that share one are not independent.",
)

_TRIAL = (
    Column("trial", "whole number", "Its place in the participant's session, from 0."),
    Column(
        "kind",
        "text",
        "Only main trials are the study's rankings. repeat: a main trial of the same participant"
        " and picture, a second time. catch: the original stood in the place of one model."
        " training: to practise.",
        values=("main", "repeat", "catch", "training"),
    ),
    _PICTURE,
    _SOURCE,
)

_TIMES = (
    Column("seconds", "number", "From the pictures' appearance to the answer.", "s"),
    Column("first_seconds", "number", "From the pictures' appearance to the first action.", "s"),
)

_ENVIRONMENT = (
    Column("window_width", "number", "Of the browser's window.", "CSS pixel"),
    Column("window_height", "number", "Likewise.", "CSS pixel"),
    Column("pixel_ratio", "number", "Device pixels in a CSS pixel, the browser's zoom included."),
    Column(
        "magnify", "number", "A picture's pixel was so many device pixels wide and high.", "pixel"
    ),
    Column("exact", "0 or 1", "Whether pictures lay on whole device pixels, unsmoothed."),
    Column("zoom", "number", "The browser's zoom, 1 is 100 %, as far as a page can tell."),
    Column("pinch", "number", "Enlargement by two fingers; 1 is none."),
    Column("blurs", "whole number", "How often the window lost the focus during the trial."),
    Column("hidden_ms", "number", "For how long the page was hidden during the trial.", "ms"),
    Column("resizes", "whole number", "How often the window changed its size during the trial."),
    Column("input", "text", "What was used last: mouse, touch, pen, keyboard; empty: not known."),
)

TABLES = (
    Table(
        "rankings.csv",
        "One model in one answered trial of one participant; a trial has as many rows as pictures"
        " were ranked.",
        (
            *_EVERYWHERE,
            _PARTICIPANT,
            _COMPLETED,
            *_TRIAL,
            Column(
                "model", "text", "Who made the picture; in catch trials also `original`, itself."
            ),
            Column("place", "whole number", "Where it stood on the screen; 1 is the left end."),
            Column(
                "rank",
                "whole number",
                "As it was given: 1 is closest to the original. Equal numbers are ties; the next"
                " rank follows without a gap.",
            ),
            Column(
                "midrank",
                "number",
                "The same with ties shared evenly: two that tie for the first place have 1.5 each."
                " The ranks of a trial with M pictures sum to M(M + 1)/2.",
            ),
            *_TIMES,
            *_ENVIRONMENT,
        ),
    ),
    Table(
        "pairs.csv",
        "Two models as one participant ranked them, over the main trials. Sums over participants"
        " are the study's; pairs of one ranking are not independent, so do not fit models for"
        " single comparisons to them: rankings.csv is for that.",
        (
            *_EVERYWHERE,
            _PARTICIPANT,
            _COMPLETED,
            Column("model_a", "text", "A model; study.yaml names it before model_b."),
            Column("model_b", "text", "Another model."),
            Column("rankings", "whole number", "Main trials in which both were ranked."),
            Column("a_better", "whole number", "In how many model_a had the better rank."),
            Column("b_better", "whole number", "In how many model_b had."),
            Column("equal", "whole number", "In how many they shared a rank."),
        ),
    ),
    Table(
        "participants.csv",
        "One participant who has consented and has not withdrawn. Platforms' ids, names, addresses"
        " and tokens are never exported.",
        (
            *_EVERYWHERE,
            _PARTICIPANT,
            Column(
                "state",
                "text",
                "expired: left, and the place may have been given to another.",
                values=("active", "completed", "expired"),
            ),
            _COMPLETED,
            Column("plan", "whole number", "Which session of the plan was shown, from 0."),
            Column("started", "date", "Day of the consent, UTC; the time of day is not exported."),
            Column("minutes", "number", "From the consent to the last answer.", "min"),
            Column("trials", "whole number", "Of the session, all kinds together."),
            Column("answered", "whole number", "How many of them are answered."),
            Column("catch_seen", "whole number", "Answered catch trials."),
            Column(
                "catch_failed",
                "whole number",
                "Those in which the original alone was not ranked first.",
            ),
            Column(
                "median_seconds",
                "number",
                "From the pictures' appearance to the answer, over main and repeated trials.",
                "s",
            ),
            Column(
                "retest",
                "number",
                "Mean Kendall's tau-b between the two answers of a repeated trial, -1 to 1.",
            ),
            Column(
                "excluded", "0 or 1", "Whether the rule of study.yaml leaves this participant out."
            ),
            Column("reasons", "text", "Why, in words."),
            Column("screen_width", "number", "Of the screen, at the screen check.", "CSS pixel"),
            Column("screen_height", "number", "Likewise.", "CSS pixel"),
            Column("pixel_ratio", "number", "Device pixels in a CSS pixel, at the screen check."),
        ),
    ),
    Table(
        "pictures.csv",
        "One picture of the study.",
        (
            *_EVERYWHERE,
            _PICTURE,
            _SOURCE,
            Column(
                "width", "whole number", "Of the original and of all that models made.", "pixel"
            ),
            Column("height", "whole number", "Likewise.", "pixel"),
            Column("channels", "whole number", "1: gray, 3: RGB.", values=("1", "3")),
            Column("used", "0 or 1", "Whether study.yaml selects it."),
            Column("rankings", "whole number", "Answered main trials that showed it."),
            Column("sha256", "text", "Of the original's PNG file, in hexadecimal digits."),
        ),
    ),
)

_RULES = (
    "UTF-8, commas, one line of names first. A cell is empty where the value is not known.",
    "In CSV files, a text that a spreadsheet would take for a formula (=, +, -, @) begins with '.",
    "Participants who have withdrawn are in no table: their answers are deleted.",
)

_OTHERS = (
    (
        "rankings.json",
        "rankings.csv with one entry for a trial instead of a row for a model; all of environment.",
    ),
    ("study.yaml", "What was asked, of whom and how; Prolific's codes are left out."),
    ("dictionary.json", "This dictionary, for programs."),
    ("dictionary.md", "This dictionary, for people."),
)


def dictionary_as_json() -> dict[str, Any]:
    """Return the dictionary as ``dictionary.json`` holds it."""
    return {
        "format": 1,
        "rules": list(_RULES),
        "files": dict(_OTHERS),
        "tables": {
            table.file: {
                "row": table.row,
                "columns": [
                    {
                        "name": column.name,
                        "type": column.type,
                        **({"unit": column.unit} if column.unit else {}),
                        **({"values": list(column.values)} if column.values else {}),
                        "meaning": column.meaning,
                    }
                    for column in table.columns
                ],
            }
            for table in TABLES
        },
    }


def dictionary_as_markdown() -> str:
    """Return the dictionary as ``dictionary.md`` holds it."""
    lines = ["# Data dictionary", "", *(f"- {rule}" for rule in _RULES), ""]
    for table in TABLES:
        lines += [f"## {table.file}", "", table.row, ""]
        lines += ["| column | type | unit | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            values = f" One of {', '.join(column.values)}." if column.values else ""
            lines.append(
                f"| `{column.name}` | {column.type} | {column.unit} | {column.meaning}{values} |"
            )
        lines.append("")
    lines += ["## Other files", ""]
    lines += [f"- `{name}`: {what}" for name, what in _OTHERS]
    return "\n".join(lines) + "\n"
