"""How a study is served."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from snellen.errors import UserError
from snellen.files import shown

__all__ = ["ServeOptions"]


@dataclass(frozen=True)
class ServeOptions:
    """How a study is served.

    Attributes:
        host, port: where to listen; port 0 is any free one.
        public_url: how participants reach the server, where that is not http://host:port.
        allow_hosts: further names under which requests may come.
        proxy: whether another server stands in front, which keeps connections open for longer.
        body_bytes: that a request may bring.
        slow_seconds: in which a request must have come, and its reply be taken.
        most_connections: open at once.
        most_of_one: open at once from one address of another machine. Behind a proxy all come from
            one, and the proxy must limit them.
        most_unsent: bytes of replies that wait to be taken, all together; above it whoever has
            taken nothing for longest is hung up on.
        most_requests: in work at once; more are told to come back.
        token_rate, token_burst: requests per second of one participant, and at once.
        begin_rate, begin_burst: of new sessions, all participants together.
        guess_rate, guess_burst: of wrong secrets and tokens, all together.
        cache_bytes: for pictures that are ready to be sent.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    allow_hosts: tuple[str, ...] = ()
    proxy: bool = False
    body_bytes: int = 16 * 1024
    slow_seconds: float = 10.0
    most_connections: int = 4000
    most_of_one: int = 1000
    most_unsent: int = 512 * 2**20
    most_requests: int = 128
    token_rate: float = 20.0
    token_burst: int = 100
    begin_rate: float = 10.0
    begin_burst: int = 100
    guess_rate: float = 1.0
    guess_burst: int = 10
    cache_bytes: int = 256 * 2**20

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise UserError(f"--port goes from 0 to 65535; got {self.port}.")
        if self.public_url is not None:
            parts = urlsplit(self.public_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
                raise UserError(
                    f"--public-url is an address like https://study.example.org; got "
                    f"{shown(self.public_url)}."
                )
            if parts.path not in ("", "/"):
                raise UserError(
                    "--public-url names a host, without a path: the study's pages ask for /api and "
                    f"/static; got {shown(self.public_url)}."
                )

    @property
    def address(self) -> str:
        """How participants reach the server, without a slash at its end."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{self.port}"  # noqa: S104

    @property
    def hosts(self) -> frozenset[str]:
        """Names, without ports, under which requests may come."""
        found = {"127.0.0.1", "localhost", "[::1]", *(name.lower() for name in self.allow_hosts)}
        if self.public_url is not None:
            host = urlsplit(self.public_url).hostname or ""
            found.add(f"[{host}]" if ":" in host else host)
        return frozenset(found)
