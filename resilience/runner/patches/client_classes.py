"""Wrap the client classes of SDKs; imported with the first SDK."""

from __future__ import annotations

from types import ModuleType

from attrs import define, evolve, field

from resilience.clients import registry
from resilience.engine.client.wrapped_client import ClientWrapper
from resilience.engine.executor import BareExecutor
from resilience.runner.settings import RunSettings
from resilience.runner.telemetry.tracing import Tracing
from resilience.runner.totals.bypasses import Bypasses
from resilience.runner.totals.counters import Counters
from resilience.runner.totals.counting import CountingObserver
from resilience.runner.totals.names import RunNames
from resilience.runner.totals.notes import Notes


@define(eq=False)
class ClientPatches:
    """
    The executor for all calls of this process, with the observers and names of the run.

    Attributes:
        tracing: The telemetry of this process.
    """

    _settings: RunSettings
    _bypasses: Bypasses
    tracing: Tracing = field(init=False)
    _wrapper: ClientWrapper = field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = self._settings
        notes, names = Notes(settings.run), RunNames(settings.run)
        self.tracing = Tracing(settings, notes)
        counters = Counters(settings.run, self.tracing.begin)
        executor = BareExecutor(
            # Without the APIs that have no hosts. Most policies have no such APIs, and a policy is slow to copy.
            settings.policy if settings.apis == settings.policy.apis else evolve(settings.policy, apis=settings.apis),
            ledger=settings.ledger(),
            observers=[
                *self.tracing.observers(),
                *([] if settings.journal is None else [settings.journal]),
                CountingObserver(counters, notes),
            ],
        )
        self._wrapper = ClientWrapper(
            executor,
            names=names,
            tally=counters.tally,
            on_switched_off=notes.remark,
            on_bypass=lambda operation, why: self._bypasses.count(operation, why.way),
        )

    @property
    def enabled(self) -> bool:
        """Whether the policy applies; RESILIENCE=off switches it off."""
        return self._wrapper.executor.enabled

    def patch(self, module: ModuleType) -> None:
        """Wrap the client classes of a module."""
        for name in registry.hooks()[module.__name__]:
            # A newer SDK may lack one of the classes.
            cls = getattr(module, name, None)
            if cls is not None:
                self._wrapper.patch(cls)
