"""The instruments of metrics; the package's docstring describes them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Final

from attrs import frozen
from opentelemetry.metrics import Counter, Histogram, Meter

from resilience.telemetry import names
from resilience.telemetry.metrics.active import ActiveCalls
from resilience.telemetry.metrics.levels import SharedLevels

# A call may last for minutes, most of them waits; an attempt lasts as long as a request, which is milliseconds
# to seconds; no attempt waits less than 0.1 s for the next one.
_OF_CALLS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_OF_ATTEMPTS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_OF_DELAYS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

_ADVISORY: Final = "explicit_bucket_boundaries_advisory"


@frozen(eq=False)
class Instruments:
    """The instruments of one meter."""

    operation_duration: Histogram
    operation_failures: Counter
    operation_active: ActiveCalls
    attempt_duration: Histogram
    admission_duration: Histogram
    retry_delay: Histogram
    decisions: Counter
    faults_unmatched: Counter
    ledger_answers: Counter
    breaker_changes: Counter
    rate_adaptations: Counter
    levels: SharedLevels
    refresh_duration: Histogram
    verify_duration: Histogram

    @classmethod
    def make(cls, meter: Meter) -> Instruments:
        """Create all instruments; a meter returns the same instrument for the same name."""
        return cls(
            operation_duration=_histogram(
                meter, names.OPERATION_DURATION, _OF_CALLS, "Calls: their attempts, waits and remedies."
            ),
            operation_failures=meter.create_counter(
                names.OPERATION_FAILURES, unit="{operation}", description="Calls that failed."
            ),
            operation_active=ActiveCalls.of(meter),
            attempt_duration=_histogram(meter, names.ATTEMPT_DURATION, _OF_ATTEMPTS, "Attempts."),
            admission_duration=_histogram(
                meter,
                names.ADMISSION_DURATION,
                _OF_ATTEMPTS,
                "Waits for the ledger, credentials, rate limits or a thread.",
            ),
            retry_delay=_histogram(meter, names.DELAY, _OF_DELAYS, "Waits before attempts and remedies."),
            decisions=meter.create_counter(
                names.DECISIONS, unit="{decision}", description="Decisions after faults and verifications."
            ),
            faults_unmatched=meter.create_counter(
                names.FAULTS_UNMATCHED, unit="{fault}", description="Faults that no rule of the policy names."
            ),
            ledger_answers=meter.create_counter(
                names.LEDGER_ANSWERS, unit="{answer}", description="Answers of the ledger before first attempts."
            ),
            breaker_changes=meter.create_counter(
                names.BREAKER_CHANGES, unit="{change}", description="Changes of breakers to another state."
            ),
            rate_adaptations=meter.create_counter(
                names.RATE_ADAPTATIONS, unit="{change}", description="Changes of rate limits that adapt."
            ),
            levels=SharedLevels.of(meter),
            refresh_duration=_histogram(
                meter,
                names.REFRESH_DURATION,
                _OF_ATTEMPTS,
                "Refreshes of credentials, in the calls that run them.",
            ),
            verify_duration=_histogram(meter, names.VERIFY_DURATION, _OF_ATTEMPTS, "Calls of verifiers."),
        )


def _histogram(meter: Meter, name: str, buckets: Sequence[float], description: str) -> Histogram:
    # opentelemetry-api has the argument for buckets since 1.30; a meter of another implementation may lack it too.
    if _ADVISORY in inspect.signature(meter.create_histogram).parameters:
        return meter.create_histogram(
            name, unit="s", description=description, explicit_bucket_boundaries_advisory=buckets
        )
    return meter.create_histogram(name, unit="s", description=description)
