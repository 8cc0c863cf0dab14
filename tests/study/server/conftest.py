"""Servers on loopback, in threads of the test's process."""

import threading
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from snellen.study.server.app import make_app
from snellen.study.server.options import ServeOptions
from snellen.study.server.running import listen, make_server

from .making import study as make_study


@contextmanager
def running(study, *, clock=None, **options):
    """Serve a study; yields a client whose `app` is the application."""
    settings = ServeOptions(port=0, **options)
    opened = listen(settings.host, 0)
    port = opened.getsockname()[1]
    app = make_app(study, settings, **({} if clock is None else {"clock": clock}))
    server = make_server(app, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            client.app = app
            client.port = port
            client.server = server
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
        opened.close()
        assert not thread.is_alive()


@pytest.fixture
def serve():
    """See `running`; all are stopped at the end of the test."""
    with ExitStack() as stack:
        yield lambda study, **options: stack.enter_context(running(study, **options))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server for a whole file, where nothing depends on what others did; wrong guesses are free.

    Its client has `study`, too.
    """
    made = make_study(tmp_path_factory.mktemp("shared"), people=200, design="crossed")
    free = {"guess_rate": 1e6, "guess_burst": 1e6, "token_rate": 1e6, "token_burst": 1e6}
    hosts = {"public_url": "https://study.example.org", "allow_hosts": ("lab.example.org",)}
    with running(made, **free, **hosts) as client:
        client.study = made
        yield client
