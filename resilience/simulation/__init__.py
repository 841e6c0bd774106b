"""
Rehearses a policy without a network: plays calls against fault scripts.

:mod:`resilience.core.machine` makes the decisions, and the clock is a number. So an hour of waiting takes less than a
millisecond, and the same seed gives the same call.
"""

from resilience.core.fault import CUT
from resilience.simulation.faults import Scripted, fault_of, meetings, read_script
from resilience.simulation.play import play
from resilience.simulation.played import (
    EndlessError,
    Environment,
    Played,
    ScriptedResponse,
    SimulatedStep,
    VerifierModel,
)
from resilience.simulation.runs import PERCENTILES, Distribution, Setup, Spread, distribution, simulate

__all__ = [
    "CUT",
    "PERCENTILES",
    "Distribution",
    "EndlessError",
    "Environment",
    "Played",
    "Scripted",
    "ScriptedResponse",
    "Setup",
    "SimulatedStep",
    "Spread",
    "VerifierModel",
    "distribution",
    "fault_of",
    "meetings",
    "play",
    "read_script",
    "simulate",
]
