"""Foresight: how long many calls take, before they are made."""

from resilience.fleet.forecast.run import (
    FleetSetup,
    Forecast,
    forecast,
    most_within,
    refusal_of,
    without_rates,
)
from resilience.fleet.forecast.service import Counting, LimitedService

__all__ = [
    "Counting",
    "FleetSetup",
    "Forecast",
    "LimitedService",
    "forecast",
    "most_within",
    "refusal_of",
    "without_rates",
]
