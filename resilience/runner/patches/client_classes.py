"""Puts the client classes of an SDK under the policy; imported when the first of them is."""

from __future__ import annotations

from types import ModuleType

from attrs import define, evolve, field

from resilience.clients import registry
from resilience.engine.client.wrapped_client import ClientWrapper
from resilience.engine.executor import BareExecutor
from resilience.runner.settings import Setting
from resilience.runner.telemetry.tracing import Tracing
from resilience.runner.totals.bypasses import Past
from resilience.runner.totals.counters import Counters
from resilience.runner.totals.counting import Counting
from resilience.runner.totals.names import Names
from resilience.runner.totals.notes import Notes


@define(eq=False)
class Cover:
    """
    One executor for all calls of this process, and what ties it to the run.

    Attributes:
        tracing: The telemetry of this process.
    """

    _setting: Setting
    _past: Past
    tracing: Tracing = field(init=False)
    _wrapper: ClientWrapper = field(init=False)

    def __attrs_post_init__(self) -> None:
        setting = self._setting
        notes, names = Notes(setting.run), Names(setting.run)
        self.tracing = Tracing(setting, notes)
        counters = Counters(setting.run, self.tracing.begin)
        executor = BareExecutor(
            # Without the APIs that may be anywhere; as a rule there are none, and a policy is slow to copy.
            setting.policy if setting.apis == setting.policy.apis else evolve(setting.policy, apis=setting.apis),
            ledger=setting.ledger(),
            observers=[
                *self.tracing.observers(),
                *([] if setting.journal is None else [setting.journal]),
                Counting(counters, notes),
            ],
        )
        self._wrapper = ClientWrapper(
            executor,
            names=names,
            tally=counters.tally,
            on_switched_off=notes.remark,
            on_uncovered=lambda operation, why: self._past.count(operation, why.way),
        )

    @property
    def enabled(self) -> bool:
        """Whether the policy acts; RESILIENCE=off switches it off."""
        return self._wrapper.executor.enabled

    def cover(self, module: ModuleType) -> None:
        """Put the client classes of a module under the policy."""
        for name in registry.hooks()[module.__name__]:
            # A newer SDK may have dropped one of its classes.
            cls = getattr(module, name, None)
            if cls is not None:
                self._wrapper.patch(cls)
