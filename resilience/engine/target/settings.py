"""The settings that all calls of an executor share: policy, credentials, ledger and observers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import Factory, field, frozen

from resilience.clients import classify, with_message
from resilience.core.admission.outage import OutageLimits
from resilience.core.events import ResourceRenamed
from resilience.core.fault import Fault
from resilience.core.observer import ALWAYS_IDLE, Slot
from resilience.core.policy import Limits, PolicyValues
from resilience.engine.credentials.policy_source import PolicySources
from resilience.engine.credentials.source import Credentials
from resilience.engine.errors import ServiceError
from resilience.engine.runtime.locks import ProcessLock
from resilience.engine.runtime.worker_threads import Threads
from resilience.engine.sharing.shared_store import SharedStore
from resilience.engine.target.admissions import Admissions, account_name
from resilience.engine.target.injection import Rehearsal
from resilience.engine.target.names import NameOwners, ProcessNames
from resilience.engine.target.observers import Audience
from resilience.state import Ledger

OFF: Final = Limits(deadline=None, max_attempts=1)
"""The limits of a call if the policy is switched off: one attempt, without a time limit."""


@frozen(kw_only=True, eq=False)
class ExecutorSettings:
    """The settings that all calls of an executor share; without ``enabled`` a call is one attempt."""

    policy: PolicyValues
    enabled: bool = True
    account: str = ""
    sources: Mapping[str, Credentials[Any]] = field(factory=dict)
    audience: Audience
    classify: Callable[[Exception], Fault | None] | None = None
    on_rename: Callable[[ResourceRenamed], object] | None = None
    ledger: Ledger | None = None
    draw: Callable[[], float]
    threads: Threads = field(factory=Threads)
    called: set[tuple[str | None, str]] = field(factory=set)
    forgotten: set[tuple[str | None, str]] = field(factory=set)
    names: NameOwners = field(factory=ProcessNames)
    outage: OutageLimits = field(
        init=False,
        default=Factory(
            lambda self: OutageLimits(
                self.policy,
                ProcessLock(),
                None if self.policy.state is None else lambda provider: account_name(provider, self.account),
            ),
            takes_self=True,
        ),
    )
    shared: SharedStore | None = field(
        init=False,
        default=Factory(
            lambda self: None if self.policy.state is None else SharedStore(self.policy.state), takes_self=True
        ),
    )
    policy_sources: PolicySources = field(
        init=False,
        default=Factory(
            lambda self: PolicySources.of_policy(
                self.policy,
                self.shared if self.enabled else None,
                lambda provider: account_name(provider, self.account),
            ),
            takes_self=True,
        ),
    )
    admissions: Admissions = field(
        init=False,
        default=Factory(lambda self: Admissions(self.policy.rates, self.account, self.shared), takes_self=True),
    )
    reads_messages: bool = field(
        init=False,
        default=Factory(lambda self: any(rule.message is not None for rule in self.policy.rules), takes_self=True),
    )
    rehearsal: Rehearsal | None = field(
        init=False,
        default=Factory(
            lambda self: Rehearsal(self.policy.chaos) if self.enabled and self.policy.chaos.injections else None,
            takes_self=True,
        ),
    )

    def __attrs_post_init__(self) -> None:
        """Let sources refresh in turn with those of other processes."""
        if self.enabled and self.shared is not None:
            for provider, source in self.sources.items():
                source.take_turns(self.shared, account_name(provider, self.account))

    @property
    def limits(self) -> Limits:
        """The limits of a call without limits of its own."""
        return self.policy.limits if self.enabled else OFF

    @property
    def has_more_to_do(self) -> bool:
        """Whether the engine has work before an attempt, or instead of one."""
        return self.rehearsal is not None or self.ledger is not None

    @property
    def idle_slots(self) -> tuple[Slot, Slot] | None:
        """
        Two variables that tell quickly whether a call is only an attempt; None if there is always more to do.

        While both are None, no observer wants the events of a call that succeeds at once.
        """
        if self.has_more_to_do:
            return None
        slots: list[Slot] = []
        for observer in self.audience.observers:
            slot = observer.idle_slot
            if slot is None:
                return None
            # By identity: two observers may have different mappings that are equal at the moment.
            if slot is not ALWAYS_IDLE and not any(slot[0] is each[0] and slot[1] == each[1] for each in slots):
                slots.append(slot)
        match slots:
            case []:
                return ALWAYS_IDLE, ALWAYS_IDLE
            case [slot]:
                return slot, ALWAYS_IDLE
            case [slot, other]:
                return slot, other
            case _:
                return None

    def fault(self, error: Exception, provider: str | None) -> Fault | None:
        """Return the fault in an exception; None for a programming error."""
        if isinstance(error, ServiceError):
            return error.fault
        own = None if self.classify is None else self.classify(error)
        if own is None:
            api = None if provider is None else self.policy.apis.get(provider)
            return classify(error, provider=provider, api=api, words=self.reads_messages)
        return with_message(own, error) if self.reads_messages else own
