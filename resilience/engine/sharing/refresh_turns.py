"""
The turns of processes to refresh credentials, where they share a store: one refresh is under way at a time.

Each process has credentials of its own, and no secret is ever in the store. What processes share is a lock that ends by
itself if its holder dies, a limit of refreshes in a second, and what came of the last refreshes: while the token
service is in trouble, one process asks it once in a cool-down.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from hashlib import sha256
from typing import Final, Protocol, TypeVar
from uuid import uuid4

from attrs import define, evolve, field

from resilience.core.admission.shared.kept_value import KeptValue, Proposal
from resilience.core.admission.shared.permits import GivenPermits, PermitRequest
from resilience.core.admission.shared.refresh_record import refresh_record
from resilience.core.admission.shared.reservation import GivenSlots, SharedLimit, SlotRequest
from resilience.engine.runtime.runtime import Runtime
from resilience.engine.sharing.shared_store import TIMEOUT, SharedStore
from resilience.state.store import StateError, Store

T = TypeVar("T")

LEASE: Final = 10.0
"""How long a refresh holds its turn at most, in seconds; a token service answers in well under a second."""

PER_SECOND: Final = 10
"""How many refreshes of one account begin in a second at most: Alibaba's STS takes 100 calls a second for all uses."""

# In seconds. The store forgets what it knows of refreshes when there are none for so long.
_KEPT: Final = 3600.0
_WITHIN: Final = 2.0
_TRIES: Final = 5


@define(eq=False)
class RefreshTurn:
    """
    The turn of one refresh, or the wait for it.

    Attributes:
        request: The question for it.
        is_over: Whether it is not wanted any more.
        kept: What the store knows of the last refreshes, as it was told last.
        asked_at: When it was told, on the runtime's clock.
        is_shared: Whether the store has given it; not where the store is away, and the process decides by itself.
    """

    request: SlotRequest
    is_over: bool = field(default=False, init=False)
    kept: KeptValue | None = field(default=None, init=False)
    asked_at: float = field(default=0.0, init=False)
    is_shared: bool = field(default=False, init=False)


class NotNow(Enum):
    """Stands for new credentials where another process has its turn, and the call does not wait."""

    NOT_NOW = "not now"


class Waiting(Protocol):
    """
    A refresh that waits for its turn.

    Attributes:
        runtime: Of the call that runs it.
        waited: How long it has waited, in seconds.
    """

    runtime: Runtime
    waited: float


class RefreshCoolingError(Exception):
    """
    Another process's refresh has failed, and the token service is not asked again yet.

    Attributes:
        error: The class of that failure.
        left: After how many seconds it is asked again.
    """

    def __init__(self, error: str, left: float) -> None:
        super().__init__(error, left)
        self.error = error
        self.left = left

    def __str__(self) -> str:
        """Return what has happened, and how long it holds."""
        return f"a refresh of another process has failed ({self.error}); it is tried again in {self.left:.1f} s"


@define(eq=False)
class RefreshTurns:
    """
    The turns of one source.

    Attributes:
        shared: The store.
        key: What its names in the store begin with; the same in all processes with such a source.
    """

    shared: SharedStore
    key: str

    @classmethod
    def of(cls, shared: SharedStore, begins: str, name: str) -> RefreshTurns:
        """Return the turns of a source of this name, of the account whose values' names begin so."""
        return cls(shared, f"{begins}:refresh:{sha256(name.encode()).hexdigest()[:12]}")

    async def refresh(
        self,
        fetch: Callable[[Runtime], Awaitable[T]],
        flight: Waiting,
        cool_down: float,
        *,
        waits: bool,
        begins: Callable[[], None],
    ) -> T | NotNow:
        """
        Refresh when it is this process's turn, and tell the others what came of it.

        Args:
            fetch: Gets new credentials.
            flight: Of the refresh; it gets the time that was waited.
            cool_down: For how many seconds a failure of another process holds.
            waits: Whether to wait for the refreshes of other processes.
            begins: Called when the refresh begins: before the wait, if there may be one.

        Returns:
            The new credentials; or that there would have been a wait.

        Raises:
            RefreshCoolingError: Another process's refresh has failed.
            StateError: The store cannot be used, and the policy says that calls fail then.
            Exception: The refresh failed.
        """
        runtime = flight.runtime
        turn, began = RefreshTurn(self._request()), runtime.now()
        if waits:
            begins()
        try:
            try:
                if not await self._has(turn, runtime, cool_down, waits=waits):
                    return NotNow.NOT_NOW
            finally:
                flight.waited = runtime.now() - began
            if not waits:
                begins()
            try:
                value = await fetch(runtime)
            except Exception as error:
                await self._tell(turn, runtime, type(error).__qualname__)
                raise
            await self._tell(turn, runtime, None)
            return value
        finally:
            await self._leave(turn, runtime)

    async def _has(self, turn: RefreshTurn, runtime: Runtime, cool_down: float, *, waits: bool) -> bool:
        """Wait for a turn; False where it would have to be waited for. Without the store each process has one."""
        while (given := await self._ask(turn, runtime, turn.request)) is not None:
            record = refresh_record("" if given.kept is None else given.kept.value)
            left = record.cools_for(cool_down, given.now)
            if left > 0.0:
                raise RefreshCoolingError(record.error, left)
            permits = given.permits
            if permits is None or not permits.usable:
                if not waits:
                    return False
                await runtime.sleep(_pause(permits))
                continue
            first = given.slots[0] if given.slots else given.next
            if first is not None and first > given.now:
                await runtime.sleep(first - given.now)
            if given.slots:
                turn.is_shared = True
                return True
            turn.request = evolve(turn.request, permits=_held(turn.request, 1))
        return True

    async def _tell(self, turn: RefreshTurn, runtime: Runtime, error: str | None) -> None:
        """Tell the other processes what came of a refresh; without the store that is not possible."""
        if not turn.is_shared:
            return
        with runtime.shield():
            for _ in range(_TRIES):
                kept = turn.kept or KeptValue(0.0, "", "", is_changed=False)
                now = kept.now + runtime.now() - turn.asked_at
                before = refresh_record(kept.value)
                after = before.succeeded(now) if error is None else before.failed(error, now)
                told = SlotRequest(proposal=Proposal(self.key, kept.version, after.text(), _KEPT))
                try:
                    answer = await self._ask(turn, runtime, told)
                except StateError:
                    return  # the refresh itself has ended, and what came of it must not be lost
                if answer is None or answer.kept is None or answer.kept.is_changed:
                    return

    async def _leave(self, turn: RefreshTurn, runtime: Runtime) -> None:
        """Give the turn back, or leave the queue; without the store it comes back by itself."""
        turn.is_over = True
        if self.shared.error is not None:
            return
        gone = SlotRequest(permits=_held(turn.request, 0))
        with runtime.shield():
            try:
                await self._ask(turn, runtime, gone)
            except StateError:
                return

    async def _ask(self, turn: RefreshTurn, runtime: Runtime, request: SlotRequest) -> GivenSlots | None:
        """Ask the store; None where it is away and the process decides by itself."""
        shared = self.shared
        if shared.error is not None and not shared.begins_trial():
            shared.stand_in()
            return None
        asks_for_turn = request is turn.request

        def ask(store: Store) -> GivenSlots | None:
            if asks_for_turn and turn.is_over:
                return None
            given = store.reserve(request, TIMEOUT)
            if asks_for_turn and turn.is_over:
                # The call was cancelled, and what it asked for would be held for the whole lease.
                store.reserve(SlotRequest(permits=_held(request, 0)), TIMEOUT)
            return given

        virtual = runtime.virtual_store(shared.settings.store)
        began = runtime.now()
        question: Callable[[], GivenSlots | None] = lambda: shared.use(ask, virtual)  # noqa: E731  # typed
        ran = await runtime.run_until(None, runtime.ask_store, (question,), {})
        if isinstance(ran.error, StateError):
            shared.stand_in()
            return None
        if ran.error is not None:
            raise ran.error
        given: GivenSlots | None = ran.value
        if given is not None and given.kept is not None:
            turn.kept, turn.asked_at = given.kept, began
        return given

    def _request(self) -> SlotRequest:
        holder = f"{self.shared.holder}:{uuid4().hex[:8]}"
        return SlotRequest(
            limits=(SharedLimit(f"{self.key}:rate", PER_SECOND, 1.0),),
            name=holder,
            wanted=1,
            within=_WITHIN,
            proposal=Proposal(self.key, "", "", _KEPT),
            permits=PermitRequest(key=f"{self.key}:turn", count=1, holder=holder, held=0, wanted=1, lasts=LEASE),
        )


def function_name(function: object) -> str:
    """Return the name that a function has in every process."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '')}.{name}"


def _held(request: SlotRequest, held: int) -> PermitRequest | None:
    return None if request.permits is None else evolve(request.permits, held=held, wanted=held)


def _pause(permits: GivenPermits | None) -> float:
    return LEASE if permits is None or permits.again is None else permits.again
