"""The reason for which a call is made without the policy."""

from __future__ import annotations

from attrs import frozen


@frozen
class Bypass:
    """
    The reason for which one call is made without the policy.

    Attributes:
        way: How the call is sent: ``requests with a body that can be read once``.
        advice: A clause that says why the policy cannot apply, and what to do instead.
    """

    way: str
    advice: str
