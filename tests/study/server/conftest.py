"""Servers on loopback, in threads of the test's process."""

import threading
from contextlib import contextmanager

import httpx
import pytest

from snellen.study.server.app import make_app
from snellen.study.server.options import ServeOptions
from snellen.study.server.running import listen, make_server


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
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
        opened.close()
        assert not thread.is_alive()


@pytest.fixture
def serve():
    """See `running`; all are stopped at the end of the test."""
    import contextlib

    with contextlib.ExitStack() as stack:
        yield lambda study, **options: stack.enter_context(running(study, **options))
