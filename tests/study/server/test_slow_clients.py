"""Who is slow is hung up on, and keeps nobody else waiting."""

import contextlib
import socket
import time
from math import inf

import pytest

from snellen.study.server import running as running_module
from snellen.study.server.running import hang_up_on_the_idle

from .making import Person, study

SECONDS = 0.5


@pytest.fixture
def client(tmp_path, serve):
    return serve(study(tmp_path), slow_seconds=SECONDS)


def opened(client, *first):
    connection = socket.create_connection(("127.0.0.1", client.port), 5)
    connection.settimeout(20)
    for part in first:
        connection.sendall(part)
    return connection


def holds_soon(what):
    until = time.monotonic() + 20
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


def hung_up_after(connection, begun, *, trickle=b""):
    """Send `trickle` byte by byte, until the other side hangs up; seconds since `begun`."""
    connection.settimeout(0.1)
    rest = iter(trickle)
    received = b""
    while time.monotonic() - begun < 20:
        try:
            part = connection.recv(65536)
            if not part:
                break
            received += part
        except TimeoutError:
            with contextlib.suppress(StopIteration):
                try:
                    connection.sendall(bytes([next(rest)]))
                except OSError:
                    break
        except OSError:
            break
    return time.monotonic() - begun, received


@pytest.mark.parametrize(
    ("head", "trickle"),
    [
        (b"", b""),  # says nothing at all
        (b"GET / HTTP/1.1\r\nHost: loc", b""),
        (b"GET / HTTP/1.1\r\n", b"X-Slow: " + b"a" * 1000),
    ],
)
def test_headers_must_come_in_time(client, head, trickle):
    begun = time.monotonic()
    with opened(client, head) as connection:
        seconds, _ = hung_up_after(connection, begun, trickle=trickle)
    assert SECONDS - 0.1 < seconds < SECONDS + 5


def test_a_body_must_come_in_time(client):
    head = b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"
    begun = time.monotonic()
    with opened(client, head) as connection:
        seconds, received = hung_up_after(connection, begun, trickle=b" " * 1000)
    assert SECONDS - 0.1 < seconds < SECONDS + 5
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b'"slow"' in received


def test_the_second_request_of_a_connection_must_come_in_time_too(client):
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with opened(client, request) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        begun = time.monotonic()
        connection.sendall(b"GET /hea")
        seconds, _ = hung_up_after(connection, begun)
    assert SECONDS - 0.1 < seconds < SECONDS + 5


def test_a_reply_must_be_taken_in_time(tmp_path, serve):
    made = study(tmp_path, size=(300, 300), count=1, trials=1, people=1)
    client = serve(made, slow_seconds=1.0)
    person = Person(client)
    image = person.trial().json()["original"]
    request = (
        f"GET /api/images/{image} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {person.begun['token']}\r\n\r\n"
    )
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", client.port))
    with connection:
        for _ in range(25):  # more than the kernel's buffers hold
            connection.sendall(request.encode())
        server = client.server
        assert holds_soon(lambda: _waiting(server))
        assert holds_soon(lambda: not _waiting(server))


def _waiting(server):
    return [
        each
        for each in list(server.server_state.connections)
        if each.transport.get_write_buffer_size()
    ]


def test_a_hundred_slow_ones_keep_nobody_waiting(tmp_path, serve):
    client = serve(study(tmp_path), slow_seconds=1.0)
    with contextlib.ExitStack() as stack:
        for k in range(100):
            head = b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n"
            stack.enter_context(opened(client, head[: 20 + k]))
        begun = time.monotonic()
        person = Person(client)
        for number in range(person.trial().json()["total"]):
            assert person.answer(number).status_code == 201
        assert time.monotonic() - begun < 5
        connections = client.server.server_state.connections
        assert holds_soon(lambda: len(connections) <= 1)  # the client's own
        assert person.complete().status_code == 200


def test_replies_that_nobody_takes_fill_no_memory():
    class Connection:
        def __init__(self, size, since):
            self.size, self.waits_since, self.transport = size, since, self

        def get_write_buffer_size(self):
            return self.size

        def abort(self):
            self.size = 0

    found = [Connection(40, 3.0), Connection(50, 1.0), Connection(30, 2.0), Connection(0, inf)]
    hang_up_on_the_idle(found, 120)
    assert [each.size for each in found] == [40, 50, 30, 0]
    hang_up_on_the_idle(found, 65)
    assert [each.size for each in found] == [40, 0, 0, 0]


def test_one_address_keeps_nobody_else_out(tmp_path, serve, monkeypatch):
    client = serve(study(tmp_path), slow_seconds=5.0, most_of_one=20)
    with contextlib.ExitStack() as stack:
        for _ in range(30):  # of this machine, where a proxy may be: all are let in
            stack.enter_context(opened(client, b"G"))
        assert client.get("/health").status_code == 200
        far = iter(["203.0.113.7"] * 25 + ["203.0.113.8"])
        addresses = {}
        monkeypatch.setattr(running_module, "_address", addresses.get)
        made = running_module._Impatient.connection_made

        def from_afar(self, transport):
            addresses[self] = next(far, None)
            made(self, transport)

        monkeypatch.setattr(running_module._Impatient, "connection_made", from_afar)
        request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        replies = []
        for _ in range(26):
            connection = stack.enter_context(opened(client, request))
            replies.append(int(connection.recv(65536).split()[1]))
    assert replies == [200] * 20 + [503] * 5 + [200]


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("127.0.0.1", 5), None),
        (("::1", 5), None),
        (("203.0.113.7", 5), "203.0.113.7"),
        (("fe80::1%eth0", 5), "fe80::1%eth0"),
        (None, None),
        (("", 5), None),
    ],
)
def test_this_machine_is_no_address(client, address):
    class Connection:
        pass

    Connection.client = client
    assert running_module._address(Connection) == address


def test_too_many_connections_are_told_to_come_back(tmp_path, serve):
    client = serve(study(tmp_path), most_connections=150)
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(opened(client, b"G"))
        last = stack.enter_context(
            opened(client, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        )
        reply = last.recv(65536)
        assert reply.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: " in reply
    assert holds_soon(lambda: client.get("/health").status_code == 200)
