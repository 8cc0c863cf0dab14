"""What a study is made from: a study bundle, a run that has one, or folders paired by name."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images import IMAGE_SUFFIXES, is_image_name
from snellen.images.folders import kinds_in_words, unread_kinds
from snellen.study.config import MOST_MODELS
from snellen.study.pictures import ORIGINAL, PICTURES_FILE

__all__ = ["BUNDLE_FORMAT", "BUNDLE_KIND", "Found", "Source", "find_source"]

BUNDLE_KIND = "snellen-study-bundle"
BUNDLE_FORMAT = 1
_MANIFEST = "manifest.json"
_IN_RUN = "study-bundle"


@dataclass(frozen=True)
class Found:
    """One picture where it lies now.

    Attributes:
        name, source: as in `snellen.study.pictures.Picture`.
        files: for `ORIGINAL` and each model.
        sha256: of these files, where a manifest says them.
        size: (width, height, channels), where a manifest says it.
    """

    name: str
    source: str
    files: Mapping[str, Path]
    sha256: Mapping[str, str] | None = None
    size: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Source:
    """What there is to make a study from.

    Attributes:
        models: names, 2 to 6.
        pictures: at least one.
        provenance: what ``pictures.json`` says of it.
    """

    models: tuple[str, ...]
    pictures: tuple[Found, ...]
    provenance: Mapping[str, Any]


def find_source(bundle: str | os.PathLike[str], models: Sequence[str] | None = None) -> Source:
    """Find the pictures and pair them, without reading them.

    Args:
        bundle: a folder with a ``manifest.json`` (docs/study-bundle.md), the folder of a run that
            has one in ``study-bundle/``, or a folder ``original/ modelA/ modelB/ …`` in which
            pictures of the same name, whatever their suffix, belong together.
        models: which models, in this order; all when None.

    Raises:
        UserError: there is none of these, or its pictures do not belong together.
    """
    folder = Path(bundle)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UserError(
            f"{shown(folder)} {what}: name a run's folder, a study bundle, or a folder that holds "
            "original/ and a folder for each model."
        )
    for place in (folder, folder / _IN_RUN):
        if (manifest := _manifest(place)) is not None:
            return _from_bundle(place, *manifest, models)
    if (folder / PICTURES_FILE).exists():
        raise UserError(
            f"{shown(folder)} is a study already: `snellen study serve {shown(folder)}` shows it."
        )
    if not _has_original(folder):
        raise UserError(_no_pictures(folder))
    return _from_folders(folder, models)


def _has_original(folder: Path) -> bool:
    return (folder / ORIGINAL).is_dir() and ORIGINAL in os.listdir(folder)


def _no_pictures(folder: Path) -> str:
    here = shown(folder)
    if all((folder / name).is_file() for name in ("config.yaml", "environment.json")):
        return (
            f"the run in {here} has no {_IN_RUN}/, which a reconstruct or superres run writes at "
            "its end: let it end (--resume), or name another run."
        )
    there = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if (folder / _IN_RUN).is_dir():
        return (
            f"{shown(folder / _IN_RUN)} holds no {_MANIFEST} of a study bundle: let the run write "
            "it again (--resume)."
        )
    hint = f" (it holds {_some(there)})" if there else ""
    return (
        f"{here} holds no folder {ORIGINAL}/{hint}: put the originals into {ORIGINAL}/ and what "
        "each model made of them, under the same names, into a folder of its own beside it."
    )


# A study bundle


def _manifest(folder: Path) -> tuple[dict[str, Any], str] | None:
    """What a bundle's manifest says and its SHA-256; None where there is no bundle."""
    place = folder / _MANIFEST
    try:
        data = place.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
    try:
        values = json.loads(data)
    except ValueError as error:
        # Paired by name instead, pictures would lose their photographs and their sums unnoticed.
        way = "or take that file away, to pair pictures by name" if _has_original(folder) else ""
        raise UserError(
            f"{shown(place)} is not JSON ({error}): write the bundle anew{', ' * bool(way)}{way}."
        ) from error
    if not isinstance(values, dict) or values.get("kind") != BUNDLE_KIND:
        return None
    if values.get("format") != BUNDLE_FORMAT:
        raise UserError(
            f"{shown(place)} has format {values.get('format')!r}, this snellen reads "
            f"{BUNDLE_FORMAT}: use the version that wrote it."
        )
    return values, hashlib.sha256(data).hexdigest()


def _from_bundle(
    folder: Path, manifest: Mapping[str, Any], digest: str, models: Sequence[str] | None
) -> Source:
    place = folder / _MANIFEST
    try:
        size = (int(manifest["width"]), int(manifest["height"]), int(manifest["channels"]))
        folders = {ORIGINAL: str(manifest["original"]["folder"])}
        names = [str(entry["name"]) for entry in manifest["conditions"]]
        spelled = [str(entry["folder"]) for entry in manifest["conditions"]]
        entries = [
            (str(e["file"]), _text(str(e["name"])), _text(str(e["source"])), dict(e["sha256"]))
            for e in manifest["pictures"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{shown(place)} is damaged ({shown(reason)}): let the run write its bundle again."
        ) from error
    _check_models(folder, names)
    _refuse_twice([name for _, name, _, _ in entries], f"{shown(place)}: the picture")
    _refuse_twice([file for file, _, _, _ in entries], f"{shown(place)}: the file")
    chosen = _choose(folder, names, models)
    folders.update({name: spelled[names.index(name)] for name in chosen})
    for part in (*folders.values(), *(file for file, _, _, _ in entries)):
        if part in ("", ".", "..") or set(part) & set("/\\\0"):
            raise UserError(f"{shown(place)} names {part!r}, which is no plain name: mend it.")
    if not entries:
        raise UserError(f"{shown(place)} lists no picture: let the run write its bundle again.")
    for name, where in folders.items():
        _compare(folder / where, {file for file, _, _, _ in entries}, name)
    pictures = []
    for file, name, source, sums in entries:
        files = {model: folder / where / file for model, where in folders.items()}
        if missing := [where for where in folders.values() if where not in sums]:
            raise UserError(f"{shown(place)}: {file} has no sha256 for {missing[0]!r}: mend it.")
        sha256 = {model: str(sums[where]) for model, where in folders.items()}
        pictures.append(Found(name, source, files, sha256, size))
    run = manifest.get("run", {})
    provenance = {
        "kind": "study bundle",
        "bundle": _last_names(folder),
        "manifest_sha256": digest,
        # What reports say of it.
        **{key: run[key] for key in ("command", "commit") if isinstance(run, dict) and key in run},
        "run": run,
    }
    return Source(chosen, tuple(pictures), provenance)


def _compare(folder: Path, wanted: set[str], model: str) -> None:
    """The folder of a bundle holds the files of the manifest and no other picture."""
    _look_into(folder)
    there = {name for name in os.listdir(folder) if is_image_name(name) or name in wanted}
    if missing := sorted(wanted - there):
        raise UserError(
            f"{len(missing)} of the bundle's {len(wanted)} pictures are missing in "
            f"{shown(folder)}: {_some(missing)}. Let the run write its bundle again."
        )
    if extra := sorted(there - wanted):
        raise UserError(
            f"{shown(folder)} holds {_some(extra)}, which {_MANIFEST} does not list: take "
            f"{'it' if len(extra) == 1 else 'them'} away, or list what {model!r} made."
        )
    for name in sorted(wanted):
        _refuse_other_than_file(folder / name)


# Folders paired by name


def _from_folders(folder: Path, models: Sequence[str] | None) -> Source:
    there = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    names = sorted((p.name for p in there if p.name != ORIGINAL), key=lambda n: (n.casefold(), n))
    _check_models(folder, names)
    chosen = _choose(folder, names, models)
    found = {name: _by_stem(folder / name) for name in (ORIGINAL, *chosen)}
    originals = found[ORIGINAL]
    for model in chosen:
        missing = sorted(originals.keys() - found[model].keys())
        extra = sorted(found[model].keys() - originals.keys())
        if missing:
            # The nearest of what has no original: a slip of the pen, or other capitals.
            same = [stem for stem in extra if stem.casefold() == missing[0].casefold()]
            hint = (
                f" It holds '{shown(same[0])}': capitals make a difference."
                if same
                else nearest(missing[0], extra).replace("Did you mean", "Is it")
            )
            raise UserError(
                f"{shown(folder / model)} lacks {len(missing)} of the {len(originals)} pictures in "
                f"{ORIGINAL}/: {_some(missing)}.{hint} Every folder needs the same names; only the "
                "suffix may differ."
            )
        if extra:
            raise UserError(
                f"{shown(folder / model)} holds {len(extra)} without an original: {_some(extra)}. "
                f"Add the original, or take {'it' if len(extra) == 1 else 'them'} away."
            )
    stems = sorted(originals, key=lambda stem: (stem.casefold(), stem))
    pictures = tuple(
        Found(stem, stem, {name: found[name][stem] for name in (ORIGINAL, *chosen)})
        for stem in stems
    )
    return Source(chosen, pictures, {"kind": "folders", "bundle": _last_names(folder)})


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by name without suffix."""
    _look_into(folder)
    found: dict[str, Path] = {}
    capitals: dict[str, str] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            raise UserError(
                f"{shown(entry)} is a folder in a model's folder: put all pictures of a model side "
                "by side into one folder."
            )
        if not is_image_name(entry.name):
            continue
        _refuse_other_than_file(entry)
        # A Mac spells é as e and an accent, others as one letter.
        stem = unicodedata.normalize("NFC", _text(entry.stem))
        if (other := capitals.get(stem.casefold())) is not None:
            why = (
                "pictures are paired by name without suffix"
                if stem in found
                else "many disks cannot keep names apart that differ by capitals only"
            )
            raise UserError(
                f"{shown(folder)} holds both {shown(other)} and {shown(entry.name)}, and {why}: "
                "rename one, or take it away."
            )
        capitals[stem.casefold()] = entry.name
        found[stem] = entry
    if kinds := unread_kinds(folder):
        raise UserError(
            f"{shown(folder)} holds pictures that cannot be read ({kinds_in_words(kinds)}): save "
            "them as PNG."
        )
    if not found:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise UserError(f"there is no picture in {shown(folder)}: need files named {suffixes}.")
    return found


# What both share


def _check_models(folder: Path, names: Sequence[str]) -> None:
    if not names:
        raise UserError(
            f"{shown(folder)} holds no model beside {ORIGINAL}/: add a folder for each, with "
            "pictures of the same names; 2 are needed to be ranked."
        )
    _refuse_twice(names, f"{shown(folder)}: the model")
    for name in names:
        if name.casefold() == ORIGINAL:
            raise UserError(
                f"{shown(folder)}: a model is named {name!r}, which the originals are called: "
                "rename it."
            )
        why = (
            f"has {len(name)} letters, 200 at most can stand in tables"
            if len(name) > 200
            else "begins or ends with a space"
            if name != name.strip()
            else "holds what cannot be printed"
            if shown(name) != name
            else ""
        )
        if why:
            raise UserError(f"{shown(folder)}: the model '{shown(name)[:80]}' {why}: rename it.")


def _choose(folder: Path, names: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    if wanted is not None:
        for name in wanted:
            if name not in names:
                raise UserError(
                    f"{shown(folder)} has no model {name!r}.{nearest(name, names)} It has "
                    f"{', '.join(names)}."
                )
        _refuse_twice(wanted, "--models: the model")
    chosen = tuple(names if wanted is None else wanted)
    if not chosen:
        raise UserError(
            f"--models names no model: 2 to {MOST_MODELS} are needed; there are {', '.join(names)}."
        )
    if len(chosen) < 2:
        told = "--models names" if wanted is not None else f"{shown(folder)} has"
        raise UserError(
            f"{told} one model, {', '.join(chosen)!r}: 2 to {MOST_MODELS} are needed, for people "
            "to rank them."
        )
    if len(chosen) > MOST_MODELS:
        raise UserError(
            f"there are {len(chosen)} models, and people can rank 2 to {MOST_MODELS}: choose with "
            f"--models {','.join(chosen[:3])}; there are {', '.join(chosen)}."
        )
    return chosen


def _refuse_twice(names: Sequence[str], what: str) -> None:
    met: dict[str, str] = {}
    for name in names:
        # An accent may be a letter's own or stand behind it: both look the same.
        key = unicodedata.normalize("NFC", name.casefold())
        if (other := met.get(key)) is not None:
            alike = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
            how = (
                "is named twice"
                if name == other
                else f"and {shown(other)!r} look the same"
                if alike
                else f"and {shown(other)!r} differ by capitals only"
            )
            raise UserError(f"{what} {shown(name)!r} {how}: give each a name of its own.")
        met[key] = name


def _look_into(folder: Path) -> None:
    """Refuse a model's folder that is missing, a link, or closed to us."""
    if folder.is_symlink():
        raise UserError(f"{shown(folder)} is a link: put the folder itself there (`cp -rL`).")
    if not folder.is_dir():
        raise UserError(f"the folder {shown(folder)} is missing: restore it.")
    try:
        os.listdir(folder)
    except OSError as error:
        raise UserError(f"cannot look into {shown(folder)}: {error.strerror}.") from error


def _refuse_other_than_file(place: Path) -> None:
    mode = place.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise UserError(f"{shown(place)} is a link: put the file itself there (`cp -L`).")
    if not stat.S_ISREG(mode):
        raise UserError(f"{shown(place)} is no plain file: a picture is needed.")


def _some(names: Sequence[str]) -> str:
    """Say the first three.

    >>> _some(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    told = ", ".join(f"'{shown(name)}'" for name in names[:3])
    return f"{told} and {len(names) - 3} more" if len(names) > 3 else told


def _last_names(folder: Path) -> str:
    """The last two parts of a path: whose bundle it is, without where this machine keeps it."""
    return _text("/".join(folder.absolute().parts[-2:]).lstrip("/"))


def _text(name: str) -> str:
    """A file name may hold bytes that are no text; JSON and exports cannot."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
