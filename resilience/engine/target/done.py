"""The value with which a verifier says "there" for a function that returns None."""

from __future__ import annotations

from typing import Final, final


@final
class Done:
    """The value with which a verifier says "there" for a function that returns None."""

    def __repr__(self) -> str:
        """Return its public name."""
        return "resilience.DONE"


DONE: Final = Done()
