"""What processes tell each other of the refreshes of one account's credentials; it holds no secret."""

from __future__ import annotations

import json
import math

from attrs import frozen


@frozen
class RefreshRecord:
    """
    The last refreshes of all processes.

    Attributes:
        good_at: When the last one succeeded, on the store's clock; minus infinity for never.
        failed_at: When the last one failed; likewise.
        error: The class of that failure.
    """

    good_at: float = -math.inf
    failed_at: float = -math.inf
    error: str = ""

    def cools_for(self, cool_down: float, now: float) -> float:
        """
        Return for how many seconds no process asks the token service, because it is in trouble; 0 for none.

        A failure shortly after a success of another process says more of the process that failed than of the service.
        """
        if self.good_at > self.failed_at - cool_down:
            return 0.0
        return min(max(self.failed_at + cool_down - now, 0.0), cool_down)

    def succeeded(self, now: float) -> RefreshRecord:
        """Return the record after a success."""
        return RefreshRecord(now, self.failed_at, self.error)

    def failed(self, error: str, now: float) -> RefreshRecord:
        """Return the record after a failure."""
        return RefreshRecord(self.good_at, now, error)

    def text(self) -> str:
        """Return it as a store keeps it."""
        times = (None if each == -math.inf else round(each, 3) for each in (self.good_at, self.failed_at))
        return json.dumps([*times, self.error])


def refresh_record(text: str) -> RefreshRecord:
    """Return what a store keeps; an empty text is nothing."""
    if not text:
        return RefreshRecord()
    good_at, failed_at, error = json.loads(text)
    return RefreshRecord(
        -math.inf if good_at is None else good_at, -math.inf if failed_at is None else failed_at, error
    )
