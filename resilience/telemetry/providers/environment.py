"""Providers for a program that sets none, from the variables that OpenTelemetry defines for that."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from threading import Thread, local
from types import ModuleType
from typing import Any, Final

from attrs import frozen
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


@frozen(eq=False)
class Providers:
    """
    Providers that are set nowhere: their owner sends by them, and the program may still set its own.

    Attributes:
        tracer: Makes spans; None where the environment asks for none.
        meter: Makes instruments; likewise.
    """

    tracer: Any = None
    meter: Any = None

    def flush(self) -> None:
        """Send what is left; how long that takes depends on who receives it."""
        _flush(self.tracer, self.meter)


def own_providers(service: str) -> Providers | str | None:
    """
    Make the providers that the environment asks for, as OpenTelemetry's own configuration does, and set none.

    They are not shut down when the program exits; their owner flushes them.

    Args:
        service: The name of the service, where the environment does not say it.

    Returns:
        The providers; None where no variable asks for one, or the program has set one of its own; or why they could
        not be made, for the user.
    """
    variable = asked_for()
    if variable is None or has_providers():
        return None
    if find_spec("opentelemetry.sdk") is None:
        return f"{variable} is set, but the OpenTelemetry SDK is not installed; {_EXTRA}"
    try:
        # Private, and what OpenTelemetry's own launcher runs (opentelemetry-sdk 1.25.0 and 1.45.2, read 2026-11-21):
        # a reading of some thirty variables of our own would never be the same.
        from opentelemetry.sdk import _configuration as configuration  # noqa: PLC0415  # not paid for without need

        with _defaults(service), _caught(configuration) as made:
            configuration._OTelSDKConfigurator().configure()  # type: ignore[no-untyped-call]  # noqa: SLF001  # the SDK's own is untyped
    except Exception as error:  # noqa: BLE001  # no call fails for its telemetry
        return f"no telemetry, although {variable} is set: {type(error).__name__}: {error}"
    for provider in made.values():
        atexit.unregister(provider.shutdown)
    return Providers(tracer=made.get("set_tracer_provider"), meter=made.get("set_meter_provider"))


_SETTERS: Final = ("set_tracer_provider", "set_meter_provider", "set_logger_provider")
"""What the SDK's configuration calls with the providers that it has made."""


_IMPORT: Final = "_import_exporters"
"""What finds the classes of exporters; its answers are dictionaries of them."""


class _Sending(local):
    """Whether this thread sends what providers of our own have recorded."""

    is_ours = False


_sending: Final = _Sending()
_failures: Final = [0]


def is_sending_ours() -> bool:
    """Tell whether this thread sends what providers of our own have recorded, and not the program's."""
    return _sending.is_ours


def has_failed() -> bool:
    """Tell whether a provider of our own could not send something."""
    return _failures[0] > 0


@contextmanager
def _caught(configuration: ModuleType) -> Iterator[dict[str, Any]]:
    """Catch the providers that would be set, by the name of the function that would set them."""
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
    """Return a class of exporters that says while it sends, and afterwards whether it could."""

    def export(self: Any, *args: Any, **kwargs: Any) -> Any:
        _sending.is_ours = True
        try:
            result = exporter.export(self, *args, **kwargs)
        finally:
            _sending.is_ours = False
        _failures[0] += getattr(result, "name", "SUCCESS") != "SUCCESS"
        return result

    return type(exporter.__name__, (exporter,), {"export": export})


def flush_providers() -> None:
    """Send what is left in the providers that the program has set, where it ends without Python's exit functions."""
    _flush(trace.get_tracer_provider(), metrics.get_meter_provider())


def _flush(*providers: object) -> None:
    # One after the other would wait twice for a receiver that is away.
    threads = [
        Thread(target=flush, daemon=True)
        for provider in providers
        if (flush := getattr(provider, "force_flush", None)) is not None  # the SDK's providers have it
    ]
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:
            thread.run()  # Python is ending, and starts no thread any more
    for thread in threads:
        if thread.ident is not None:
            thread.join()


def is_exporting() -> bool:
    """Tell whether the SDK, in this thread, is sending what was measured."""
    # Set around each export, for instrumentation that must not see the SDK's own traffic; the key has no public name
    # (opentelemetry-api 1.25.0 and 1.45.2, read 2026-11-21).
    key = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", None)
    return key is not None and context.get_value(key) is not None


def has_providers() -> bool:
    """Tell whether a provider has been set, by whomever."""
    # The public calls answer with a proxy as long as no provider is set.
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
