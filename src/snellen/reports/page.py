"""One page: a single HTML file, offline, light and dark, readable on a phone.

Everything that came from outside (file names, names of losses, the configuration) goes through
Jinja2's autoescaping. Style sheets and scripts stand inside the file; there is no other request.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from snellen.files import atomic_write

__all__ = ["as_yaml", "date_in_words", "readable", "write_page"]


def write_page(
    path: str | os.PathLike[str],
    template: str,
    context: Mapping[str, Any],
    *,
    styles: Sequence[str],
    scripts: Sequence[str],
) -> None:
    """Fill a template and write the page, whole or not at all.

    Args:
        path: of the HTML file; missing folders are made, an existing file is replaced.
        template: a file in templates/ that extends page.html.j2.
        context: what it shows.
        styles: style sheets in templates/, in their order.
        scripts: scripts in templates/, in their order.

    Raises:
        UserError: the place cannot be written.
    """
    script = Markup("\n").join(_resource(name) for name in scripts)
    digest = hashlib.sha256(script.encode()).digest()
    page = (
        _environment()
        .get_template(template)
        .render(
            {
                **context,
                "style": Markup("\n").join(_resource(name) for name in styles),
                "script": script,
                # No other script runs, whatever a file name may smuggle in.
                "script_hash": f"sha256-{base64.b64encode(digest).decode()}",
            }
        )
    )
    # A file name that is no valid text (it may hold any byte) must not stop the report.
    atomic_write(path, page.encode("utf-8", "replace"))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("snellen.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda value: f"{value:,}"
    return environment


def _resource(name: str) -> Markup:
    """A file of our own beside the templates, for a style or script element."""
    text = (files("snellen.reports") / "templates" / name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - ours, and part of the package


def readable(name: str) -> str:
    r"""Control characters and half surrogates of a file name, made visible.

    >>> print(readable("a\x1b.png"))
    a\x1b.png
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def as_yaml(config: Any) -> str:
    """The configuration as it can be read and run again; nothing where there is none."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else ""


def date_in_words(text: str | None) -> str:
    """A date of ISO 8601 as people write it; anything else as it is.

    >>> date_in_words("2026-11-23T14:02:11+00:00"), date_in_words(None)
    ('23 November 2026', '')
    """
    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{found.day} {found:%B %Y}"
