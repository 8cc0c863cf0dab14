"""Reading YAML that people edit, so that nothing in it is overlooked or taken for something else.

As `yaml.safe_load`, but a key that comes twice is an error instead of the last one's value, and
numbers, yes and no are read as YAML 1.2 spells them: ``010`` is not eight, ``1:30`` not ninety,
``no`` not false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import yaml

from snellen.errors import UserError

__all__ = ["Lines", "placed", "read_plain_yaml", "read_with_lines"]

Lines: TypeAlias = Mapping[tuple[str | int, ...], int]
"""The line, from 1, of each key, by the keys on the way to it; of a list's items by their place."""

_DEPTH = 2  # of keys whose lines are kept: more than study.yaml has


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
    return read_with_lines(data, where)[0]


def read_with_lines(data: bytes | str, where: str) -> tuple[Any, Lines]:
    r"""Return what a YAML text says, as `read_plain_yaml`, and in which lines.

    Args:
        data: the text, UTF-8 if bytes.
        where: what the sentence names.

    Raises:
        UserError: as `read_plain_yaml`.

    >>> read_with_lines("people: 20\nmodels:\n- mse\n- mae\n", "study.yaml")[1]
    {('people',): 1, ('models',): 2, ('models', 0): 3, ('models', 1): 4}
    """
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{where}, line {line}, is not UTF-8: save the file as UTF-8.") from error
    try:
        loader = _Loader(text.removeprefix("\ufeff"))
        node = loader.get_single_node()
        values = None if node is None else loader.construct_document(node)
        return values, dict(_lines(node))
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


def placed(where: str, lines: Lines, *keys: str | int) -> str:
    """Say where a key stands: in its line, or else in that of the nearest key around it.

    >>> placed("study.yaml", {("platform",): 90, ("platform", "kind"): 92}, "platform", "days")
    'study.yaml, line 90'
    >>> placed("study.yaml", {}, "people")
    'study.yaml'
    """
    for end in range(len(keys), 0, -1):
        if (line := lines.get(keys[:end])) is not None:
            return f"{where}, line {line}"
    return where


def _lines(
    node: yaml.Node | None, above: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Of all keys and items below a node, as far as lines are kept; aliases may have no end."""
    if len(above) == _DEPTH:
        return
    if isinstance(node, yaml.MappingNode):
        found = [(key.value, key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        found = [(place, item, item) for place, item in enumerate(node.value)]
    else:
        return
    for name, at, below in found:
        if isinstance(name, str | int):
            yield (*above, name), at.start_mark.line + 1
            yield from _lines(below, (*above, name))


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
