"""What tests of the engine share: policies in a few words, a scripted service, and an observer that writes down."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import anyio

from resilience import Executor, Fault, ServiceError
from resilience.core.backoff import Backoff
from resilience.core.events import CallStarted, Event
from resilience.core.fault import Effect, Origin, Repeat
from resilience.core.observer import Sink
from resilience.core.operations.declared import Declaration
from resilience.core.policy import Action, Limits, PolicyValues, Rule, ready_made
from resilience.core.settings.credentials import CredentialLimits

INSTANCE = "mqtt-cn-x"
GROUP = "GID_sensors"

ONE_SECOND = Backoff(kind="constant", base=1.0, jitter="none")
READY = ready_made(ONE_SECOND)
RETRY, REFRESH, RENAME, VERIFY, ACCEPT, FAIL = (
    READY[verb] for verb in ("retry", "refresh", "rename", "verify", "accept", "fail")
)
ACCEPT_ALWAYS = Action(key="accept-always", do="accept", condition="always")
AT_ONCE = Action(key="at-once", do="retry", backoff=Backoff(kind="constant", base=0.0, jitter="none"), counts=True)


def policy(  # a keyword for each table of a policy file
    rules: Mapping[str, Action] | None = None,
    *,
    deadline: float | None = 600.0,
    attempt_timeout: float | None = None,
    max_attempts: int = 4,
    settle: float = 30.0,
    repeats: Mapping[str, Repeat] | None = None,
    effects: Mapping[str, Effect] | None = None,
    credentials: CredentialLimits | None = None,
) -> PolicyValues:
    """
    Return a policy whose rules are written ``Code`` or ``Operation/Code``; transports are among the codes.

    A code that begins with a small letter belongs to ``[rules.transport]``, as in a file.
    """
    entries = []
    for line, (entry, action) in enumerate((rules or {}).items(), start=1):
        operation, _, code = entry.rpartition("/")
        scope = "transport" if code[0].islower() else "alibaba"
        entries.append(
            Rule(
                id=f'{scope}."{entry}"',
                scope=scope,
                operation=operation or None,
                code=code,
                action=action,
                effect=(effects or {}).get(entry),
                locate=functools.partial(Origin, "policies/mqtt.toml", line, 1),
            )
        )
    tables: dict[str, Any] = {
        "operations": {"alibaba": {name: Declaration(repeat=repeat) for name, repeat in (repeats or {}).items()}},
        "credentials": {"alibaba": credentials} if credentials else {},
        "backoffs": {"default": ONE_SECOND},
        "actions": READY,
    }
    return PolicyValues(
        name="test",
        limits=Limits(deadline=deadline, attempt_timeout=attempt_timeout, max_attempts=max_attempts, settle=settle),
        rules=tuple(entries),
        unknown=FAIL,
        **tables,
    )


def executor(values: PolicyValues | None = None, /, **more: Any) -> Executor:
    """Return an executor for Alibaba that draws 0.5, watched by nobody if nobody is given."""
    values = values or policy({"Busy": RETRY, "lost": RETRY, "Expired": REFRESH, "Taken": RENAME})
    asked: dict[str, Any] = {"provider": "alibaba", "observers": (), "draw": lambda: 0.5} | more
    return Executor(values, **asked)


def refused(code: str = "Busy", *, effect: Effect | None = "none", **more: Any) -> ServiceError:
    """Return a service's refusal; by default one that surely changed nothing."""
    return ServiceError(code, "a message that nobody may see", effect=effect, **more)


Step = Exception | float | Literal["hang"]


class Service:
    """
    A scripted service: what each call meets, in order; after the script every call succeeds.

    A number is a call that takes so many seconds, ``"hang"`` one that never ends.
    """

    def __init__(self, *script: Step, value: Any = "created") -> None:
        self.script = list(script)
        self.value = value
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.instants: list[float] = []

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((args, kwargs))
        self.instants.append(anyio.current_time())
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step == "hang":
            await anyio.sleep_forever()
        await anyio.sleep(step if isinstance(step, float) else 0)
        return self.value

    @property
    def waits(self) -> list[float]:
        """Return the seconds between the beginnings of the calls, rounded to a millisecond."""
        return [round(later - earlier, 3) for earlier, later in zip(self.instants, self.instants[1:], strict=False)]

    def group_function(self) -> Callable[..., Any]:
        """Return a function with the usual parameters that calls this service."""

        async def create_group(instance_id: str, group_id: str) -> Any:
            return await self(instance_id, group_id)

        return create_group


class Log:
    """An observer that writes down every event of every call."""

    idle_slot = None

    def __init__(self) -> None:
        self.started: list[CallStarted] = []
        self.events: list[Event] = []

    def watch(self, started: CallStarted) -> Sink:
        self.started.append(started)
        return self.events.append

    @property
    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def last(self, kind: type[Any]) -> Any:
        return next(event for event in reversed(self.events) if isinstance(event, kind))


def codes(faults: Iterable[Fault | None]) -> Sequence[str | None]:
    return [None if fault is None else fault.label for fault in faults]
