"""What every autoencoder checks: the sizes it is built with, the pictures and codes it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from snellen.errors import UserError

__all__ = ["Sizes", "check_code", "check_pictures", "check_sizes"]


class Sizes(Protocol):
    """The sizes that pictures and codes must have."""

    @property
    def size(self) -> int:
        """Side of the square pictures, in pixels."""
        ...

    @property
    def channels(self) -> int:
        """1 (gray) or 3 (colour)."""
        ...

    @property
    def code_size(self) -> int:
        """Numbers in the code."""
        ...


def check_sizes(
    sizes: Sizes, widths: Sequence[int], statistics: int, *, what: str, example: str
) -> None:
    """Refuse sizes that no autoencoder can have.

    Args:
        sizes: of the pictures and the code.
        widths: `what` of each layer, such as filters.
        statistics: numbers that the encoder gives for each number of the code.
        what: what a width counts.
        example: widths that can be typed.

    Raises:
        UserError: one of them cannot be.
    """
    if sizes.channels not in (1, 3):
        raise UserError(f"channels must be 1 (gray) or 3 (colour), not {sizes.channels}.")
    if not widths or min(widths) < 1:
        raise UserError(
            f"widths must be one or more positive numbers of {what}, outermost first, such as "
            f"{example}, not {','.join(map(str, widths)) or 'nothing'}."
        )
    if sizes.code_size < 1:
        raise UserError(f"the code size must be at least 1, not {sizes.code_size}.")
    if statistics not in (1, 2):
        raise UserError(
            f"statistics must be 1 (the code) or 2 (its mean and log-variance), not {statistics}."
        )


def check_pictures(pictures: Tensor, sizes: Sizes) -> None:
    """Refuse pictures of another shape than (N, C, S, S).

    Raises:
        ValueError: they are.
    """
    wanted = (sizes.channels, sizes.size, sizes.size)
    if pictures.ndim != 4 or pictures.shape[1:] != wanted:
        raise ValueError(
            f"pictures of shape {tuple(pictures.shape)}; this network needs "
            f"(N, {', '.join(map(str, wanted))})"
        )


def check_code(code: Tensor, sizes: Sizes) -> None:
    """Refuse codes of another shape than (N, code_size).

    Raises:
        ValueError: they are.
    """
    if code.ndim != 2 or code.shape[1] != sizes.code_size:
        raise ValueError(
            f"codes of shape {tuple(code.shape)}; this network needs (N, {sizes.code_size})"
        )
