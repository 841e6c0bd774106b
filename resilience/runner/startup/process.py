"""
One process of a run: the patches that it makes, and the requests that it counts.

This module imports little: many Python processes that a script starts never use an SDK.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Final

from resilience.runner.ending.termination import end_like_interrupt
from resilience.runner.patches.imports import SENDERS, SOCKET
from resilience.runner.run import Run
from resilience.runner.totals.bypasses import Bypasses

if TYPE_CHECKING:
    from resilience.clients.common.room import SentRequest
    from resilience.runner.patches.client_classes import ClientPatches
    from resilience.runner.settings import RunSettings


# How many Pythons without the policy the summary shows.
_SHOWN: Final = 3


class Process:
    """
    This process of a run; it does nothing until an SDK is imported.

    Attributes:
        run: The run.
        settings: The settings of the run; None before this process has read them.
        patches: The patches of client classes; None before the first SDK is imported.
        bypasses: Counts the calls that are made without the policy.
    """

    def __init__(self, run: Run, *, is_supervisor: bool = False) -> None:
        self.run = run
        self.bypasses = Bypasses(run)
        self._is_supervisor = is_supervisor
        self.settings: RunSettings | None = None
        self.patches: ClientPatches | None = None

    def remarks(self) -> list[str]:
        """Return sentences about Pythons to which the policy did not apply."""
        strangers = self.run.strangers()
        remarks = [
            f"a Python of another installation was not under the policy: {each}; install mqtt-resilience there, "
            "and begin the run with that one"
            for each in strangers[:_SHOWN]
        ]
        if self._is_supervisor and not strangers and not self.run.pythons():
            remarks.append("the command has started no Python that could be put under the policy")
        return remarks

    def imported(self, module: ModuleType) -> None:
        """Wrap the client classes of a module, or watch its requests or connections."""
        if module.__name__ in SENDERS:
            from resilience.runner.patches.requests_sent import watch  # noqa: PLC0415  # not needed before

            watch(module, self.sent)
            return
        if module.__name__ == SOCKET:
            from resilience.runner.patches.connections import watch_connections  # noqa: PLC0415  # not needed before

            watch_connections(module, self.run.hosts, self.bypasses.count)
            return
        # Two threads may make two executors here. That is harmless, because their shared state is in the run's folder.
        # A lock could deadlock with a lock of the import system.
        if self.patches is None:
            from resilience.policyfile.garbage import without_collections  # noqa: PLC0415  # imports the policy

            with without_collections():
                from resilience.runner.patches.client_classes import ClientPatches  # noqa: PLC0415  # imports the engine

                self.patches = ClientPatches(self._settings(), self.bypasses)
                end_like_interrupt()
        self.patches.patch(module)

    def sent(self, sent: SentRequest, way: Callable[[], str]) -> None:
        """Count a request that no call has sent to a service with a catalogue, or to an API of the policy."""
        from resilience.clients.outline import named_by_vendor  # noqa: PLC0415  # requests_sent has imported both
        from resilience.engine.runtime.attribution import is_telemetry  # noqa: PLC0415

        operation = named_by_vendor(sent)
        if operation is None and {sent.host, sent.host.rpartition(":")[0]} & {*self.run.hosts}:
            from resilience.runner.patches.request_names import named_by_policy  # noqa: PLC0415  # imports the policy

            operation = named_by_policy(self._settings(), sent)
        if operation is not None and not is_telemetry():
            self.bypasses.count(operation, way())

    def _settings(self) -> RunSettings:
        if self.settings is None:
            from resilience.runner.settings import RunSettings  # noqa: PLC0415  # imports the policy

            self.settings = RunSettings.of(self.run)
        return self.settings
