import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from snellen.cli.main import app
from snellen.study.config import parse_config

from .studies import config

PAGE = (Path(__file__).parents[2] / "docs" / "study-platforms.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^( *)```(\w*)\n(.*?)^\1```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line
    for _, kind, text in BLOCKS
    for line in map(str.strip, text.splitlines())
    if not kind and line.startswith("snellen ")
]


@pytest.mark.parametrize("text", [text for _, kind, text in BLOCKS if kind == "yaml"])
def test_what_the_page_writes_into_study_yaml_is_taken(text):
    parse_config(config() | yaml.safe_load(text))


@pytest.mark.parametrize("line", COMMANDS)
def test_what_the_page_types_there_is(line):
    words = shlex.split(line, comments=True)[1:]
    command = get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {name for option in command.params for name in option.opts}
    assert {word for word in words if word.startswith("-")} <= options


def test_the_page_types_each_of_its_commands():
    assert len(COMMANDS) >= 7
