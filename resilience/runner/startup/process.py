"""
The part of one process in a run: what it puts under the policy, and what it counts.

Little is imported here: many Pythons that a script starts never use an SDK.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Final

from resilience.garbage import without_collections
from resilience.runner.ending.termination import end_like_interrupt
from resilience.runner.patches.imports import SENDERS, SOCKET
from resilience.runner.run import Run
from resilience.runner.totals.bypasses import Bypasses

if TYPE_CHECKING:
    from resilience.clients.common.room import SentRequest
    from resilience.runner.patches.client_classes import ClientPatches
    from resilience.runner.settings import RunSettings


# Of Pythons that were not under the policy.
_SHOWN: Final = 3


class Process:
    """
    This process's part in a run: nothing, until an SDK is imported.

    Attributes:
        run: The run.
        settings: Its policy and more, once this process has read it.
        patches: What puts classes under the policy, once there is one to put there.
        bypasses: Counts what goes past the policy.
    """

    def __init__(self, run: Run, *, is_supervisor: bool = False) -> None:
        self.run = run
        self.bypasses = Bypasses(run)
        self._is_supervisor = is_supervisor
        self.settings: RunSettings | None = None
        self.patches: ClientPatches | None = None

    def remarks(self) -> list[str]:
        """Say which Pythons were not under the policy, as far as they have come past our start."""
        strangers = self.run.strangers()
        said = [
            f"a Python of another installation was not under the policy: {each}; install mqtt-resilience there, "
            "and begin the run with that one"
            for each in strangers[:_SHOWN]
        ]
        if self._is_supervisor and not strangers and not self.run.pythons():
            said.append("the command has started no Python that could be put under the policy")
        return said

    def imported(self, module: ModuleType) -> None:
        """Put the client classes of a module under the policy, or look at the requests that it sends."""
        if module.__name__ in SENDERS:
            from resilience.runner.patches.requests_sent import watch  # noqa: PLC0415  # only where something may be sent

            watch(module, self.sent)
            return
        if module.__name__ == SOCKET:
            from resilience.runner.patches.connections import watch_connections  # noqa: PLC0415  # likewise

            watch_connections(module, self.run.hosts, self.bypasses.count)
            return
        # Two threads that come here at once make two executors, which is as good as one: what has to be known to
        # both is known to the run. A lock here could wait for one of the imports' own.
        if self.patches is None:
            with without_collections():
                from resilience.runner.patches.client_classes import ClientPatches  # noqa: PLC0415  # it brings in the engine

                self.patches = ClientPatches(self._settings(), self.bypasses)
                end_like_interrupt()
        self.patches.patch(module)

    def sent(self, sent: SentRequest, way: Callable[[], str]) -> None:
        """Count a request that no call has sent, if it is to one of the two services or to an API of the policy."""
        from resilience.clients.outline import named_by_vendor  # noqa: PLC0415  # likewise
        from resilience.engine.runtime.attribution import is_telemetry  # noqa: PLC0415  # it is there, or we would not be here

        operation = named_by_vendor(sent)
        if operation is None and {sent.host, sent.host.rpartition(":")[0]} & {*self.run.hosts}:
            from resilience.runner.patches.request_names import named_by_policy  # noqa: PLC0415  # it brings in the policy

            operation = named_by_policy(self._settings(), sent)
        if operation is not None and not is_telemetry():
            self.bypasses.count(operation, way())

    def _settings(self) -> RunSettings:
        if self.settings is None:
            from resilience.runner.settings import RunSettings  # noqa: PLC0415  # it brings in the policy

            self.settings = RunSettings.of(self.run)
        return self.settings
