"""Why a call cannot be under a policy."""

from __future__ import annotations

from attrs import frozen


@frozen
class Bypass:
    """
    Why one call goes past the policy.

    Attributes:
        way: By which way it is sent: ``requests with a body that can be read once``.
        advice: A clause that says why, and what to do instead.
    """

    way: str
    advice: str
