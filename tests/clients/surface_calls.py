"""What adapters say of clients and of their calls, asked as tests ask it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resilience.clients import registry
from resilience.clients.common import renaming, request_codecs
from resilience.clients.common.calls import Apis, Arguments
from resilience.clients.common.renaming import Renaming
from resilience.clients.vendor.calls import SdkMethod
from resilience.clients.vendor.sdk import VendorSdk
from resilience.core.fault import Fault


def adapters() -> tuple[VendorSdk, ...]:
    """Return the adapters of vendors' SDKs."""
    return tuple(sdk for sdk in registry.sdks() if isinstance(sdk, VendorSdk))


def vendor_modules() -> Mapping[str, tuple[str, ...]]:
    """Return the modules of vendors' SDKs in which clients are, and these."""
    return {module: names for sdk in adapters() for module, names in sdk.hooks.items()}


def methods_of(cls: type) -> Mapping[str, SdkMethod]:
    """Return the methods of a client class that send."""
    sdk = registry.of_class(cls)
    return sdk.methods(cls, Apis()) if isinstance(sdk, VendorSdk) else {}


def _codecs(provider: str) -> request_codecs.RequestCodecs:
    return tuple(codec for sdk in adapters() if sdk.provider == provider for codec in sdk.codecs)


def fields_of(provider: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a request."""
    return request_codecs.fields_of(_codecs(provider), args, kwargs)


def with_fields(
    provider: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], changes: Mapping[str, Any]
) -> Arguments:
    """Return the arguments with other values for some fields."""
    return request_codecs.with_fields(_codecs(provider), args, kwargs, changes)


def name_references(provider: str) -> renaming.NameReferences:
    """Return where requests to a provider name resources."""
    return next((sdk.references for sdk in adapters() if sdk.provider == provider), {})


def renamed_fields(provider: str, fields: Mapping[str, Any], renames: Mapping[Renaming, str]) -> dict[str, Any]:
    """Return the fields that a rename changes."""
    return renaming.renamed_fields(name_references(provider), provider, fields, renames)


def accepted_answer(  # a call, and what became of it
    method: SdkMethod,
    client: object,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    operation: str,
    request_id: str | None,
) -> Any:
    """Return the answer of a call that is taken for a success."""
    fault = Fault(provider=method.provider, request_id=request_id)
    return method.on(client, (method.provider, operation)).accepted(args, kwargs, fault)


def service_error(client: object, fault: Fault, message: str) -> Exception | None:
    """Return the SDK's own error."""
    sdk = registry.of_class(type(client))
    return sdk.service_error(fault, message) if isinstance(sdk, VendorSdk) else None
