"""What the store refuses, and why, in words for participants."""

from __future__ import annotations

__all__ = ["Refused"]


class Refused(Exception):
    """Something that a participant or the administrator may not do now; nothing was changed.

    Attributes:
        error: a word for programs, see `snellen.study.server.replies.STATUS`.
        message: the sentence that is shown.
    """

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
