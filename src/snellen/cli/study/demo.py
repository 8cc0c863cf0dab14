"""``snellen study demo``: a study that can be looked at at once."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from snellen.study.create import CreateOptions
    from snellen.study.folder import Study

__all__ = ["demo"]

RUNS = Path("runs")
_CONSENT = (
    "This is a demonstration of snellen study. Your answers are stored on the machine that shows"
    " this page, in the folder of the demonstration, and nowhere else.\n\n"
    "In a study of your own this text says who asks, why, what is stored and for how long;"
    " study.yaml holds it.\n"
)
_CONTACT = "whoever has typed `snellen study demo`"


def demo(
    out: Annotated[
        Path, typer.Option(help="The study's folder; if it is there, it is gone on with.")
    ] = Path("studies/demo"),
    port: Annotated[int, typer.Option(help="0 is any free one.", min=0, max=65535)] = 8000,
    people: Annotated[
        int | None, typer.Option(min=1, help="Places of a new study.", show_default="20")
    ] = None,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate",
            help="Let simulated people answer a copy first, OUT-simulated, and write its report.",
        ),
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the link in a browser of this machine.")
    ] = False,
) -> None:
    """Start a study at once, on this machine alone, until Ctrl-C.

    Its pictures are those of the last run in runs/ that has a study bundle of two losses or more;
    without one, photographs after JPEG, WebP and JPEG 2000 at equal file size.
    """
    from snellen.cli.study.shared import opened, sentences_about
    from snellen.files import shown
    from snellen.study.server.alone import only_server
    from snellen.study.server.options import ServeOptions
    from snellen.study.server.running import listen, serve

    if out.is_symlink() or out.exists():
        study = opened(out)
        with only_server(study.path):  # its server may have the port, too: that is said first
            listen("127.0.0.1", port).close()
        typer.echo(f"goes on with {shown(out)}, as it was made.")
        if people not in (None, study.config.people):
            typer.echo(
                f"note: it has {study.config.people} places: --people {people} is for a new one, "
                "elsewhere (--out).",
                err=True,
            )
    else:
        listen("127.0.0.1", port).close()  # before pictures are made for a port that is in use
        study = _make(out, people or 20)
    if simulate:
        _simulate(study)
    secret = study.secrets().admin

    def ready(found: int) -> None:
        address = f"http://127.0.0.1:{found}"
        typer.echo(f"take part: {address}/")
        typer.echo(f"look on:   {address}/admin#{secret}")
        typer.echo("Ctrl-C ends it; the same command goes on.")
        if open_browser:
            _open(f"{address}/")

    with sentences_about(study.database):
        serve(study, ServeOptions(port=port), ready=ready)


def _make(out: Path, people: int) -> Study:
    """A study of the last run's pictures, or of photographs."""
    import tempfile

    from snellen.cli.study.shared import progress_of
    from snellen.errors import UserError
    from snellen.files import shown
    from snellen.study.create import CreateOptions, create_study

    options = CreateOptions(people=people, consent=_CONSENT, contact=_CONTACT)
    first = f"sharing out pictures among {people:,} people"
    for bundle, models in _bundles(RUNS):
        try:
            with progress_of("copying pictures", first=first) as tell:
                made = create_study(bundle, out, _with_models(options, models), progress=tell)
        except UserError as error:
            if out.exists():
                raise
            typer.echo(f"note: {shown(bundle)} is passed over: {shown(str(error))}", err=True)
            continue
        typer.echo(f"made {shlex.quote(shown(out))} from {shown(bundle)}. {made.words}")
        return made.study
    from snellen.experiments.codec_bundle import write_codec_bundle

    with (
        tempfile.TemporaryDirectory(prefix="snellen-") as place,
        progress_of("copying pictures", first="compressing photographs") as tell,
    ):
        folder = Path(place) / "codecs"
        write_codec_bundle(folder)
        made = create_study(folder, out, options, progress=tell)
    typer.echo(
        f"made {shlex.quote(shown(out))} from photographs after JPEG, WebP and JPEG 2000 at equal "
        f"file size (no run in {shown(RUNS)}/ has pictures of two losses). {made.words}"
    )
    return made.study


def _with_models(options: CreateOptions, models: list[str]) -> CreateOptions:
    from dataclasses import replace

    from snellen.study.config import MOST_MODELS

    few = len(models) <= MOST_MODELS
    return options if few else replace(options, models=models[:MOST_MODELS])


def _bundles(runs: Path) -> list[tuple[Path, list[str]]]:
    """Study bundles with two losses or more, the newest first, and their losses."""
    import json

    from snellen.study.sources import BUNDLE_KIND

    found = []
    for pattern in ("*/study-bundle/manifest.json", "*/*/study-bundle/manifest.json"):
        for manifest in runs.glob(pattern):
            try:
                written = manifest.stat().st_mtime
                values = json.loads(manifest.read_bytes())
                names = [str(entry["name"]) for entry in values["conditions"]]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if values.get("kind") == BUNDLE_KIND and len(names) >= 2:
                found.append((written, manifest.parent, names))
    found.sort(key=lambda each: (-each[0], each[1]))
    return [(folder, names) for _, folder, names in found]


def _simulate(study: Study) -> None:
    """A copy with simulated answers, and its report; what is there stays."""
    from snellen.cli.study.shared import progress_of
    from snellen.files import shown
    from snellen.study.analysis import analyse
    from snellen.study.folder import open_study
    from snellen.study.simulation import SimulationOptions, simulate_into_copy

    copy = study.path.with_name(f"{study.path.name}-simulated")
    if not copy.exists():
        with progress_of("simulating") as tell:
            simulate_into_copy(study, copy, SimulationOptions(), tell=tell)
    report = copy / "analysis" / "report.html"
    if not report.exists():
        with progress_of("analysing the answers"):
            analyse(open_study(copy), command="snellen study demo --simulate")
    typer.echo(f"simulated: {shown(report)} shows what {shown(copy)} would tell.")


def _open(link: str) -> None:
    """Beside the server, which must answer meanwhile; a machine without a browser does nothing."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
