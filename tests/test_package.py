"""The package as others install and import it."""

import subprocess
import sys
from importlib import metadata, resources

import pytest

import snellen


def test_import_snellen_does_not_import_torch():
    code = "import sys, snellen; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"


def test_version_is_that_of_the_installed_distribution():
    assert metadata.version("snellen") == snellen.__version__


@pytest.mark.parametrize("name", [name for name in snellen.__all__ if name != "__version__"])
def test_every_public_name_is_there(name):
    assert getattr(snellen, name).__doc__


def test_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        snellen.nothing  # noqa: B018


def test_dir_lists_the_public_names():
    assert set(snellen.__all__) <= set(dir(snellen))


def test_package_is_marked_as_typed():
    assert resources.files("snellen").joinpath("py.typed").is_file()


def test_torch_range_is_stated():
    needed = metadata.requires("snellen") or []
    assert any(line.replace(" ", "").startswith("torch<2.14,>=2.9") for line in needed)


def test_malicious_uploads_of_lightning_are_out_of_reach():
    needed = [line for line in metadata.requires("snellen") or [] if line.startswith("lightning")]
    assert [line.partition(";")[0].strip() for line in needed] == ["lightning-fabric>=2.6.4"]
