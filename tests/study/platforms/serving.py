"""A study served by a process of its own, on a free port of loopback."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

SCRIPT = """
import sys
from snellen.study.folder import open_study
from snellen.study.server.options import ServeOptions
from snellen.study.server.running import serve
options = ServeOptions(port=int(sys.argv[2]), token_rate=1000.0, token_burst=1000)
serve(open_study(sys.argv[1]), options, ready=lambda port: print(port, flush=True))
"""


def start(study, port=0):
    """The process, and its port; ended by the caller."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(study.path), str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    line = process.stdout.readline()
    if not line:
        process.stdout.close()
        raise AssertionError(f"the server has ended with status {process.wait(10)}")
    return process, int(line)


@contextmanager
def served(study):
    """Serve a study; yields its address."""
    process, port = start(study)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()
