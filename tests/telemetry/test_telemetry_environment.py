"""Providers from the environment, as OpenTelemetry's own launcher would make them."""

from __future__ import annotations

import pytest

from resilience.telemetry.providers.environment import asked_for


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "x"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "True"}, None),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, "OTEL_METRICS_EXPORTER"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    ],
)
def test_who_asks_for_telemetry(environ: dict[str, str], variable: str | None) -> None:
    """An endpoint or an exporter does, unless it is empty or the SDK is switched off."""
    assert asked_for(environ) == variable
