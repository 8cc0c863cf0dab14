"""`snellen explain`."""

import pytest

from snellen.cli.main import main
from snellen.metrics.explain import explanation


@pytest.mark.parametrize("names", [["piq"], ["piq", "kornia"]])
def test_explain_prints_what_the_function_says(names, capsys):
    assert main(["explain", *names]) == 0
    assert capsys.readouterr().out == f"{explanation(*names)}\n"


def test_an_unknown_name_is_one_sentence_and_status_2(capsys):
    assert main(["explain", "piq", "korniaa"]) == 2
    told = capsys.readouterr()
    assert "Did you mean 'kornia'?" in told.err
    assert told.out == ""
