"""``snellen study``: asking people, one file for each command."""

from __future__ import annotations

import typer

from snellen.cli.study.analyse import analyse
from snellen.cli.study.create import create
from snellen.cli.study.demo import demo
from snellen.cli.study.export import export
from snellen.cli.study.invite import invite
from snellen.cli.study.maintenance import backup, doctor, purge
from snellen.cli.study.mturk import mturk
from snellen.cli.study.power import power
from snellen.cli.study.serve import serve
from snellen.cli.study.simulate import simulate
from snellen.cli.study.state import close, pause, reopen
from snellen.cli.study.stopping import StudyGroup

__all__ = ["study"]

study = typer.Typer(
    name="study",
    cls=StudyGroup,
    help="Ask people: a study in which they rank pictures, from the pictures to the statistics.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order of the help page: as one goes through a study.
study.command("create")(create)
study.command("power")(power)
study.command("serve")(serve)
study.command("invite")(invite)
study.command("pause")(pause)
study.command("reopen")(reopen)
study.command("close")(close)
study.command("analyse")(analyse)
study.command("export")(export)
study.command("doctor")(doctor)
study.command("backup")(backup)
study.command("purge")(purge)
study.command("simulate")(simulate)
study.command("demo")(demo)
study.add_typer(mturk, name="mturk")
