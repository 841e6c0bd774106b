"""How often something happened within the last seconds or calls, in constant work and bounded memory."""

from __future__ import annotations

from collections import deque
from typing import Final

# A window is this many slices long. What is counted is up to one slice older than the window, and never younger.
_SLICES: Final = 20


class RecentCount:
    """
    How often something happened within a window of time.

    What happened within the window is always counted; what is older leaves within a twentieth of its length.

    Args:
        length: Of the window, in seconds.
    """

    __slots__ = ("_counts", "_slice", "_width", "total")

    def __init__(self, length: float) -> None:
        self._width = length / _SLICES
        self._counts = [0] * (_SLICES + 1)
        self._slice = 0
        self.total = 0

    def add(self, at: float) -> None:
        """Count one more; ``at`` never goes back."""
        self.move(at)
        self._counts[self._slice % len(self._counts)] += 1
        self.total += 1

    def move(self, at: float) -> int:
        """Forget what is too old; return the count."""
        number = int(at / self._width)
        passed = number - self._slice
        if passed > 0:
            counts = self._counts
            if passed >= len(counts):
                self.clear()
            else:
                for slice_number in range(self._slice + 1, number + 1):
                    place = slice_number % len(counts)
                    self.total -= counts[place]
                    counts[place] = 0
            self._slice = number
        return self.total

    def fewer_in(self, at: float) -> float | None:
        """Return after how many seconds the count is lower, if nothing happens until then; None where it is 0."""
        if not self.move(at):
            return None
        counts = self._counts
        for age in range(_SLICES, -1, -1):
            if counts[(self._slice - age) % len(counts)]:
                return (self._slice - age + len(counts)) * self._width - at
        raise AssertionError("a count that is the sum of nothing")

    def clear(self) -> None:
        """Forget everything."""
        self._counts = [0] * len(self._counts)
        self.total = 0

    def packed(self) -> list[int]:
        """Return what it remembers, for :meth:`unpack`."""
        return [self._slice, *self._counts]

    def unpack(self, packed: list[int]) -> None:
        """Remember what another one did, of a window of the same length."""
        self._slice, *self._counts = packed
        self.total = sum(self._counts)


class TimeWindow:
    """The results within a window of time, and how many of them were failures; ``length`` is in seconds."""

    __slots__ = ("_failures", "_results")

    def __init__(self, length: float) -> None:
        self._results, self._failures = RecentCount(length), RecentCount(length)

    def add(self, at: float, *, is_failure: bool) -> None:
        """Count one more result; ``at`` never goes back."""
        self._results.add(at)
        if is_failure:
            self._failures.add(at)

    def counts(self, at: float) -> tuple[int, int]:
        """Return how many of the results were failures, and how many results there are."""
        return self._failures.move(at), self._results.move(at)

    def clear(self) -> None:
        """Forget everything."""
        self._results.clear()
        self._failures.clear()

    def packed(self) -> list[list[int]]:
        """Return what it remembers, for :meth:`unpack`."""
        return [self._failures.packed(), self._results.packed()]

    def unpack(self, packed: list[list[int]]) -> None:
        """Remember what another one did."""
        failures, results = packed
        self._failures.unpack(failures)
        self._results.unpack(results)


class CallWindow:
    """The last ``length`` results, and how many of them were failures."""

    __slots__ = ("_failures", "_results")

    def __init__(self, length: int) -> None:
        self._results: deque[bool] = deque(maxlen=length)
        self._failures = 0

    def add(self, at: float, *, is_failure: bool) -> None:  # noqa: ARG002  # as of a window of time
        """Count one more result, in place of the oldest."""
        results = self._results
        if len(results) == results.maxlen:
            self._failures -= results[0]
        results.append(is_failure)
        self._failures += is_failure

    def counts(self, at: float) -> tuple[int, int]:  # noqa: ARG002  # as of a window of time
        """Return how many of the results were failures, and how many results there are."""
        return self._failures, len(self._results)

    def clear(self) -> None:
        """Forget everything."""
        self._results.clear()
        self._failures = 0

    def packed(self) -> list[int]:
        """Return what it remembers, for :meth:`unpack`."""
        return [int(is_failure) for is_failure in self._results]

    def unpack(self, packed: list[int]) -> None:
        """Remember what another one did."""
        self.clear()
        for each in packed:
            self.add(0.0, is_failure=bool(each))
