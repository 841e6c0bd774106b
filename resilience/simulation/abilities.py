"""The abilities of recorded calls: whether they had a verifier, and a source of credentials."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from resilience.journal.model import RecordedCall


@frozen(kw_only=True)
class Abilities:
    """
    The abilities that a recording shows.

    Attributes:
        verified: The providers and operations with a verification.
        refreshed: The providers with a refresh of credentials.
    """

    verified: frozenset[tuple[str | None, str]]
    refreshed: frozenset[str]

    def can_verify(self, call: RecordedCall) -> bool:
        """Tell whether a call had a verifier."""
        return call.stop_reason != "unverified" and (call.provider, call.operation) in self.verified

    def can_refresh(self, call: RecordedCall, provider: str | None) -> bool:
        """Tell whether a call had a source of this provider's credentials."""
        return call.stop_reason != "no_credentials" and provider in self.refreshed

    @classmethod
    def of(cls, calls: Iterable[RecordedCall]) -> Abilities:
        """Return the abilities that some calls show."""
        verified, refreshed = set(), set()
        for call in calls:
            for each in call.remedies:
                if each.kind == "verify":
                    verified.add((call.provider, call.operation))
                elif each.provider is not None:
                    refreshed.add(each.provider)
        return cls(verified=frozenset(verified), refreshed=frozenset(refreshed))
