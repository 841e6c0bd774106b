"""What executors of several processes share: ``[state]`` of a policy."""

from __future__ import annotations

from typing import Final, Literal

from attrs import field, frozen

OnUnavailable = Literal["local", "fail"]
"""What to do while the store that processes share cannot be used."""

STORE_SCHEMES: Final = ("redis", "rediss", "valkey", "valkeys")
"""The schemes of the urls of stores; a text without a scheme is the path of a file."""


@frozen(kw_only=True)
class StateSettings:
    """
    What executors of several processes share.

    Attributes:
        store: The url of a server, or the path of a file; it may have a password in it.
        on_unavailable: What to do while the store cannot be used: keep this process's part of the limits, or end calls
            before they send anything.
        written: The store as in the policy, so that its digest is the same on every machine.
    """

    store: str = field(repr=False)
    on_unavailable: OnUnavailable = "local"
    written: str | None = field(default=None, eq=False, repr=False)
