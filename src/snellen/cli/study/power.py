"""``snellen study power``: what a study could show, before anyone is paid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snellen.cli.study.taste_options import (
    PERSON_SD,
    PICTURE_SD,
    Inattentive,
    PersonSd,
    PictureSd,
    Seed,
)

if TYPE_CHECKING:
    from rich.table import Table

    from snellen.study.config import Design
    from snellen.study.observers import Observers
    from snellen.study.power import DesignPower

__all__ = ["power"]

_TYPED = {
    "people": "--people ",
    "trials_per_person": "--trials ",
    "pictures": "--pictures ",
    "design": "--designs ",
}
_PEOPLE, _TRIALS, _PICTURES, _MODELS, _GAP = 20, 50, 1000, 3, 0.4
_BEGINS = '{\n  "format": '  # our tables, which may be replaced


def power(
    study: Annotated[
        Path | None,
        typer.Argument(metavar="[STUDY]", help="A study's folder, whose numbers are taken."),
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=100_000,
            help="How many are asked.",
            show_default=f"the study's, or {_PEOPLE}",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, max=1000, help="Trials of each.", show_default=f"the study's, or {_TRIALS}"
        ),
    ] = None,
    pictures: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            help="How many there are.",
            show_default=f"the study's, or {_PICTURES}",
        ),
    ] = None,
    models: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=6,  # `snellen.study.config.MOST_MODELS`, whose import takes its time
            help="How many are ranked.",
            show_default=f"the study's, or {_MODELS}",
        ),
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(
            help="From each model's utility to the next one's; 1 wins 73 % of pairs.",
            show_default=f"{_GAP}",
        ),
    ] = None,
    utilities: Annotated[
        str | None,
        typer.Option(metavar="0.8,0.4,0", help="One for each model, in place of --gap."),
    ] = None,
    person_sd: PersonSd = PERSON_SD,
    picture_sd: PictureSd = PICTURE_SD,
    inattentive: Inattentive = 0.0,
    ties: Annotated[
        float, typer.Option(min=0, help="Utilities that differ by less share a rank.")
    ] = 0.0,
    designs: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="Which are compared.")
    ] = "nested,crossed,balanced-incomplete",
    studies: Annotated[
        int, typer.Option(min=10, max=1_000_000, help="Simulated for each design.")
    ] = 2000,
    seed: Seed = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")
    ] = None,
) -> None:
    """Simulate studies and say how sure each design would be.

    Power is the share of the studies whose report says "better" of a pair: p below 0.05 after
    Holm's correction for all pairs, with the error of the simulation; --json also has it for a pair
    that is the only one. ± is half of the 95 % interval, in ranks. All as `snellen study analyse`
    reckons.

    What people and pictures differ by is a guess: try other values of --person-sd and --picture-sd.
    """
    from rich.console import Console

    from snellen.cli.study.shared import progress_of
    from snellen.errors import UserError, nearest
    from snellen.files import atomic_write, refuse_other
    from snellen.study.config import DESIGNS
    from snellen.study.power import simulate_power

    if json_file is not None:
        refuse_other(json_file, "--json", _BEGINS)
    wanted: list[Design] = []
    for name in [part.strip() for part in designs.split(",")]:
        known = [design for design in DESIGNS if design == name]
        if not known:
            raise UserError(
                f"--designs: there is no design {name!r}: {', '.join(DESIGNS)} are known."
                f"{nearest(name, DESIGNS)}"
            )
        wanted += [design for design in known if design not in wanted]
    names: list[str] = []
    note = ""
    if study is not None:
        there = _numbers_of(study)
        names, note = there["models"], there["note"]
        people = there["people"] if people is None else people
        trials = there["trials"] if trials is None else trials
        pictures = there["pictures"] if pictures is None else pictures
        if models not in (None, len(names)):
            raise UserError(f"--models {models}: the study has {len(names)}.")
    count = len(names) or models
    observers = _observers(
        utilities, gap, count, person_sd, picture_sd, inattentive, ties, of_study=bool(names)
    )
    people, trials = people or _PEOPLE, trials or _TRIALS
    shape = people, trials, pictures or _PICTURES
    if people < 2:
        raise UserError("one participant has no interval: type --people 2 or more.")
    done = 0
    with progress_of("simulating") as tell:

        def step(more: int) -> None:
            nonlocal done
            done += more
            if tell is not None:
                tell(done, len(wanted) * studies)

        found = simulate_power(
            wanted,
            *shape,
            observers=observers,
            studies=studies,
            seed=seed,
            typed=_TYPED,
            step=step,
        )
        other = _spread_out(found)
        more = (
            simulate_power(
                [other[0]], *other[1:], shape[2], observers=observers, studies=studies, seed=seed
            )
            if other
            else ()
        )
    names = names or [chr(ord("A") + k) for k in range(observers.models)]
    Console(highlight=False).print(_table([*found, *more], names))
    for one in found:
        if one.misfit:
            typer.echo(one.misfit)
    typer.echo(_verdict(found, more))
    if note:
        typer.echo(note)
    if json_file is not None:
        atomic_write(json_file, _json([*found, *more], names, observers, seed))


def _numbers_of(study: Path) -> dict[str, Any]:
    """What a study's folder says, also where its design cannot be: that is what one asks here."""
    from snellen.errors import UserError
    from snellen.files import shown as printable
    from snellen.study.config import read_study_config
    from snellen.study.folder import CONFIG_FILE, select_pictures
    from snellen.study.pictures import read_picture_set

    if not study.is_dir():
        what = "is a file" if study.exists() else "does not exist"
        raise UserError(
            f"{printable(study)} {what}: name a study's folder, which `snellen study create` makes,"
            " or leave it out."
        )
    there = read_picture_set(study)
    config = read_study_config(study / CONFIG_FILE)
    shown = select_pictures(there, config.pictures, config.seed)
    sources = len({there.pictures[index].source for index in shown})
    note = (
        f"The study's {len(shown)} pictures come from {sources} photographs: as far as those of one"
        " photograph are alike, its intervals will be wider than these."
    )
    return {
        "models": list(config.models),
        "people": config.people,
        "trials": config.trials_per_person,
        "pictures": len(shown),
        "note": note if sources < len(shown) else "",
    }


def _observers(
    utilities: str | None,
    gap: float | None,
    models: int | None,
    person_sd: float,
    picture_sd: float,
    inattentive: float,
    ties: float,
    *,
    of_study: bool,
) -> Observers:
    from snellen.errors import UserError
    from snellen.study.config import MOST_MODELS
    from snellen.study.observers import Observers
    from snellen.study.power import gap_utilities

    if utilities is not None and gap is not None:
        raise UserError("--gap and --utilities are both given: name one of them.")
    if utilities is None:
        found = gap_utilities(models or _MODELS, _GAP if gap is None else gap)
    else:
        try:
            found = tuple(float(part) for part in utilities.split(","))
        except ValueError:
            raise UserError(
                f"--utilities {utilities[:60]!r}: write numbers as in 0.8,0.4,0."
            ) from None
        if models not in (None, len(found)) or not 2 <= len(found) <= MOST_MODELS:
            whose = "the study has" if of_study else "there are"
            raise UserError(
                f"--utilities names {len(found)} number{'s' * (len(found) != 1)}; {whose}"
                f" {models or f'2 to {MOST_MODELS}'} models: give one for each."
            )
    for option, numbers in (
        ("--gap" if utilities is None else "--utilities", found),
        ("--person-sd", (person_sd,)),
        ("--picture-sd", (picture_sd,)),
        ("--ties", (ties,)),
    ):
        if not all(abs(number) <= 1e6 for number in numbers):
            raise UserError(f"{option}: numbers of ordinary size are needed, like 0.4 or 2.")
    return Observers(
        found,
        person_sd=person_sd,
        picture_sd=picture_sd,
        inattentive=inattentive,
        tie_threshold=ties,
    )


def _mean_half(found: DesignPower) -> float:
    """Half of the interval, mean over the pairs; NaN where there is none."""
    if not found.pairs:
        return math.nan
    return sum(pair.half_width for pair in found.pairs) / len(found.pairs)


def _best(found: tuple[DesignPower, ...]) -> list[DesignPower]:
    """The design with the narrowest intervals, and those that differ by chance at most."""
    those = sorted((one for one in found if _mean_half(one) < math.inf), key=_mean_half)
    if not those:
        return []
    error = 3 * max(pair.half_width_error for one in those for pair in one.pairs)
    return [one for one in those if _mean_half(one) <= _mean_half(those[0]) + error]


def _spread_out(found: tuple[DesignPower, ...]) -> tuple[Design, int, int] | None:
    """The best design with the same rankings from more people, if trials can be divided."""
    best = _best(found)
    if not best or best[0].design == "crossed":  # fewer trials would be fewer pictures there
        return None
    one = best[0]
    for factor in (5, 2):
        if one.trials % factor == 0 and one.trials // factor >= 5:
            return one.design, one.people * factor, one.trials // factor
    return None


def _table(found: list[DesignPower], names: list[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from snellen.files import shown

    table = Table(show_edge=False, pad_edge=False)
    for title in ("design", "people\n× trials"):  # so that 80 columns suffice
        table.add_column(title, no_wrap=True)
    table.add_column("models", overflow="fold", min_width=len("does not fit"))
    for title in ("difference", "±", "power"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in found:
        size = f"{one.people} × {one.trials}"
        if one.misfit:
            table.add_row(one.design, size, "does not fit", *["–"] * (len(table.columns) - 3))
        said = [(one.design, size), ("", f"of {one.pictures}"), *[("", "")] * len(one.pairs)]
        for (design, numbers), pair in zip(said, one.pairs, strict=False):
            table.add_row(
                design,
                numbers,
                Text(shown(f"{names[pair.a]} – {names[pair.b]}")),
                f"{pair.difference:+.2f}",
                "–" if math.isnan(pair.half_width) else f"{pair.half_width:.3f}",
                f"{pair.corrected:.0%} ±{pair.corrected_error:.0%}",
            )
        if len(one.pairs) == 1:
            table.add_row("", f"of {one.pictures}")
        table.add_section()
    return table


def _verdict(found: tuple[DesignPower, ...], more: tuple[DesignPower, ...]) -> str:
    """One sentence: which design is best for so many rankings."""
    best = _best(found)
    if not best:
        if any(one.pairs for one in found):
            return "None of these designs has an interval: ask more people about more pictures."
        return "None of these designs fits these numbers."
    one = best[0]
    rankings = f"{one.people * one.trials:,} rankings"

    def says(which: DesignPower) -> str:
        least = min(pair.corrected for pair in which.pairs)
        return f"±{_mean_half(which):.3f} ranks, power {least:.0%} for the least clear pair"

    judged = len([other for other in found if _mean_half(other) < math.inf])
    if judged == 1:
        sentence = f"{one.design} with {rankings}: {says(one)}"
    elif len(best) > 1:
        names = " and ".join(other.design for other in best)
        sentence = f"For {rankings} {names} do equally well: {says(one)}"
    else:
        sentence = f"Best for {rankings}: {one.design} ({says(one)})"
    if more and _mean_half(more[0]) < math.inf:
        two = more[0]
        better = _mean_half(two) < _mean_half(one)
        sentence += (
            f"; as many from {two.people} people × {two.trials} trials would be"
            f" {'better' if better else 'no better'} ({says(two)})"
        )
    return f"{sentence}."


def _json(found: list[DesignPower], names: list[str], observers: Observers, seed: int) -> str:
    import dataclasses
    import json

    def known(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: known(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [known(inner) for inner in value]
        return None if isinstance(value, float) and math.isnan(value) else value

    content = {
        "format": 1,
        "kind": "snellen-study-power",
        "models": names,
        "observers": {**dataclasses.asdict(observers), "utilities": list(observers.utilities)},
        "level": 0.95,
        "seed": seed,
        "designs": [
            {
                **dataclasses.asdict(one),
                "pairs": [
                    {**dataclasses.asdict(pair), "a": names[pair.a], "b": names[pair.b]}
                    for pair in one.pairs
                ],
            }
            for one in found
        ],
    }
    return json.dumps(known(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
