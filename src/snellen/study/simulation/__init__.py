"""Simulated observers with a known taste: through a running server, or straight into a copy."""

from snellen.study.simulation.into_copy import simulate_into_copy
from snellen.study.simulation.over_http import simulate_over_http
from snellen.study.simulation.records import SIMULATION_FILE, Outcome
from snellen.study.simulation.tastes import METRICS, SimulationOptions

__all__ = [
    "METRICS",
    "SIMULATION_FILE",
    "Outcome",
    "SimulationOptions",
    "simulate_into_copy",
    "simulate_over_http",
]
