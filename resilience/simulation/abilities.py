"""What recorded calls could do, as far as the recording shows: ask a verifier, get new credentials."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from resilience.journal.model import RecordedCall


@frozen(kw_only=True)
class Abilities:
    """
    What calls could do.

    Attributes:
        verified: The operations whose verifier was asked, with their providers.
        refreshed: The providers whose credentials were refreshed.
    """

    verified: frozenset[tuple[str | None, str]]
    refreshed: frozenset[str]

    def can_verify(self, call: RecordedCall) -> bool:
        """Return whether a call had a verifier."""
        return call.stop_reason != "unverified" and (call.provider, call.operation) in self.verified

    def can_refresh(self, call: RecordedCall, provider: str | None) -> bool:
        """Return whether a call had a source of this provider's credentials."""
        return call.stop_reason != "no_credentials" and provider in self.refreshed

    @classmethod
    def of(cls, calls: Iterable[RecordedCall]) -> Abilities:
        """Read them off what calls did."""
        verified, refreshed = set(), set()
        for call in calls:
            for each in call.remedies:
                if each.kind == "verify":
                    verified.add((call.provider, call.operation))
                elif each.provider is not None:
                    refreshed.add(each.provider)
        return cls(verified=frozenset(verified), refreshed=frozenset(refreshed))
