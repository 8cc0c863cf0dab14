"""Configurations and pictures of all sizes."""

import numpy as np
from hypothesis import strategies as st

from snellen.study.config import DESIGNS, parse_config

TEXTS = dict.fromkeys(("title", "instructions", "consent", "contact"), "…")


def config(design="crossed", people=6, trials=6, models=3, **other):
    names = [f"m{k}" for k in range(models)]
    values = {"models": names, "design": design, "people": people, "trials_per_person": trials}
    return parse_config({**TEXTS, **values, **other})


def spread(numbers, count):
    """How far apart the counts of 0 … count − 1 among `numbers` are."""
    return int(np.ptp(np.bincount(numbers, minlength=count)))


@st.composite
def studies(draw):
    """A configuration and pictures that fit each other."""
    design = draw(st.sampled_from(DESIGNS))
    people, trials = draw(st.integers(1, 12)), draw(st.integers(1, 14))
    if design == "nested":
        least, most = people * trials, people * trials + 10
    elif design == "crossed":
        least, most = trials, trials + 10
    else:
        least, most = trials, people * trials
    pictures = draw(st.integers(least, most))
    found = config(
        design,
        people,
        trials,
        models=draw(st.integers(2, 6)),
        seed=draw(st.integers(0, 2**32 - 1)),
        training_trials=draw(st.integers(0, 3)),
        catch_trials=draw(st.integers(0, 7)),
        repeats=draw(st.integers(0, trials)),
    )
    first = draw(st.integers(0, 5))
    return found, list(range(first, first + 2 * pictures, 2))
