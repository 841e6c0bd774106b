"""What a target tells its user: which sentence of the policy or of the program would help its calls."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from attrs import define

from resilience.core.operations.subject import Subject, probable_names
from resilience.engine.target.arguments import ArgumentFields
from resilience.engine.target.operations import Operation
from resilience.engine.target.settings import ExecutorSettings

log: Final = logging.getLogger("resilience")


@define(kw_only=True, eq=False, slots=False)
class AdvisedTarget:
    """
    The part of a target that gives advice.

    Attributes:
        setting: The settings that the executor's calls share.
        operation: The operation that the function performs.
        signature: The reader of request fields in the function's arguments.
    """

    setting: ExecutorSettings
    operation: Operation
    signature: ArgumentFields

    @property
    def subject(self) -> Subject:
        """The subject of advice."""
        return self.operation.subject(probable_names(self.signature.may_name()))

    def subject_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Subject:  # noqa: ARG002  # a subclass needs them
        """Return the subject of advice on one call; its arguments may tell more than the function."""
        return self.subject

    @property
    def how_to_refresh(self) -> str:
        """A clause that says how the program can provide new credentials."""
        provider = self.operation.provider or "PROVIDER"
        return f'there is no source to get new ones from: give Executor(credentials={{"{provider}": ...}}) one'

    @property
    def how_to_look(self) -> str:
        """A clause that says how the program can provide a verifier."""
        return f"register a verifier for {self.operation.name}"

    @property
    def buys_unknown(self) -> bool:
        """Whether only the policy could say which fields distinguish purchases, and does not say it."""
        return False

    def forgets(self, why: str) -> None:
        """Warn, once for an operation, that the ledger cannot remember its calls."""
        key = self.operation.provider, self.operation.name
        if key not in self.setting.forgotten:
            self.setting.forgotten.add(key)
            self.tell(why)

    def tell(self, sentence: str) -> None:
        """Warn the user of a problem that makes no call fail."""
        log.warning("%s", sentence)
