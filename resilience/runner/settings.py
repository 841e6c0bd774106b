"""What a run's calls go by: its policy, its ledger and its journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

from attrs import evolve, frozen

from resilience.core.policy import RestApi
from resilience.policyfile import Policy
from resilience.runner.run import Run

if TYPE_CHECKING:
    from resilience.observers import Journal
    from resilience.state import Ledger

_BUILTIN: Final = "builtin:"


@frozen
class RunSettings:
    """
    A run, as one process of it has read what it names.

    Attributes:
        run: The run.
        policy: Its policy; without a journal, which it would open wherever the script is by now.
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
            PolicyError: Something is wrong with the policy.
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
        The APIs that the policy describes, as far as it says where they are.

        A script speaks to many hosts. One that says which of its clients is for an API may leave the host out, but
        here nobody says it.
        """
        return {provider: source for provider, source in self.policy.apis.items() if source.hosts}

    def remarks(self) -> list[str]:
        """Say what of the policy cannot take effect in a run."""
        return [
            f"{provider} is not under the policy: [sources.{provider}] does not say its hosts"
            for provider in self.policy.apis
            if provider not in self.apis
        ]

    def ledger(self) -> Ledger | None:
        """Return the ledger that the command names, or else the policy; it is opened when it is needed."""
        settings = self.policy.ledger
        path = self.run.ledger or (None if settings is None else settings.path)
        if path is None:
            return None
        from resilience.state import Ledger  # noqa: PLC0415  # brings in a database, which few runs need

        found = self.run.path(path)
        return Ledger(found) if settings is None else Ledger(found, on_unfinished=settings.on_unfinished)


def policy_of(run: Run) -> Policy:
    """
    Read the policy of a run.

    Raises:
        PolicyError: Something is wrong with it.
    """
    name = run.policy
    return Policy.load(name if name.startswith(_BUILTIN) else run.path(name), env=run.env)
