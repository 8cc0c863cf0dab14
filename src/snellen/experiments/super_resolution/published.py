"""Published numbers that a run is set beside, as fixed anchors: data, never a result of ours."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Anchor", "anchors"]

_POSTER = ("the poster", "Snell et al., arXiv 1511.06409")
_DONG = ("Dong et al.", "arXiv 1501.00092")


@dataclass(frozen=True)
class Anchor:
    """One published method on one set.

    Attributes:
        method: as the report calls it.
        by: who printed it. source: where.
        protocol: name of the protocol by which it was measured.
        scale: enlargement.
        pictures: name of the benchmark set.
        psnr: dB. ssim: mean SSIM. Both as printed.
    """

    method: str
    by: str
    source: str
    protocol: str
    scale: int
    pictures: str
    psnr: float
    ssim: float


def _table(protocol: str, source: tuple[str, str], method: str, rows: str) -> list[Anchor]:
    """Read lines of ``scale set psnr/ssim``."""
    read = []
    for line in rows.strip().splitlines():
        scale, name, numbers = line.split()
        psnr, ssim = map(float, numbers.split("/"))
        read.append(Anchor(method, *source, protocol, int(scale), name, psnr, ssim))
    return read


# The poster's MSE column is the released 9-5-5 model of Dong et al., trained on ImageNet with
# another budget than its MAE and MS-SSIM columns.
_ANCHORS = [
    *_table(
        "poster",
        _POSTER,
        "MSE: released SRCNN",
        """
        4 Set5 30.52/.8621
        4 Set14 27.53/.7512
        4 BSD200 26.87/.7378
        """,
    ),
    *_table(
        "poster",
        _POSTER,
        "MAE",
        """
        4 Set5 29.57/.8350
        4 Set14 26.82/.7310
        4 BSD200 26.47/.7220
        """,
    ),
    *_table(
        "poster",
        _POSTER,
        "MS-SSIM",
        """
        4 Set5 30.35/.8681
        4 Set14 27.47/.7610
        4 BSD200 26.84/.7484
        """,
    ),
    *_table(
        "standard",
        _DONG,
        "SRCNN 9-1-5, 91 images",
        """
        2 Set5 36.34/.9521
        2 Set14 32.18/.9039
        3 Set5 32.39/.9033
        3 Set14 29.00/.8145
        4 Set5 30.08/.8530
        4 Set14 27.20/.7413
        """,
    ),
    *_table(
        "standard",
        _DONG,
        "SRCNN 9-5-5, ImageNet",
        """
        2 Set5 36.66/.9542
        2 Set14 32.45/.9067
        3 Set5 32.75/.9090
        3 Set14 29.29/.8215
        4 Set5 30.48/.8628
        4 Set14 27.50/.7513
        4 BSD200 26.92/.7376
        """,
    ),
]


def anchors(scale: int, sets: Collection[str]) -> list[Anchor]:
    """The published numbers of that scale on those sets, in the order of their publication.

    >>> [anchor.ssim for anchor in anchors(4, ["BSD200"]) if anchor.protocol == "poster"]
    [0.7378, 0.722, 0.7484]
    >>> anchors(3, ["my photographs"])
    []
    """
    return [found for found in _ANCHORS if found.scale == scale and found.pictures in sets]
