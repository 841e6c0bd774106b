"""The adapter of Acme's SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from resilience.clients.common.request_codecs import RequestCodec, RequestCodecs
from resilience.clients.vendor.sdk import VendorSdk
from resilience.core.fault import Fault


class AcmeSdk(VendorSdk):
    """Clients of ``acme_sdk``."""

    provider: ClassVar[str] = "acme"
    packages: ClassVar[tuple[str, ...]] = ("acme_sdk.",)
    clients: ClassVar[tuple[str, ...]] = ("Acme's SDK",)
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = {"acme_sdk.client": ("Client",)}
    codecs: ClassVar[RequestCodecs] = (
        RequestCodec(
            lambda value: isinstance(value, dict),
            lambda request: request,
            lambda request, changes: {**request, **changes},
        ),
    )

    def fault(self, error: Exception) -> Fault:
        """Return the fault in the SDK's own exception."""
        code, request_id = getattr(error, "code", None), getattr(error, "request_id", None)
        return Fault(provider=self.provider, code=code, request_id=request_id)

    def operations(self, base: type) -> list[tuple[str, str]]:
        """Return the methods that perform one operation: they are called like it."""
        return [(name, name) for name in vars(base) if name[:1].isupper()]

    def answer(self, base: type, operation: str, said: Mapping[str, Any]) -> Any:  # noqa: ARG002  # all are mappings
        """Return an answer of the SDK's."""
        return dict(said)
