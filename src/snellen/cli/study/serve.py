"""``snellen study serve``: the pages of a study, for its participants and its owner."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

if TYPE_CHECKING:
    from snellen.study.config import Platform
    from snellen.study.folder import Study

__all__ = ["serve"]

_ALL = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def serve(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")],
    host: Annotated[
        str,
        typer.Option(
            help="Where to listen: 127.0.0.1 is this machine alone, 0.0.0.0 all networks."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 is any free one.", min=0, max=65535)] = 8000,
    public_url: Annotated[
        str | None,
        typer.Option(
            help="How participants reach this server, if it is not http://HOST:PORT.",
            metavar="URL",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A further name under which requests may come; may be given several times.",
            metavar="NAME",
        ),
    ] = None,
    proxy: Annotated[
        bool,
        typer.Option("--proxy", help="Another server (nginx, Caddy) stands in front of this one."),
    ] = False,
) -> None:
    """Serve a study until Ctrl-C.

    Every answer is in STUDY/study.db before the participant goes on; the server may be stopped, or
    killed, and started again at any time. A study has one server at a time.
    """
    from snellen.cli.study.shared import line_when_slow, opened, sentences_about
    from snellen.errors import UserError
    from snellen.files import shown
    from snellen.study.folder import contradictions, placeholders
    from snellen.study.server.options import ServeOptions
    from snellen.study.server.running import serve as run

    for name in allow_host or ():
        if not _HOST.fullmatch(name):
            raise UserError(
                f"--allow-host is a name like study.example.org, without http:// and port; got "
                f"{shown(name)!r}."
            )
    options = ServeOptions(
        host=host,
        port=port,
        public_url=public_url,
        allow_hosts=(*(allow_host or ()), *_own(host)),
        proxy=proxy,
    )
    there = opened(study)
    secret = there.secrets().admin
    with line_when_slow(f"reading the pictures of {shown(study)}"):
        changed = there.changed_pictures()
    if changed:
        raise UserError(changed[0])
    missing = placeholders(there.config)
    if missing and not _is_here(urlsplit(options.address).hostname, host):
        raise UserError(
            f"{shown(study)}/study.yaml still has texts to be filled in ({', '.join(missing)}), "
            "which the first participant would freeze: write them before others can reach the "
            "study, or look at it on this machine alone (without --public-url and --host)."
        )
    for key in missing:
        typer.echo(f"note: {key} in {shown(study)}/study.yaml still has to be filled in.", err=True)
    for sentence in contradictions(there.config):
        typer.echo(f"note: {shown(study)}/study.yaml: {sentence}.", err=True)

    if host in _ALL and public_url is None and not allow_host:
        typer.echo(
            "note: only requests for localhost are answered: name the host that participants type"
            " by --public-url or --allow-host.",
            err=True,
        )

    def ready(found: int) -> None:
        address = replace(options, port=found).address
        typer.echo(f"participants: {_link(address, there.config.platform)}")
        typer.echo(f"you:          {address}/admin#{secret}")
        typer.echo("The second link opens everything: keep it. Ctrl-C ends.")

    if _simulated(there):
        typer.secho(
            f"WARNING: {shown(study)} holds simulated answers, so nobody is let in: make another "
            "study for people (`snellen study create`).",
            err=True,
            bold=True,
        )
    with sentences_about(there.database):
        run(there, options, ready=ready)
    typer.echo("Ended; all answers are in study.db.", err=True)


def _simulated(study: Study) -> bool:
    from snellen.study.store.opening import reading
    from snellen.study.store.settings import setting

    with reading(study.database) as connection:
        return setting(connection, "simulated") == "1"


def _is_here(name: str | None, host: str) -> bool:
    """Whether participants come from this machine alone, as far as the options say."""
    near = ("localhost", "127.0.0.1", "::1")
    return name in near and host in near


def _own(host: str) -> tuple[str, ...]:
    """The host listened on is a name for requests, but where it stands for all."""
    if host in _ALL:
        return ()
    return (f"[{host}]" if ":" in host else host,)


def _link(address: str, platform: Platform) -> str:
    if platform.kind == "prolific":
        names = ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")
        return f"{address}/?" + "&".join(f"{name}={{{{%{name}%}}}}" for name in names)
    if platform.kind == "mturk":
        return f"{address}/  (`snellen study mturk create` offers it to workers)"
    if platform.invitations:
        return f"{address}/?invitation=…  (`snellen study invite` makes the links)"
    return f"{address}/"
