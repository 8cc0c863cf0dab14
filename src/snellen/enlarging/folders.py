"""Which files are enlarged, and where each goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from snellen.enlarging.formats import FORMATS, Format, format_of
from snellen.errors import UserError
from snellen.files import shown
from snellen.images import UnreadableImage, read_header
from snellen.images.folders import pictures_in

__all__ = ["Job", "find_jobs"]


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


def find_jobs(source: Path, out: Path | None, scale: int) -> list[Job]:
    """Return what there is to do, sorted by name.

    A folder is taken with all below it, and its structure is kept. A name keeps its suffix where
    the file is what its suffix says and that format can be written and holds the result, and ends
    in .png otherwise.

    Args:
        source: a picture or a folder.
        out: a file or a folder for a picture, a folder for a folder; None for a name beside
            `source` that ends in ``-x4``.
        scale: the factor of enlargement.

    Raises:
        UserError: nothing at `source`, a folder without pictures, an output that is the input, or
            one of another kind or format.
    """
    if not source.exists():
        raise UserError(f"there is no file or folder {shown(source)}: check the path.")
    if source.is_dir():
        return _jobs_of_folder(source, out, scale)
    return [_job_of_file(source, out, scale)]


def _job_of_file(source: Path, out: Path | None, scale: int) -> Job:
    if out is None:
        target = source.with_name(f"{source.stem}-x{scale}{_suffix(source, scale)}")
    elif out.is_dir():
        target = out / f"{source.stem}{_suffix(source, scale)}"
    else:
        target = out
        if format_of(out.suffix) is None:
            known = ", ".join(suffix for form in FORMATS for suffix in form.suffixes[:1])
            raise UserError(
                f"cannot tell from {shown(out)} what format to write: give a name that ends in"
                f" {known}, or a folder that exists."
            )
    if target.exists() and target.samefile(source):
        raise UserError(f"the output {shown(target)} is the input: name another file.")
    return Job(shown(source), source, target)


def _jobs_of_folder(source: Path, out: Path | None, scale: int) -> list[Job]:
    if out is None:
        here = source.resolve()
        out = here.with_name(f"{here.name}-x{scale}")
    if out.exists() and not out.is_dir():
        raise UserError(f"{shown(out)} is a file: a folder of pictures needs a folder to go to.")
    if out.resolve() == source.resolve():
        raise UserError(
            f"the output folder {shown(out)} is the input folder: name another, so that no original"
            " is overwritten."
        )
    names = sorted(pictures_in(source, without=[out]))
    inputs = {(source / name).resolve() for name in names}
    jobs: list[Job] = []
    taken: dict[Path, str] = {}
    for name in names:
        try:
            target = (out / name).with_suffix(_suffix(source / name, scale))
        except UnreadableImage as error:
            jobs.append(Job(name, source / name, None, f"{error.reason}."))
            continue
        problem = ""
        if target.resolve() in inputs:
            problem = f"its enlargement {shown(target)} would overwrite a picture of the input."
        elif target in taken:
            problem = f"{taken[target]} has the same name in the output, {shown(target)}."
        taken.setdefault(target, name)
        jobs.append(Job(name, source / name, None if problem else target, problem))
    return jobs


def _suffix(source: Path, scale: int) -> str:
    """The suffix of the enlargement, by what is in the file.

    Raises:
        UnreadableImage: it is no picture.
    """
    header = read_header(source)
    form = next((f for f in FORMATS if f.name.upper() == header.format), None)
    if form is None or scale * max(header.height, header.width) > form.longest:
        return FORMATS[0].suffixes[0]
    return source.suffix if _is_named_so(source, form) else form.suffixes[0]


def _is_named_so(path: Path, form: Format) -> bool:
    return path.suffix.lower() in form.suffixes
