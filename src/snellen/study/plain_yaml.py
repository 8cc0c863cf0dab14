"""Reading YAML that people edit, so that nothing in it is overlooked or taken for something else.

As `yaml.safe_load`, but a key that comes twice is an error instead of the last one's value, and
numbers, yes and no are read as YAML 1.2 spells them: ``010`` is not eight, ``1:30`` not ninety,
``no`` not false.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from snellen.errors import UserError

__all__ = ["read_plain_yaml"]


class _Loader(yaml.SafeLoader):
    """With fewer things that a text without quotes can be taken for, and each key once."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Called before a mapping is made: look for keys that come twice, or take from another."""
        met: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in met:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} comes twice: keep one", key.start_mark
                )
            met.add(key.value)


# Each a part of what yaml.safe_dump takes for the same, which so quotes all that is none of them.
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?|\.[0-9]+(?:[eE][-+][0-9]+)?|[-+]?\.inf|\.nan",
        "-+0123456789.",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )


def read_plain_yaml(data: bytes | str, where: str) -> Any:
    r"""Return what a YAML text says.

    Args:
        data: the text, UTF-8 if bytes.
        where: what the sentence names.

    Raises:
        UserError: it is not YAML, a key comes twice, or it is nested without end.

    >>> read_plain_yaml("people: 20\nlanguage: no\n", "study.yaml")
    {'people': 20, 'language': 'no'}
    >>> read_plain_yaml("people: 20\npeople: 30\n", "study.yaml")
    Traceback (most recent call last):
    snellen.errors.UserError: study.yaml, line 2: the key 'people' comes twice: keep one.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{where}, line {line}, is not UTF-8: save the file as UTF-8.") from error
    try:
        return yaml.load(text.removeprefix("\ufeff"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{where}, line {line}, holds the character U+{error.character:04X}, which YAML does "
            "not allow: take it away."
        ) from error
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{where}{_line(error)}: {_problem(error)}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {str(error).splitlines()[0]}.") from error
    except RecursionError as error:
        raise UserError(f"{where} is nested too deeply: write `key: value` lines.") from error


def _line(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or error.context)
    if isinstance(error, yaml.constructor.ConstructorError) and "comes twice" in problem:
        return problem
    if r"'\t'" in problem:
        return "a tab stands where YAML takes spaces only: type spaces"
    if problem == "mapping values are not allowed here":
        return "a text with a colon in it needs quotes around it, or other lines their indentation"
    if "but found another document" in problem:
        return "another document begins (---): keep one"
    return f"this is not YAML ({problem})"
