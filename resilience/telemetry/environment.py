"""Providers for a program that sets none, from the variables that OpenTelemetry defines for that."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final

from opentelemetry import context, metrics, trace

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_METRICS_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
_TRACES_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_METRICS_EXPORTER: Final = "OTEL_METRICS_EXPORTER"
_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
_SERVICE: Final = "OTEL_SERVICE_NAME"
_RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"
_DISABLED: Final = "OTEL_SDK_DISABLED"

_ASKING: Final = (_ENDPOINT, _TRACES_ENDPOINT, _METRICS_ENDPOINT, _TRACES_EXPORTER, _METRICS_EXPORTER)

_EXTRA: Final = "install the extra: pip install 'mqtt-resilience[otel]'"


def asked_for(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the first variable that asks for traces or metrics, or None; one that is set and empty asks for none."""
    if environ.get(_DISABLED, "").strip().lower() == "true":
        return None
    return next((name for name in _ASKING if environ.get(name, "").strip() not in {"", "none"}), None)


def set_up_providers(service: str) -> str | None:
    """
    Set the providers that the environment asks for, as OpenTelemetry's own configuration does.

    Nothing is done where the program has set a provider of its own, or where no
    variable asks for one. The SDK sends what is left when the program exits.

    Args:
        service: The name of the service, where the environment does not say it.

    Returns:
        Why it could not be done, for the user; None if all is well.
    """
    variable = asked_for()
    if variable is None or has_providers():
        return None
    if find_spec("opentelemetry.sdk") is None:
        return f"{variable} is set, but the OpenTelemetry SDK is not installed; {_EXTRA}"
    try:
        # Private, and what OpenTelemetry's own launcher runs (opentelemetry-sdk 1.25.0 and 1.45.2, read 2026-11-21):
        # a reading of some thirty variables of our own would never be the same.
        from opentelemetry.sdk._configuration import _OTelSDKConfigurator  # noqa: PLC0415  # not paid for without need

        with _defaults(service):
            _OTelSDKConfigurator().configure()  # type: ignore[no-untyped-call]  # the SDK's own is untyped
    except Exception as error:  # noqa: BLE001  # no call fails for its telemetry
        return f"no telemetry, although {variable} is set: {type(error).__name__}: {error}"
    return None


def flush_providers() -> None:
    """Send what is left, in a process that ends without Python's exit functions."""
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        flush = getattr(provider, "force_flush", None)  # the SDK's providers have it
        if flush is not None:
            flush()


def is_exporting() -> bool:
    """Tell whether the SDK, in this thread, is sending what was measured."""
    # Set around each export, for instrumentation that must not see the SDK's own traffic; the key has no public name
    # (opentelemetry-api 1.25.0 and 1.45.2, read 2026-11-21).
    key = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", None)
    return key is not None and context.get_value(key) is not None


def has_providers() -> bool:
    """Tell whether a provider has been set, by whomever."""
    # The public calls answer with a proxy as long as nobody has set a provider.
    providers = (trace.get_tracer_provider(), metrics.get_meter_provider())
    return not all("Proxy" in type(provider).__name__ for provider in providers)


@contextmanager
def _defaults(service: str) -> Iterator[None]:
    """
    Fill in what OpenTelemetry's launcher fills in, for a moment; the program finds its environment as it was.

    An endpoint alone means that signals go there. The protocol is the one that the
    specification recommends and our extra brings, where the SDK would take gRPC.
    """
    environ = os.environ
    values = {_PROTOCOL: "http/protobuf"}
    if environ.get(_ENDPOINT) or environ.get(_TRACES_ENDPOINT):
        values[_TRACES_EXPORTER] = "otlp"
    if environ.get(_ENDPOINT) or environ.get(_METRICS_ENDPOINT):
        values[_METRICS_EXPORTER] = "otlp"
    if "service.name=" not in environ.get(_RESOURCE, ""):
        values[_SERVICE] = service
    missing = {name: value for name, value in values.items() if not environ.get(name)}
    before = {name: environ.get(name) for name in missing}
    environ.update(missing)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del environ[name]
            else:
                environ[name] = value
