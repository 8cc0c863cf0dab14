"""Codes of whole sets of pictures, and the file that they are kept in."""

from __future__ import annotations

import csv
import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from snellen import __version__
from snellen.datasets import Pictures, Skipped, summarise_skipped
from snellen.datasets.batches import processors
from snellen.datasets.pictures import read_undamaged
from snellen.errors import UserError
from snellen.experiments.picture_input import fit_pixels
from snellen.experiments.trained import BATCH, Trained
from snellen.files import atomic_path, shown, spreadsheet_cell
from snellen.images import UnreadableImage

__all__ = ["Codes", "embed", "refuse_other_file", "table_begins", "write_codes", "write_table"]

_ARRAYS = ("codes", "names", "loss", "seed", "size", "snellen")
_AGAIN = "then type the same again"


@dataclass(frozen=True)
class Codes:
    """What `embed` found.

    Attributes:
        codes: (N, code_size), float32.
        names: of the N pictures, in their order.
        skipped: what was left out, damaged or too small.
    """

    codes: NDArray[np.float32]
    names: list[str]
    skipped: list[Skipped]


def embed(
    trained: Trained,
    pictures: Pictures,
    *,
    batch_size: int = BATCH,
    step: Callable[[int], None] = lambda _: None,
) -> Codes:
    """Return the code of every picture of a set, reading ahead in threads.

    Of the pictures, three batches at their small size are in memory at most, whatever their number.

    Args:
        trained: from `load`.
        pictures: opened with the channels and at least the size of `trained`.
        batch_size: how many pictures the network sees at a time.
        step: told how many pictures more were looked at.

    Raises:
        UserError: none of them can be used, or one cannot be read though it is not known to be
            damaged.

    >>> from snellen.datasets import open_pictures
    >>> from snellen.networks import build_network
    >>> network = build_network(
    ...     "conv-autoencoder", size=16, channels=1, code_size=5, widths=(4,)).eval()
    >>> trained = Trained(network, "reconstruction", "mse", 0, {}, size=16, channels=1,
    ...                   code_size=5, whole=False, device=torch.device("cpu"))
    >>> found = embed(trained, open_pictures("builtin", min_side=16))
    >>> found.codes.shape, found.names[0]
    ((19, 5), 'astronaut')
    """
    codes = np.empty((len(pictures), trained.code_size), np.float32)
    names: list[str] = []
    with closing(_ready(trained, pictures, 2 * batch_size, step)) as ready:
        while batch := list(islice(ready, batch_size)):
            pixels = torch.from_numpy(np.stack([each for _, each in batch])).float() / 255
            codes[len(names) : len(names) + len(batch)] = trained.encode(pixels, batch_size)
            names += [name for name, _ in batch]
    if not names:
        raise UserError(
            f"no usable picture in {shown(pictures.spec)}: {summarise_skipped(pictures.skipped)}."
        )
    return Codes(codes[: len(names)], names, pictures.skipped)


def _ready(
    trained: Trained, pictures: Pictures, ahead: int, step: Callable[[int], None]
) -> Generator[tuple[str, NDArray[np.uint8]], None, None]:
    """Yield names and pixels (C, S, S) of the pictures in order, without the damaged ones."""

    def read(index: int) -> NDArray[np.uint8] | None:
        try:
            pixels = read_undamaged(pictures, index)
        except UnreadableImage:  # from now on among the skipped
            return None
        size, channels = trained.size, trained.channels
        return fit_pixels(
            pixels,
            size=size,
            channels=channels,
            whole=trained.whole,
            gamma=trained.gamma,
        )

    pool = ThreadPoolExecutor(min(4, processors()), thread_name_prefix="embed")
    waiting: deque[Future[NDArray[np.uint8] | None]] = deque()
    try:
        for index in range(len(pictures)):
            while len(waiting) < ahead and index + len(waiting) < len(pictures):
                waiting.append(pool.submit(read, index + len(waiting)))
            pixels = waiting.popleft().result()
            step(1)
            if pixels is not None:
                yield pictures.name(index), pixels
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def refuse_other_file(path: str | os.PathLike[str]) -> None:
    """Refuse a place for codes that something else has taken; older codes are replaced.

    Raises:
        UserError: no .npz, a folder, or a file that `write_codes` has not written.
    """
    place, name = Path(path), shown(path)
    if place.suffix != ".npz":
        raise UserError(f"--out {name} must end in .npz, as NumPy's archives do.")
    if place.is_dir():
        raise UserError(f"--out {name} is a folder: name a file.")
    if place.is_file() and not _is_ours(place):
        raise UserError(
            f"--out {name} exists and holds no codes that this command wrote: name another file, or"
            " remove it."
        )


def _is_ours(path: Path) -> bool:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return set(archive.files) >= set(_ARRAYS)
    except Exception:  # no zip, a damaged one, or one that cannot be read
        return False


def write_codes(path: str | os.PathLike[str], found: Codes, trained: Trained) -> None:
    """Write codes as an .npz, whole or not at all; `np.load` needs no pickle for it.

    It holds ``codes`` (N, code_size) float32, ``names`` (N,) texts, and, of one value each,
    ``loss``, ``seed``, ``size``, ``split``, ``code`` or ``fold`` where the training has them, and
    the version of ``snellen``.

    Raises:
        UserError: the place cannot be written.
    """
    arrays = {
        "codes": found.codes,
        "names": np.array(found.names, np.str_),
        "loss": np.array(trained.loss),
        "seed": np.array(trained.seed),
        "size": np.array(trained.size),
        **{tag: np.array(value) for tag, value in trained.tags.items()},
        "snellen": np.array(__version__),
    }
    with atomic_path(path, again=_AGAIN) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def table_begins(code_size: int) -> str:
    """The first line of every table of codes of this size.

    >>> table_begins(3)
    'name,c0,c1,c2'
    """
    return ",".join(["name", *(f"c{k}" for k in range(code_size))])


def write_table(path: str | os.PathLike[str], found: Codes) -> None:
    """Write codes as CSV, a row for each picture; nine digits give every float32 back.

    Raises:
        UserError: the place cannot be written.
    """
    with (
        atomic_path(path, again=_AGAIN) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        file.write(f"{table_begins(found.codes.shape[1])}\n")
        rows = csv.writer(file, lineterminator="\n")
        for name, code in zip(found.names, found.codes, strict=True):
            rows.writerow([spreadsheet_cell(shown(name)), *(f"{value:.9g}" for value in code)])
