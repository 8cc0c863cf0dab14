"""The pictures as participants get them.

All versions of a picture, the original's and every model's, are made ready together and in the same
order, whichever is asked for: how long a reply takes tells nothing of the model.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from snellen.errors import UserError
from snellen.files import shown
from snellen.study.pictures import ORIGINAL
from snellen.study.server.png import decode_png, encode_png

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["Versions", "prepare"]


def prepare(study: Study, picture: int) -> dict[int, bytes]:
    """Make all versions of a picture ready to be sent.

    Args:
        study: whose it is.
        picture: its place in ``pictures.json``.

    Returns:
        PNG of each model, by its place in ``study.yaml``; of the original, by -1. All have the same
        length.

    Raises:
        UserError: a file cannot be read or was changed since the study was made.
    """
    known = study.pictures.pictures[picture]
    shape = (known.height, known.width)
    found = {}
    for place, name in enumerate((ORIGINAL, *study.config.models), start=-1):
        data = study.picture_bytes(picture, name)
        file = shown(study.path / known.files[name])
        try:
            pixels = decode_png(data, known.channels)
        except UserError as error:
            raise UserError(f"{file}: {error}") from error
        if pixels.shape[:2] != shape:
            raise UserError(
                f"{file} is {pixels.shape[1]}×{pixels.shape[0]}, not {known.width}×{known.height}."
            )
        found[place] = encode_png(pixels)
    return found


class Versions:
    """Pictures that are ready to be sent, those last asked for.

    Args:
        study: whose they are.
        most_bytes: that are kept; one picture is in any case.
    """

    def __init__(self, study: Study, most_bytes: int) -> None:
        self._study = study
        self._most_bytes = most_bytes
        self._bytes = 0
        self._ready: OrderedDict[int, Mapping[int, bytes]] = OrderedDict()
        self._coming: dict[int, asyncio.Task[Mapping[int, bytes]]] = {}

    async def get(self, picture: int, model: int) -> bytes:
        """One version as PNG; -1 is the original.

        Raises:
            UserError: see `prepare`.
        """
        ready = self._ready.get(picture)
        if ready is None:
            ready = await self._all(picture)
        else:
            self._ready.move_to_end(picture)
        return ready[model]

    async def _all(self, picture: int) -> Mapping[int, bytes]:
        coming = self._coming.get(picture)
        if coming is None:
            coming = asyncio.create_task(self._prepare(picture))
            self._coming[picture] = coming
            coming.add_done_callback(lambda done: self._keep(picture, done))
        # Whoever hangs up must not stop what others wait for.
        return await asyncio.shield(coming)

    async def _prepare(self, picture: int) -> Mapping[int, bytes]:
        return await asyncio.to_thread(prepare, self._study, picture)

    def _keep(self, picture: int, done: asyncio.Task[Mapping[int, bytes]]) -> None:
        del self._coming[picture]
        if done.cancelled() or done.exception() is not None:
            return
        ready = done.result()
        self._ready[picture] = ready
        self._bytes += _size(ready)
        while self._bytes > self._most_bytes and len(self._ready) > 1:
            _, gone = self._ready.popitem(last=False)
            self._bytes -= _size(gone)


def _size(versions: Mapping[int, bytes]) -> int:
    return sum(map(len, versions.values()))
