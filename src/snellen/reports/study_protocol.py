"""The exact protocol of a study, in words, from results.json and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snellen.reports.page import date_in_words, readable
from snellen.reports.protocol import counted
from snellen.reports.study_calibration import CHANCE_OF_HEADLINE, MEASURED, measured_as
from snellen.reports.study_cautions import looks_in_words, seen_in_words
from snellen.reports.study_facts import Facts, drawn_with_people, judges
from snellen.reports.study_practice import extra_trials, repeats_in_words
from snellen.reports.tables import signed

__all__ = ["study_protocol"]

_PLATFORMS = {
    "open": "a link that was sent out",
    "prolific": "Prolific",
    "mturk": "Amazon Mechanical Turk",
}
_BY_PARTICIPANT = (
    "Student's t over participants, whose differences in mean rank are averaged first; for the "
    "other values over what each participant's rankings add to them."
)
_TWO_WAY = (
    "The headline: a bootstrap that draws people and, independently, {unit} with replacement, "
    "{resamples:,} times; its deviations are scaled to the variance that people, pictures and "
    "single rankings yield without bias, with quantiles of t where either are few. Shares, mean "
    "ranks, worths and agreement of metrics likewise, of what each ranking adds to them. Agreement "
    "between people and with majorities: percentiles of such draws, which are too wide where few "
    "people rank a picture. What is measured within each person: Student's t over participants."
)


def study_protocol(results: Facts) -> list[tuple[str, str]]:
    """What exactly was done, as (term, text) pairs; what results do not say is left out."""
    study, conduct = results["study"], results.get("conduct") or {}
    terms = [
        ("Task", _task(study)),
        ("Observers", " ".join(_observers(results.get("simulation") or {}))),
        ("Design", " ".join(_design(study))),
        ("Training", _training(study)),
        ("Controls", " ".join(_controls(study))),
        ("Left out", " ".join(_left_out(results))),
        ("People", " ".join(_people(results, study, conduct))),
        ("Dates", " ".join(_dates(conduct))),
        ("Length", _length(conduct.get("minutes"))),
        ("Display", " ".join(_display(results, study, conduct))),
        ("Intervals", _intervals(results)),
        ("Their error", _measured_error(results)),
        ("Tests", _tests(results)),
        ("Ties", _ties(study)),
        ("Worths", _worths(results)),
        ("Metrics", _metrics(results)),
        ("Pictures", _pictures(study, results["findings"]["pictures"])),
        ("Frozen as", readable(study.get("digest") or "")),
        ("Software", _software(results)),
    ]
    return [(term, text) for term, text in terms if text]


def _task(study: Facts) -> str:
    models = len(study["models"])
    return (
        f"The original, labelled, stood above or beside its {models} reconstructions, which had no "
        f"name, and these were ranked from the closest to the original (1) to the least close "
        f"({models})."
    )


def _observers(truth: Facts) -> Iterator[str]:
    """What those of a simulation liked."""
    utilities = truth.get("utilities")
    if not isinstance(utilities, Mapping):
        return
    listed = ", ".join(
        f"{readable(name)} {signed(value, 2)}"
        for name, value in utilities.items()
        if isinstance(value, int | float)
    )
    metric = f", by {readable(str(truth['metric']))}" if truth.get("metric") else ""
    yield f"Simulated, of known utilities: {listed}{metric}."
    spreads = [truth.get(key) for key in ("person_sd", "picture_sd")]
    if all(isinstance(spread, int | float) for spread in spreads):
        yield f"Standard deviation over people {spreads[0]:g}, over pictures {spreads[1]:g}."
    if isinstance(truth.get("inattentive"), list):
        yield f"{len(truth['inattentive'])} of {truth.get('people')} did not look."


def _design(study: Facts) -> Iterator[str]:
    people, trials = study.get("people"), study.get("trials_per_person")
    if people is None or trials is None:
        return
    asked = f"{counted(people, 'participant')} × {counted(trials, 'picture')}"
    kinds = {
        "nested": "Nested: {}; nobody saw another's pictures, each is ranked once.",
        "crossed": "Crossed: {}, the same for all.",
        "balanced-incomplete": (
            "Balanced incomplete: {} of {}, each judged by equally many people, give or take one."
        ),
    }
    everything = study.get("pictures")
    yield kinds[study["design"]].format(asked, "all" if everything is None else f"{everything:,}")
    yield (
        "The models' order on the screen was drawn so that counts of each order differ by at most "
        "one, over the study, for each person and for each picture. Seed "
        f"{study.get('seed', 0)}."
    )


def _training(study: Facts) -> str:
    count = study.get("training_trials")
    if count is None:
        return ""
    if count == 0:
        return "None."
    where = extra_trials(study)
    on = f", {where.training}" if where else ""
    return f"{counted(count, 'trial')} first{on}; not counted."


def _controls(study: Facts) -> Iterator[str]:
    if catch := study.get("catch_trials"):
        where = extra_trials(study)
        on = f", {where.catch}" if where else ""
        yield (
            f"{counted(catch, 'catch trial')}{on}: the original stands among the reconstructions "
            "in place of one, and must be ranked first alone."
        )
    if study.get("repeats"):
        yield repeats_in_words(study)
    if study.get("catch_trials") == 0 and study.get("repeats") == 0:
        yield "No catch trials, no repeats."


def _left_out(results: Facts) -> Iterator[str]:
    study = results["study"]
    if rule := study.get("exclusion_in_words"):
        yield f"{rule} The rule was frozen with the study at the first consent."
    people = results.get("participants") or []
    if not people:
        yield "Nobody has answered yet."
        return
    out = sum(bool(person["reasons"]) for person in people)
    yield f"The rule leaves out {out} of {counted(len(people), 'participant')} with answers."
    yield from _unfinished(results)


def _unfinished(results: Facts) -> Iterator[str]:
    """What became of sessions that were not finished."""
    conduct = results.get("conduct") or {}
    sessions = conduct.get("sessions") or {}
    answered = sum(not person["completed"] for person in results["participants"])
    count = max(answered, sessions.get("active", 0) + sessions.get("expired", 0))
    closed = conduct.get("state") == "closed"
    when = " when the study was closed" if closed else ""
    if not count:
        yield "Every session was finished."
        return
    were = "was" if count == 1 else "were"
    said = f"{counted(count, 'session')} {were} not finished{when}"
    if not answered:
        said += ", and had no answer that could count"
    elif answered < count:
        said += f"; {answered} of them had answers that could count"
    yield f"{said}."
    if results["findings"].get("unfinished"):
        yield "Nobody has finished, so unfinished sessions are what is shown here."
    elif closed:
        yield "It does not count." if count == 1 else "They do not count."
    else:
        yield (
            "They do not count; once the time of one is over, its pictures are given to whoever "
            "comes next."
        )


def _people(results: Facts, study: Facts, conduct: Facts) -> Iterator[str]:
    sessions = conduct.get("sessions") or {}
    began = sum(sessions.values())
    if results.get("simulated"):
        yield f"None. Of {judges(results, began)} {sessions.get('completed', 0)} completed."
        return
    platform = study.get("platform")
    if platform:
        yield f"They came by {_PLATFORMS.get(platform, readable(platform))}."
    if sessions:
        if began:
            rest = (
                f"{sessions['active'] + sessions['expired']} had not finished when the study was "
                "closed"
                if conduct.get("state") == "closed"
                else f"{sessions['active']} still at it, {sessions['expired']} stopped"
            )
            yield (
                f"{judges(results, began)} consented: {sessions['completed']} completed, {rest}, "
                f"{sessions['withdrawn']} withdrew (and were deleted)."
            )
        else:
            yield "Nobody has consented yet."
        yield from _refused(conduct.get("refused"))


def _refused(counts: Facts | None) -> Iterator[str]:
    """Who came and did not take part; studies of an earlier version did not count them."""
    if counts is None:
        yield "Who did not consent was not counted."
        return
    yield (
        f"By what browsers said, {counts['consent']} more did not consent and {counts['screen']} "
        "were turned away because their window was too small; who left without a word is not "
        "counted."
    )


def _dates(conduct: Facts) -> Iterator[str]:
    first, last = conduct.get("first"), conduct.get("last")
    if first and last:
        begin, end = date_in_words(first), date_in_words(last)
        yield f"{begin}." if begin == end else f"{begin} to {end}."
    if conduct.get("unlocked_at"):
        yield f"Results were unlocked before the end on {date_in_words(conduct['unlocked_at'])}."
    if looks := conduct.get("looks_before_closing"):
        yield (
            f"The result was {seen_in_words(conduct)}"
            if conduct.get("state") == "closed"
            else f"The result was looked at before the end, {looks_in_words(looks)}."
        )
    if conduct.get("state"):
        yield f"When this was computed the study was {readable(conduct['state'])}."


def _length(minutes: Facts | None) -> str:
    """How long sessions were, against what is advised."""
    if not minutes:
        return ""
    longer = f"{minutes['over_30']:,}" if minutes["over_30"] else "None"
    return (
        f"{longer} of {counted(minutes['sessions'], 'completed session')} took longer than the 30 "
        f"minutes that ITU-R BT.500 allows: median {_duration(minutes['median'])}, longest "
        f"{_duration(minutes['longest'])}, from the consent to the last answer, pauses included."
    )


def _duration(minutes: float) -> str:
    """A session's length as it is printed.

    >>> _duration(0.3), _duration(18.44)
    ('18 seconds', '18.4 minutes')
    """
    return f"{minutes:.1f} minutes" if minutes >= 1 else f"{60 * minutes:.0f} seconds"


def _display(results: Facts, study: Facts, conduct: Facts) -> Iterator[str]:
    yield "Never smoothed: a picture's pixel covers k×k whole pixels of the screen."
    if used := conduct.get("magnify"):
        total = sum(used.values())
        listed = ", ".join(f"{k} in {100 * n / total:.0f} %" for k, n in used.items())
        yield f"k was {listed} of the answers."
    elif (magnify := study.get("magnify")) is not None:
        yield f"k: {magnify}."
    if ratios := conduct.get("pixel_ratio"):
        yield f"Device pixels for each CSS pixel: {', '.join(ratios)}."
    if screens := conduct.get("screens"):
        listed = ", ".join(
            f"{s['width']:g}×{s['height']:g} at {s['pixel_ratio']:g} ({s['count']})"
            for s in screens
        )
        others = conduct.get("other_screens") or 0
        yield f"Screens: {listed}{f', {others} others' if others else ''}."
    if windows := conduct.get("windows"):
        yield f"Windows were {windows[0]:g} to {windows[1]:g} CSS pixels wide."
    if study.get("small_screens") == "refuse":
        yield f"Windows narrower than {study['smallest_window']} CSS pixels were refused."
    answers = conduct.get("answers")
    if answers and not results.get("simulated"):
        yield f"During {conduct['blurred']:,} of {answers:,} trials the page was left for a while."
        if inexact := conduct.get("inexact"):
            yield f"In {inexact:,} trials the browser could not show whole pixels."


def _intervals(results: Facts) -> str:
    if not results["findings"]["rankings"]:
        return ""
    methods = {entry.get("method") for entry in results["findings"].get("differences") or []}
    named = ", ".join(sorted(readable(method) for method in methods if method))
    text = _BY_PARTICIPANT if measured_as(results) == "nested" else _TWO_WAY
    filled = text.format(
        resamples=results.get("resamples") or 0, unit=drawn_with_people(results["findings"])
    )
    said = f"{100 * results['level']:g} %. {filled}"
    return f"{said} Method of the headline: {named}." if named else said


def _measured_error(results: Facts) -> str:
    """How often the headline errs, where it was measured."""
    tested = [e for e in results["findings"].get("differences") or [] if e.get("p") is not None]
    if not tested:
        return ""
    kind = measured_as(results)
    rates = {key: f"{100 * value:.1f} %" for key, value in CHANCE_OF_HEADLINE[kind].items()}
    said = (
        f"Measured in 4,000 simulated studies of {MEASURED[kind]}, three models, and utilities "
        "that differ by person (standard deviation 0.5) and by picture (0.8). Without any "
        f"difference p was below 0.05 in {rates['rejects']} for one pair and in {rates['any']} "
        "for any of the three after Holm's correction; with utilities in steps of 0.4 the 95 % "
        f"interval covered the truth in {rates['covers']}."
    )
    if "alike" in rates and kind != "nested":
        said += (
            f" It is cautious where neither people nor pictures differ: p was below 0.05 in "
            f"{rates['alike']}."
        )
    return f"{said} Studies of another size, or of people with other habits, may differ from that."


def _tests(results: Facts) -> str:
    count = len(results["findings"].get("differences") or [])
    if count < 2:
        return (
            "Two-sided; one pair of models, so that there is nothing to correct." if count else ""
        )
    return (
        "Two-sided. The p of the headline, and those of Wilcoxon's signed-rank tests, are each "
        f"corrected by Holm for all {count} pairs. Intervals are for one pair at a time."
    )


def _ties(study: Facts) -> str:
    if study.get("ties") is None:
        return ""
    if study["ties"]:
        return (
            "Allowed, and kept: tied models share the mean of their ranks, and count in parts in "
            "the distribution of ranks."
        )
    return "Not offered."


def _worths(results: Facts) -> str:
    if not results["findings"]["rankings"]:
        return ""
    pseudo = results["findings"]["plackett_luce"].get("pseudo")
    return (
        "Plackett–Luce on whole rankings, ties included; logarithms, their mean zero. Of two "
        "models with log worths a and b the first is ranked before the second with a chance of "
        "1/(1 + exp(b − a)), ties left out. Each model wins and loses "
        f"{pseudo:g} comparisons against an imagined one, so that unanimous answers have finite "
        "worths."
    )


def _metrics(results: Facts) -> str:
    if not (results.get("metric_agreement") or {}).get("metrics"):
        return ""
    return (
        "Of the 8-bit pictures that people saw, colour as the mean over channels, in float64. SSIM "
        "and MS-SSIM as Wang et al.; MS-SSIM by as many of its five levels as fit. A function of "
        "one’s own gets float32 in [0, 1]."
    )


def _pictures(study: Facts, ranked: int) -> str:
    said = []
    if study.get("pictures") is not None:
        count = study["pictures"]
        some = f"; {ranked:,} of them were ranked" if 0 < ranked < count else ""
        said.append(f"The study has {counted(count, 'picture')}{some}.")
    provenance = study.get("provenance") or {}
    said += [
        f"{key.capitalize()}: {readable(provenance[key])}."
        for key in ("bundle", "command", "commit")
        if isinstance(provenance.get(key), str)
    ]
    return " ".join(said)


def _software(results: Facts) -> str:
    versions = results.get("software") or {}
    return ", ".join(f"{name} {version}" for name, version in versions.items())
