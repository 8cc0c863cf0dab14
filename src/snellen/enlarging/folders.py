"""Which files are enlarged, and where each goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from snellen.enlarging.formats import FORMATS, Format, format_of
from snellen.errors import UserError
from snellen.files import shown
from snellen.images import UnreadableImage, read_header
from snellen.images.files import IMAGE_SUFFIXES
from snellen.images.folders import pictures_in

__all__ = ["Job", "find_jobs", "folder_beside"]

# Bytes that nearly all file systems allow a name, less what stands before it while it is written.
_LONGEST_NAME = 255 - len(".tmp-01234567-")


@dataclass(frozen=True)
class Job:
    """A picture to enlarge.

    Attributes:
        name: what it is called: its path inside the input folder, or as it was given.
        source: the file.
        target: where its enlargement goes; None when there is a problem.
        problem: why it cannot be enlarged; empty when nothing is known yet.
    """

    name: str
    source: Path
    target: Path | None
    problem: str = ""


def find_jobs(
    source: str | os.PathLike[str], out: str | os.PathLike[str] | None, scale: int
) -> list[Job]:
    """Return what there is to do, sorted by name.

    A folder is taken with all below it, and its structure is kept. A name keeps its suffix where
    the file is what its suffix says and that format can be written and holds the result, and ends
    in .png otherwise. Where that is the name of another, .png is put behind the whole name.

    Args:
        source: a picture or a folder.
        out: a file or a folder for a picture, a folder for a folder; what ends in a slash is a
            folder, there or not. None for a name beside `source` that ends in ``-x4``.
        scale: the factor of enlargement.

    Raises:
        UserError: an empty name, nothing at `source`, a folder without pictures, an output that is
            the input, or one of another kind or format.
    """
    if not os.fspath(source):
        raise UserError("the input is an empty name: name a picture or a folder.")
    if out is not None and not os.fspath(out):
        raise UserError("the output is an empty name: name a file or a folder, or leave it out.")
    path, to = Path(source), None if out is None else Path(out)
    into_folder = out is not None and os.fspath(out).endswith(os.sep)
    if not path.exists():
        raise UserError(f"there is no file or folder {shown(path)}: check the path.")
    if into_folder and to is not None and to.exists() and not to.is_dir():
        raise UserError(f"{shown(to)} is a file: name a folder, or leave the {os.sep} at its end.")
    if not path.is_dir():
        return [_job_of_file(path, to, into_folder, scale)]
    to = folder_beside(path, scale) if to is None else to
    if not into_folder and not to.exists() and to.suffix.lower() in IMAGE_SUFFIXES:
        raise UserError(
            f"{shown(to)} has the name of a picture, but {shown(path)} is a folder: name a folder"
            f" to go to, or put a {os.sep} at its end."
        )
    return _jobs_of_folder(path, to, scale)


def folder_beside(source: Path, scale: int) -> Path:
    """Where the enlargements of a folder go if nothing is said."""
    here = source.resolve()
    return here.with_name(f"{here.name}-x{scale}")


def _job_of_file(source: Path, out: Path | None, into_folder: bool, scale: int) -> Job:
    if out is None:
        target = source.with_name(f"{source.stem}-x{scale}{_suffix(source, scale)}")
        if len(os.fsencode(target.name)) > _LONGEST_NAME:
            raise UserError(
                f"{shown(target.name)} is too long for a name: give a shorter one after the input."
            )
    elif into_folder or out.is_dir():
        target = out / f"{source.stem}{_suffix(source, scale)}"
    else:
        target = out
        if format_of(out.suffix) is None:
            known = ", ".join(suffix for form in FORMATS for suffix in form.suffixes[:1])
            raise UserError(
                f"cannot tell from {shown(out)} what format to write: give a name that ends in"
                f" {known}, or a folder (with a {os.sep} at its end, if it is to be made)."
            )
    if target.exists() and target.samefile(source):
        raise UserError(f"the output {shown(target)} is the input: name another file.")
    return Job(shown(source), source, target)


def _jobs_of_folder(source: Path, out: Path, scale: int) -> list[Job]:
    if out.exists() and not out.is_dir():
        raise UserError(f"{shown(out)} is a file: a folder of pictures needs a folder to go to.")
    if out.resolve() == source.resolve():
        raise UserError(
            f"the output folder {shown(out)} is the input folder: name another, so that no original"
            " is overwritten."
        )
    names = sorted(pictures_in(source, without=[out]))
    inputs = {(source / name).resolve() for name in names}
    suffixes: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in names:
        try:
            suffixes[name] = _suffix(source / name, scale)
        except UnreadableImage as error:
            problems[name] = f"{error.reason}."
    targets = _targets(suffixes, out, problems)
    for name, target in targets.items():
        if target.resolve() in inputs:
            problems[name] = (
                f"its enlargement {shown(target)} would overwrite a picture of the input: name"
                " another folder to go to."
            )
    return [
        Job(
            name, source / name, None if name in problems else targets[name], problems.get(name, "")
        )
        for name in names
    ]


def _targets(suffixes: dict[str, str], out: Path, problems: dict[str, str]) -> dict[str, Path]:
    """Where each picture goes, by the suffix that it gets; fill `problems` with those nowhere."""
    wanted = {name: (out / name).with_suffix(suffix) for name, suffix in suffixes.items()}
    # Whoever keeps its name has it, whatever else would become the same.
    taken = {target: name for name, target in wanted.items() if target == out / name}
    targets: dict[str, Path] = {}
    for name, suffix in suffixes.items():
        choices = (wanted[name], out / f"{name}{suffix}")
        free = next((path for path in choices if taken.setdefault(path, name) == name), None)
        if free is not None:
            targets[name] = free
            continue
        problems[name] = (
            f"{' and '.join(taken[path] for path in choices)} have the names already that its"
            " enlargement could get: rename it."
        )
    return targets


def _suffix(source: Path, scale: int) -> str:
    """The suffix of the enlargement, by what is in the file.

    Raises:
        UnreadableImage: it is no picture.
    """
    header = read_header(source)
    form = next((f for f in FORMATS if f.name.upper() == header.format), None)
    height, width = scale * header.height, scale * header.width
    if form is None or not form.holds(height, width, header.mode == "RGBA"):
        return FORMATS[0].suffixes[0]
    return source.suffix if _is_named_so(source, form) else form.suffixes[0]


def _is_named_so(path: Path, form: Format) -> bool:
    return path.suffix.lower() in form.suffixes
