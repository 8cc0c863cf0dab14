import pytest

from . import templates


@pytest.fixture(scope="session", autouse=True)
def _no_study_stays():
    yield
    templates.forget()
