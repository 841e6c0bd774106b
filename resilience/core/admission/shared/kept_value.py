"""Small values that processes share: a process proposes a new one, and a store takes it or says what is there."""

from __future__ import annotations

from attrs import frozen


@frozen
class Proposal:
    """
    A change of a value.

    Attributes:
        key: The name of the value, the same in all processes that share it.
        version: That of the value in whose place the new one is to be; empty for none.
        value: The new value, a text; empty to learn whether there is still that version, or what is there.
        lasts: After how many seconds without a change the value is forgotten.
    """

    key: str
    version: str
    value: str
    lasts: float

    def holds(self, kept: KeptValue) -> bool:
        """Tell whether what it was made from was there."""
        return kept.is_changed or (not self.value and self.version in {"", kept.version})


@frozen
class KeptValue:
    """
    A value as a store keeps it.

    Attributes:
        now: The store's time, in seconds.
        version: Changes with the value; empty where there is none.
        value: A text; empty where there is none.
        is_changed: Whether the change that was proposed was made.
    """

    now: float
    version: str
    value: str
    is_changed: bool
