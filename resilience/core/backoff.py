"""Compute waits: kinds of backoff and jitter, as pure functions of an attempt's number and a draw."""

from __future__ import annotations

import math
from typing import Final, Literal, get_args

from attrs import frozen

BackoffKind = Literal["constant", "linear", "exponential", "fibonacci", "list"]
Jitter = Literal["none", "full", "equal", "decorrelated"]

BACKOFF_KINDS: Final[tuple[BackoffKind, ...]] = get_args(BackoffKind)
JITTERS: Final[tuple[Jitter, ...]] = get_args(Jitter)

_GOLDEN_RATIO = (1 + math.sqrt(5)) / 2
_DECORRELATED_GROWTH = 3.0


@frozen(kw_only=True)
class Backoff:
    """
    A named way to wait between attempts. Durations are in seconds.

    Attributes:
        name: The name under ``[backoff]``.
        kind: ``constant`` (base), ``linear`` (base, 2 base, 3 base, ...),
            ``exponential`` (base, base x factor, ...), ``fibonacci`` (base x 1, 1, 2,
            3, 5, ...) or ``list`` (the given delays; the last one repeats).
        base: The first wait.
        factor: The factor from one exponential wait to the next; at least 1.
        cap: The longest wait, after jitter and after the server's hint.
        jitter: ``none``; ``full`` (anything from 0 to the wait); ``equal`` (half of it,
            plus anything up to the other half); ``decorrelated`` (from base to three
            times the previous wait; the growth of the kind is not used).
        server_hint: Whether to obey a longer wait that the server asks for, up to the cap.
        delays: The waits of kind ``list``.
    """

    name: str = "default"
    kind: BackoffKind = "exponential"
    base: float = 0.5
    factor: float = 2.0
    cap: float = 20.0
    jitter: Jitter = "full"
    server_hint: bool = True
    delays: tuple[float, ...] = ()

    def delay(self, number: int, *, draw: float, previous: float | None = None, hint: float | None = None) -> float:
        """
        Return the wait in seconds, always finite and within [0, cap].

        Args:
            number: The number of the wait, counted from 1; of any size.
            draw: A number in [0, 1) for jitter.
            previous: The last wait of this backoff, for ``decorrelated``; None before the first.
            hint: The server's hint in seconds; ignored if negative or not finite.
        """
        wait = self._jittered(number, draw, previous)
        if hint is not None and self.server_hint and math.isfinite(hint):
            wait = max(wait, min(hint, self.cap))
        return wait if wait > 0 else 0.0

    def hinted(self, hint: float | None) -> float:
        """Return how long the server asks to wait, at most the cap; 0 if it does not, or is not to be heard."""
        if hint is None or not self.server_hint or not math.isfinite(hint):
            return 0.0
        return max(min(hint, self.cap), 0.0)

    def longest(self, number: int) -> float:
        """Return the longest wait of this number without a server's hint, in seconds."""
        if self.jitter == "decorrelated":
            return self.cap if number > 1 else min(self.base * _DECORRELATED_GROWTH, self.cap)
        return min(self._growth(number), self.cap)

    def _jittered(self, number: int, draw: float, previous: float | None) -> float:
        if self.jitter == "decorrelated":
            ceiling = max(self.base, (self.base if previous is None else previous) * _DECORRELATED_GROWTH)
            return min(self.base + draw * (ceiling - self.base), self.cap)
        wait = min(self._growth(number), self.cap)
        if self.jitter == "full":
            return draw * wait
        if self.jitter == "equal":
            return wait / 2 + draw * wait / 2
        return wait

    def _growth(self, number: int) -> float:
        """Return the wait before jitter and cap; infinite if it is too large for a float."""
        steps = number - 1
        if self.base == 0 and self.kind != "list":
            return 0.0
        try:
            match self.kind:
                case "constant":
                    return self.base
                case "linear":
                    return self.base * number
                case "exponential":
                    return self.base * self.factor**steps
                case "fibonacci":
                    # Binet's formula, rounded: exact up to the 70th number, long past any cap.
                    return self.base * round(_GOLDEN_RATIO**number / math.sqrt(5))
                case "list":
                    return self.delays[min(steps, len(self.delays) - 1)] if self.delays else self.base
        except OverflowError:
            return math.inf
