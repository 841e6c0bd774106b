"""The target for one method of a wrapped client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from attrs import define, evolve

from resilience.clients.common.calls import ClientOperation
from resilience.core.fault import Fault
from resilience.core.operations import advice
from resilience.core.operations.subject import Subject, probable_key, probable_reads, seen_in
from resilience.engine.client.sdk_errors import OURS, disguised
from resilience.engine.credentials.sdk_managed import SdkManagedSources
from resilience.engine.credentials.source import Credentials
from resilience.engine.errors import RemedyFailed, ServiceError
from resilience.engine.runtime.attribution import as_attempt
from resilience.engine.target.ledger_entry import LedgerClaim
from resilience.engine.target.target import Target


@define(kw_only=True, eq=False, slots=False)
class MethodTarget(Target):
    """
    The target for one method of a wrapped client.

    Attributes:
        client_operation: The adapter's knowledge of the method's calls.
        own_sources: The sources for credentials that clients renew by themselves.
        has_executor: Whether the program has made the executor, so that advice may name its arguments.
        on_remark: Called with a sentence for the user.
        lowered_to: The time-out to which the client was lowered, in seconds; None if it was not.
    """

    client_operation: ClientOperation
    own_sources: SdkManagedSources
    has_executor: bool
    # Whatever a method of an SDK returns is its answer, also None for a body that is empty.
    plain: ClassVar[frozenset[type]] = frozenset()
    lowered_to: float | None = None
    on_remark: Callable[[str], object]

    @property
    def host(self) -> str:
        """The host that the client sends to."""
        return self.client_operation.host

    @property
    def is_described(self) -> bool:
        """Whether the operation is of an API that the policy describes, and not of an SDK."""
        return self.client_operation.source is not None

    @property
    def subject(self) -> Subject:
        """The subject of advice."""
        source, operation = self.client_operation.source, self.operation
        if source is None:
            return super().subject
        template = source.template(operation.name)
        found = operation.subject(probable_key(template))
        return evolve(found, reads=probable_reads(template, source))

    def subject_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Subject:
        """Return the subject of advice on one call, with the fields of its request."""
        found = self.subject
        return seen_in(found, self.signature.bound(args, kwargs)) if self.is_described else found

    @property
    def how_to_refresh(self) -> str:
        """A clause that says how the user can provide new credentials."""
        provider = self.client_operation.provider
        if self.is_described:
            return advice.no_source(provider)
        if self.setting.policy_sources.has(provider):
            return (
                f"the source in [credentials.{provider}] renews the temporary keys of the first client, "
                "and this one was made with others, or with long-lived ones"
            )
        in_python = f'; or give Executor(credentials={{"{provider}": ...}}) one' if self.has_executor else ""
        write = f'write [credentials.{provider}] source = "assume_role" and role = "...", or source = "command" and'
        return f"there is no source to get new ones from; in the policy, {write} command = [...]{in_python}"

    @property
    def how_to_look(self) -> str:
        """A clause about the discard that is possible; else empty: a user cannot register a verifier in a script."""
        if self._made_by_client(discards=True) is None:
            return ""
        return f"write {self.subject.declared(on_lost='discard')} so that what was made is discarded, and made anew"

    @property
    def buys_unknown(self) -> bool:
        """Whether only the policy could say which fields distinguish purchases, and does not say it."""
        return bool(self.operation.distinct) and not self.operation.unique and super().verifier is None

    def tell(self, sentence: str) -> None:
        """Give the user a sentence about a problem that makes no call fail."""
        self.on_remark(sentence)

    def track(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> LedgerClaim | None:
        """Return the ledger claim of a call; warn if another run could not recognise the purchase of this one."""
        if self.buys_unknown and self.setting.ledger is not None:
            self.forgets(advice.indistinct(self.subject, self.operation.distinct))
        return super().track(args, kwargs)

    @property
    def verifier(self) -> Callable[..., Any] | None:
        """The registered verifier of the operation, else the ready-made one; None if there is neither."""
        registered = super().verifier
        if registered is None:
            return self._ready_verifier
        return self.client_operation.takes(registered)

    @cached_property
    def _ready_verifier(self) -> Callable[..., Any] | None:
        found = self._made_by_client(discards=self.operation.discards)
        # The requests of a verifier belong to the call that it verifies.
        return None if found is None else as_attempt(found)

    def _made_by_client(self, *, discards: bool) -> Callable[..., Any] | None:
        # Only a purchase without a name of its own needs the fields that distinguish it.
        unique = self.operation.unique if self.operation.distinct else ()
        asks = self.operation.read_back
        return self.client_operation.verifier(self.function, asks, unique, _unclear, discards=discards)

    def within(self, seconds: float | None) -> Callable[..., Any]:
        """Return the method for one attempt, with shorter time-outs unless the client's are short enough."""
        if seconds is None or (self.lowered_to is not None and seconds >= self.lowered_to):
            return self.function
        return super().within(seconds)

    @property
    def keeps_source(self) -> bool:
        """False: a script may give its client another credential at any time."""
        return False

    @property
    def may_shield(self) -> bool:
        """Whether user code may run in a call, as hooks and transports do in an HTTP client, but not in an SDK's."""
        return self.is_described

    @property
    def sources(self) -> Mapping[str, Credentials[Any]]:
        """The executor's sources; without one for the provider, also the source of the client's own credential."""
        provider = self.client_operation.provider
        if provider in self.setting.sources or self.is_described:
            return self.setting.sources
        client = self.client_operation.client
        own = self.own_sources.of(client) or self.setting.policy_sources.of(provider, client)
        return self.setting.sources if own is None else {**self.setting.sources, provider: own}

    @cached_property
    def check(self) -> Callable[[object], Fault | None]:
        """The check of a value that the method returned as a success."""
        required = self.operation.requires
        return self.client_operation.complete(required) if required else self.client_operation.check

    def accept(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None, *, dry_run: bool) -> Any:  # noqa: ARG002  # a script expects an answer of a dry run too
        """Return an answer of the client's own type."""
        return self.client_operation.accepted(args, kwargs, fault)

    @property
    def follows_renames(self) -> bool:
        """True: a script knows the old name of a renamed resource, so its call begins with the new one."""
        return True

    def prepared(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments to send: with the new names of renamed resources, and without the SDK's own retries."""
        changes = self.names.changes()
        if changes:
            fields = self.client_operation.fields()
            args, kwargs = fields.under_new_names(args, kwargs, changes, self.operation.rename)
        if self.client_operation.options_may_retry:
            args, calm = self.client_operation.without_retries(args, kwargs)
            kwargs = dict(calm)
        return args, kwargs

    def left(self, error: Exception) -> Exception:
        """Return an error in the class that the script expects: ours also in the SDK's class, others unchanged."""
        if not isinstance(error, OURS):
            return error
        # A remedy's error does not describe the attempt before it; the error of that attempt is its context.
        before = error.__context__ if isinstance(error, RemedyFailed) else error.__cause__
        last = self.setting.fault(before, self.client_operation.provider) if isinstance(before, Exception) else None
        return disguised(error, self.client_operation.error, last)

    @property
    def needs_value(self) -> bool:
        """False: the adapter always makes a value for an accepted call."""
        return False


def _unclear(fault: Fault, message: str, answer: Any) -> Exception:
    return ServiceError.of(fault, message, answer=answer)
