import pytest

from snellen.study.store import open_store

from ..server.making import study as make_study
from .acting import Acting, Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(tmp_path, clock):
    """Make a study with an open store; all are closed at the end."""
    opened = []

    def make(**options):
        study = make_study(tmp_path / f"s{len(opened)}", **options)
        store = open_store(study, clock)
        opened.append(store)
        return Acting(study, store)

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def acting(make):
    return make()
