"""The part that the adapters of both of Alibaba's SDKs share: the SDKs call the same services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from resilience.catalog import OperationFacts
from resilience.clients.alibaba import answers
from resilience.clients.alibaba.name_references import NAME_REFERENCES
from resilience.clients.alibaba.tea.keys.assuming import alibaba_assume_role
from resilience.clients.alibaba.traits import PROVIDER
from resilience.clients.common.assuming import Keys
from resilience.clients.common.calls import Check
from resilience.clients.common.keys import KeyTriple
from resilience.clients.common.renaming import NameReferences
from resilience.clients.vendor.sdk import VendorSdk


class AlibabaSdk(VendorSdk):
    """An SDK for Alibaba Cloud."""

    provider: ClassVar[str] = PROVIDER
    references: ClassVar[NameReferences] = NAME_REFERENCES
    # Alibaba's command line tools and the SDK's default credential provider read these (read 2026-11-28).
    key_variables: ClassVar[tuple[str, str, str]] = (
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "ALIBABA_CLOUD_SECURITY_TOKEN",
    )

    def check(self, facts: OperationFacts | None) -> Check:
        """Return a function that returns the fault in an answer of either SDK."""
        return answers.checker(facts)

    def assume_role(self, role: str, keys: Keys, options: Mapping[str, Any]) -> Callable[[], KeyTriple]:
        """Return a function that assumes a role; the option ``region`` is ignored, since the endpoint contains it."""
        given = {name: value for name, value in options.items() if name != "region"}
        return alibaba_assume_role(role_arn=role, keys=keys, **given)
