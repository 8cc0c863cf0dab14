import pytest

from ..server.conftest import serve
from ..server.making import study

__all__ = ["made", "serve"]


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)
