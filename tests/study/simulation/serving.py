"""A study served on a free port of loopback: by a thread, or by a process that can be killed."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

from snellen.study.server.app import make_app
from snellen.study.server.options import ServeOptions
from snellen.study.server.running import listen, make_server


@contextmanager
def served(study):
    """Serve a study here; yields its address."""
    options = ServeOptions(port=0, token_rate=1000.0, token_burst=1000)
    opened = listen(options.host, 0)
    server = make_server(make_app(study, options), options)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        opened.close()


def start(study, port=0):
    """Type ``snellen study serve``: the process, and its port; ended by the caller."""
    words = ["study", "serve", str(study), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "snellen", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    line = process.stdout.readline()
    if not line.startswith("participants: http://127.0.0.1:"):
        process.stdout.close()
        raise AssertionError(f"the server said {line!r} and ended: {process.wait(10)}")
    return process, int(line.strip().rstrip("/").rpartition(":")[2])
