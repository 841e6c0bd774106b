"""The declarations in ``[operations.PROVIDER]``, which extend a catalogue or replace one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from attrs import frozen

from resilience.core.fault import Repeat
from resilience.core.grammar.pattern import Pattern

OnLost = Literal["stop", "discard"]
"""What follows a lost answer that cannot be had again: the call stops, or a verifier discards what was made."""

# A token may make a request unique, so it is not in this list.
_SECRET: Final = re.compile("secret|passw|private_?key|access_?key", re.IGNORECASE)


def is_secret_field(name: str) -> bool:
    """Tell from a field's name whether its value is a secret, which must not be kept."""
    return _SECRET.search(name) is not None


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern:
    return Pattern.of(text)


@frozen(kw_only=True)
class DeclaredName:
    """
    The service's rules for the name that a rename changes.

    Attributes:
        pattern: A regular expression that matches the whole name; None for any name.
        max_length: The most characters; None if no limit is known.
    """

    pattern: str | None = None
    max_length: int | None = None

    def is_legal(self, name: str) -> bool:
        """Tell whether the service accepts a name."""
        too_long = self.max_length is not None and len(name) > self.max_length
        return bool(name) and not too_long and (self.pattern is None or _pattern(self.pattern).matches(name))


@frozen(kw_only=True)
class Declaration:
    """
    One operation in ``[operations]``. A value is None if the policy does not give it; fields have their wire names.

    Attributes:
        repeat: What a repeat of the operation does.
        key: The request fields that together name the resource; empty if each call is meant anew, so that no ledger
            remembers it.
        rename: The field of the key that a rename changes.
        name: The rules for names in that field.
        read_back: The operation that finds the resource.
        requires: The fields that every success has; a success without one is ``garbled``.
        settle: The seconds after a doubtful attempt during which "it is not there" is not believed.
        unique: The request fields that distinguish a purchase from all others.
        on_lost: What follows if the answer is lost, and only the answer has what the caller needs.
        is_assumed: Whether the declaration is made from the HTTP method, since ``[operations]`` has none.
    """

    repeat: Repeat | None = None
    key: tuple[str, ...] | None = None
    rename: str | None = None
    name: DeclaredName | None = None
    read_back: str | None = None
    requires: tuple[str, ...] | None = None
    settle: float | None = None
    unique: tuple[str, ...] | None = None
    on_lost: OnLost | None = None
    is_assumed: bool = False
