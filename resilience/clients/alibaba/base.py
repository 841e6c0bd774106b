"""What holds for both of Alibaba's SDKs: they call the same services."""

from __future__ import annotations

from typing import ClassVar

from resilience.catalog import OperationFacts
from resilience.clients.alibaba import answers, errors
from resilience.clients.sdk import Check, Sdk


class AlibabaSdk(Sdk):
    """An SDK for Alibaba Cloud."""

    provider: ClassVar[str] = errors.PROVIDER

    def check(self, facts: OperationFacts | None) -> Check:
        """Return a function that tells the fault in an answer of either SDK."""
        return answers.checker(facts)
