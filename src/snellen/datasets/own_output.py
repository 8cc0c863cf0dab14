"""Telling what this package wrote from the pictures that it is to learn from."""

from __future__ import annotations

import os
import re

__all__ = ["BUNDLE_KIND", "is_own_output"]

BUNDLE_KIND = "snellen-study-bundle"
"""What ``kind`` says in the manifest of a study bundle."""

_RUN = ("config.yaml", "environment.json")
_HEAD = 4096  # bytes of a manifest: `kind` is its first key
_KIND = re.compile(rb'"kind"\s*:\s*"' + BUNDLE_KIND.encode() + b'"')


def is_own_output(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder is the folder of a run, or a study bundle, of ours.

    A run folder holds both ``config.yaml`` and ``environment.json``; a study bundle has a
    ``manifest.json`` that says so.

    >>> is_own_output(os.curdir)
    False
    """
    if all(os.path.isfile(os.path.join(folder, name)) for name in _RUN):
        return True
    try:
        with open(os.path.join(folder, "manifest.json"), "rb") as file:
            return _KIND.search(file.read(_HEAD)) is not None
    except OSError:
        return False
