"""``snellen study mturk``: a study as a task on Amazon Mechanical Turk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from snellen.study.mturk import Assignment

__all__ = ["mturk"]

mturk = typer.Typer(
    name="mturk",
    help="Offer a study on Amazon Mechanical Turk, look after it, approve what was done.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_Folder = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")]


@mturk.command("create")
def create(
    study: _Folder,
    url: Annotated[
        str, typer.Option(metavar="https://…", help="Where participants reach the study.")
    ],
    yes_pay: Annotated[
        bool,
        typer.Option("--yes-pay", help="Offer it for real money, where study.yaml says so."),
    ] = False,
    approval_rate: Annotated[
        int | None,
        typer.Option(min=0, max=100, help="Only workers with so many per cent approved before."),
    ] = None,
    approved: Annotated[
        int | None, typer.Option(min=0, help="Only workers with so many assignments approved.")
    ] = None,
    country: Annotated[
        list[str] | None,
        typer.Option(metavar="XX", help="Only workers who live there (ISO 3166); may be repeated."),
    ] = None,
    frame_height: Annotated[
        int, typer.Option(min=0, help="Of the frame in CSS pixels; 0: as high as the window.")
    ] = 0,
) -> None:
    """Offer the study once, as many assignments as it has people.

    In the sandbox, unless study.yaml says `sandbox: false` and --yes-pay is typed.
    A second call makes no second task: it finds the first.
    Credentials are read from where AWS's own tools look for them.
    """
    from snellen.study.folder import open_study
    from snellen.study.mturk import connect, create_hit, mturk_of, qualifications

    opened = open_study(study)
    hit = create_hit(
        opened,
        url,
        client=connect(mturk_of(opened)),
        required=qualifications(approval_rate, approved, country or ()),
        frame_height=frame_height,
        yes_pay=yes_pay,
    )
    what = "offered" if hit.new else "is offered already"
    where = "in the sandbox (nobody is paid)" if hit.sandbox else "for real"
    typer.echo(f"{what} {where}: HIT {hit.id}\nworkers find it at {hit.link}")


@mturk.command("status")
def show_status(study: _Folder) -> None:
    """Show how far the task is, and which session each submitted assignment belongs to."""
    from snellen.study.folder import open_study
    from snellen.study.mturk import connect, mturk_of, status

    opened = open_study(study)
    found = status(opened, client=connect(mturk_of(opened)))
    typer.echo(
        f"HIT {found.hit.id}{' (sandbox)' * found.hit.sandbox}: {found.state}; "
        f"{found.wanted} assignments, {found.available} free, {found.pending} accepted and not "
        f"submitted, {len(found.assignments)} submitted"
    )
    _list(found.assignments)


@mturk.command("approve")
def approve_matched(
    study: _Folder,
    reject: Annotated[
        bool,
        typer.Option(
            "--reject",
            help="Reject those that belong to no finished session. This harms the worker: look at"
            " them first.",
        ),
    ] = False,
) -> None:
    """Approve the assignments whose session is complete and whose code is its own.

    All others are listed and left as they are. A second call pays nobody twice.
    Exit status 1 where some are left.
    """
    from snellen.study.folder import open_study
    from snellen.study.mturk import approve, connect, mturk_of

    opened = open_study(study)
    done = approve(opened, client=connect(mturk_of(opened)), reject=reject)
    rejected = f", {len(done.rejected)} rejected" if reject else ""
    typer.echo(
        f"{len(done.approved)} approved now, {len(done.before)} before{rejected}, "
        f"{len(done.others)} left to be looked at"
    )
    _list(done.rejected + done.others)
    if done.others:
        raise typer.Exit(1)


def _list(assignments: tuple[Assignment, ...]) -> None:
    for one in assignments:
        # The code comes from outside.
        code = one.code if one.code.isascii() and one.code.isprintable() else "(unprintable)"
        typer.echo(
            f"  {one.id}  {one.state.lower():9}  {one.session or '-':6}  {one.verdict}"
            f"  {code or '(no code)'}"
        )
