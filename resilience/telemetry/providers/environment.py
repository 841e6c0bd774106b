"""Make providers for a program that sets none, from OpenTelemetry's environment variables."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from threading import Thread, local
from types import ModuleType
from typing import Any, Final

from attrs import frozen
from opentelemetry import context, metrics, trace

from resilience.telemetry.providers.log_filter import keep_off_stdout

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

LAST_PATIENCE: Final = 4.0
"""Seconds that the end of a program waits for a receiver. One that runs takes milliseconds."""

_EXTRA: Final = "install the extra: pip install 'mqtt-resilience[otel]'"


def asked_for(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the first variable that asks for traces or metrics; None if all are missing, empty or ``none``."""
    if environ.get(_DISABLED, "").strip().lower() == "true":
        return None
    return next((name for name in _ASKING if environ.get(name, "").strip() not in {"", "none"}), None)


@frozen(eq=False)
class Providers:
    """
    Providers that are not set globally, so that the program may still set its own.

    Attributes:
        tracer: The tracer provider; None if the environment asks for no traces.
        meter: The meter provider; None if the environment asks for no metrics.
    """

    tracer: Any = None
    meter: Any = None

    def flush(self) -> None:
        """Send the rest; the time that this takes depends on the receiver."""
        _flush(self.tracer, self.meter)


def own_providers(service: str) -> Providers | str | None:
    """
    Make the providers that the environment asks for, as OpenTelemetry's own configuration does, without setting them.

    They are not shut down when the program exits; their owner flushes them.

    Args:
        service: The name of the service, if the environment does not have it.

    Returns:
        The providers. None if no variable asks for one, or if the program has set its own. A sentence for the user if
        they could not be made.
    """
    variable = asked_for()
    if variable is None or has_providers():
        return None
    if find_spec("opentelemetry.sdk") is None:
        return f"{variable} is set, but the OpenTelemetry SDK is not installed; {_EXTRA}"
    try:
        # This is private. OpenTelemetry's own launcher calls it (opentelemetry-sdk 1.25.0 and 1.45.2, read 2026-11-21),
        # and our own reading of some thirty variables would differ from it.
        from opentelemetry.sdk import _configuration as configuration  # noqa: PLC0415  # slow to import

        with _defaults(service), _caught(configuration) as made:
            configuration._OTelSDKConfigurator().configure()  # type: ignore[no-untyped-call]  # noqa: SLF001  # it has no types
    except Exception as error:  # noqa: BLE001  # telemetry must not make a call fail
        return f"no telemetry, although {variable} is set: {type(error).__name__}: {error}"
    for provider in made.values():
        atexit.unregister(provider.shutdown)
    return Providers(tracer=made.get("set_tracer_provider"), meter=made.get("set_meter_provider"))


def set_providers(service: str) -> str | None:
    """
    Make the providers that the environment asks for those of the program, unless it has set its own.

    For a program of ours, which calls :func:`flush_providers` at its end.

    Args:
        service: The name of the service, if the environment does not have it.

    Returns:
        A sentence for the user if they could not be made; else None.
    """
    made = own_providers(service)
    if isinstance(made, Providers):
        # What an exporter logs about a receiver that does not answer would come every few seconds.
        keep_off_stdout("opentelemetry", is_muted=is_sending_ours)
        if made.tracer is not None:
            trace.set_tracer_provider(made.tracer)
        if made.meter is not None:
            metrics.set_meter_provider(made.meter)
        return None
    return made


_SETTERS: Final = ("set_tracer_provider", "set_meter_provider", "set_logger_provider")
"""The functions that the SDK's configuration calls with the providers that it has made."""

_IMPORT: Final = "_import_exporters"
"""The function that returns the classes of exporters, in dictionaries."""


class _Sending(local):
    """Whether this thread sends the telemetry of our own providers."""

    is_ours = False


_sending: Final = _Sending()
_failures: Final = [0]


def is_sending_ours() -> bool:
    """Tell whether this thread sends the telemetry of our own providers."""
    return _sending.is_ours


def has_failed() -> bool:
    """Tell whether one of our own providers could not send something."""
    return _failures[0] > 0


@contextmanager
def _caught(configuration: ModuleType) -> Iterator[dict[str, Any]]:
    """Collect the providers that the configuration would set, by the name of the setter."""
    made: dict[str, Any] = {}
    names = [name for name in (*_SETTERS, _IMPORT) if hasattr(configuration, name)]
    before = {name: getattr(configuration, name) for name in names}
    for name, function in before.items():
        instead = partial(_marked_exporters, function) if name == _IMPORT else partial(made.__setitem__, name)
        setattr(configuration, name, instead)
    try:
        yield made
    finally:
        for name, function in before.items():
            setattr(configuration, name, function)


def _marked_exporters(find: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return tuple(
        {name: _marked(cls) if hasattr(cls, "export") else cls for name, cls in classes.items()}
        for classes in find(*args, **kwargs)
    )


def _marked(exporter: Any) -> Any:
    """Return a class of exporters that notes when it sends, and whether it failed."""

    def export(self: Any, *args: Any, **kwargs: Any) -> Any:
        _sending.is_ours = True
        try:
            result = exporter.export(self, *args, **kwargs)
        finally:
            _sending.is_ours = False
        _failures[0] += getattr(result, "name", "SUCCESS") != "SUCCESS"
        return result

    return type(exporter.__name__, (exporter,), {"export": export})


def flush_providers(patience: float | None = None) -> bool:
    """
    Send the rest in the program's own providers, before it ends without Python's exit functions.

    Args:
        patience: The longest wait, in seconds; None for no limit.

    Returns:
        Whether everything was sent in time, now and before.
    """
    return _flush(trace.get_tracer_provider(), metrics.get_meter_provider(), patience=patience) and not has_failed()


def _flush(*providers: object, patience: float | None = None) -> bool:
    """Send the rest; tell whether that took less than ``patience`` seconds."""
    end = time.monotonic() + (patience or 0.0)
    # In parallel, because each of them waits for a receiver that does not answer.
    threads = [
        Thread(target=flush, daemon=True)
        for provider in providers
        if (flush := getattr(provider, "force_flush", None)) is not None  # the API's own providers lack it
    ]
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:
            thread.run()  # Python is ending, and starts no more threads
    for thread in threads:
        if thread.ident is not None:
            thread.join(None if patience is None else max(end - time.monotonic(), 0.0))
    return not any(thread.is_alive() for thread in threads)


def is_exporting() -> bool:
    """Tell whether the SDK is sending telemetry in this thread."""
    # The SDK sets this key around each export, so that instrumentation ignores its traffic. The key has no public name
    # (opentelemetry-api 1.25.0 and 1.45.2, read 2026-11-21).
    key = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", None)
    return key is not None and context.get_value(key) is not None


def has_providers() -> bool:
    """Tell whether a provider has been set globally."""
    # The public functions return a proxy as long as no provider is set.
    providers = (trace.get_tracer_provider(), metrics.get_meter_provider())
    return not all("Proxy" in type(provider).__name__ for provider in providers)


@contextmanager
def _defaults(service: str) -> Iterator[None]:
    """
    Set the defaults of OpenTelemetry's launcher in the environment, and restore it at the end.

    An endpoint alone means that signals go there. The protocol is ``http/protobuf``, which the
    specification recommends and our extra installs; the SDK's default is gRPC.
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
