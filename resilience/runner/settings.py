"""The settings of a run's calls: policy, ledger and journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

from attrs import evolve, frozen

from resilience.core.operations.apis import RestApi
from resilience.core.policy import LedgerSettings
from resilience.policyfile import Policy
from resilience.runner.run import Run

if TYPE_CHECKING:
    from resilience.observers import Journal
    from resilience.state import Ledger

_BUILTIN: Final = "builtin:"


@frozen
class RunSettings:
    """
    The settings of a run, as one of its processes has read them.

    Attributes:
        run: The run.
        policy: The policy, without its journal: an executor would open that in the script's present working directory.
        journal: The journal that the command names, or else the policy; None if neither does.
    """

    run: Run
    policy: Policy
    journal: Journal | None = None

    @classmethod
    def of(cls, run: Run) -> Self:
        """
        Read the policy of a run, and open its journal.

        Raises:
            PolicyError: The policy has a problem.
            JournalError: The journal cannot be written.
        """
        policy = policy_of(run)
        telemetry = policy.telemetry
        path = run.journal or (None if telemetry is None else telemetry.journal)
        if path is None:
            return cls(run, policy)
        if telemetry is not None:
            policy = evolve(policy, telemetry=evolve(telemetry, journal=None))
        from resilience.observers import Journal  # noqa: PLC0415  # brings in OpenTelemetry

        return cls(run, policy, Journal(run.path(path), run=run.trace[0]))

    @property
    def apis(self) -> Mapping[str, RestApi]:
        """
        The REST APIs that the policy describes with hosts.

        A script may call many hosts, so the runner recognises an API by its hosts alone. ``wrap_client`` is given a
        client, and works without hosts too.
        """
        return {provider: source for provider, source in self.policy.apis.items() if source.hosts}

    def remarks(self) -> list[str]:
        """Return sentences about the parts of the policy that have no effect in a run."""
        return [
            f"{provider} is not under the policy: [sources.{provider}] does not say its hosts"
            for provider in self.policy.apis
            if provider not in self.apis
        ]

    def ledger(self) -> Ledger | None:
        """Return the ledger that the command names, or else the policy; its file is opened at the first use."""
        settings = self.policy.ledger
        if self.run.ledger is not None:
            where = self.run.ledger
            settings = (settings or LedgerSettings()).kept_at(where if "://" in where else self.run.path(where))
        if settings is None:
            return None
        from resilience.state import Ledger  # noqa: PLC0415  # brings in a database, which few runs need

        return Ledger.of(settings)


def policy_of(run: Run) -> Policy:
    """
    Read the policy of a run.

    Raises:
        PolicyError: The policy has a problem.
    """
    name = run.policy
    return Policy.load(name if name.startswith(_BUILTIN) else run.path(name), env=run.env)
