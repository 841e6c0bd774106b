"""One method of a client under a policy: what is called, and what a call of it can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from attrs import define, evolve

from resilience.clients.common.calls import ClientOperation
from resilience.core.fault import Fault
from resilience.core.operations import advice
from resilience.engine.client.sdk_errors import OURS, disguised
from resilience.engine.credentials.sdk_managed import SdkManagedSources
from resilience.engine.credentials.source import Credentials
from resilience.engine.errors import RemedyFailed, ServiceError
from resilience.engine.runtime.attribution import as_attempt
from resilience.engine.target.ledger_entry import LedgerClaim
from resilience.engine.target.target import PLAIN, Target


@define(kw_only=True, eq=False, slots=False)
class MethodTarget(Target):
    """
    A client's method under a policy.

    Attributes:
        client_operation: What is known of its calls.
        own_sources: The credentials that clients refresh by themselves.
        has_executor: Whether the program has made the executor, and could give it something.
        on_remark: Told in one sentence what the user should know.
        lowered_to: Within how many seconds the client gives up by itself; None where it was not told to.
    """

    client_operation: ClientOperation
    own_sources: SdkManagedSources
    has_executor: bool
    plain: ClassVar[frozenset[type]] = PLAIN - {tuple}
    lowered_to: float | None = None
    on_remark: Callable[[str], object]

    @property
    def is_described(self) -> bool:
        """Whether it is an operation of an API that the policy describes, and of no SDK."""
        return self.client_operation.source is not None

    @property
    def subject(self) -> advice.Subject:
        """What advice is given about."""
        source, operation = self.client_operation.source, self.operation
        if source is None:
            return super().subject
        template = source.template(operation.name)
        found = operation.subject(advice.probable_key(template))
        return evolve(found, reads=advice.probable_reads(template, source))

    def subject_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> advice.Subject:
        """What advice on one call is given about: which fields a request has is seen in it."""
        found = self.subject
        return advice.seen_in(found, self.signature.bound(args, kwargs)) if self.is_described else found

    @property
    def how_to_refresh(self) -> str:
        """What the user can do so that new credentials can be had."""
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
        """Return nothing: an unmodified script has no place for a verifier."""
        return ""

    @property
    def buys_unknown(self) -> bool:
        """Whether only the policy can say what tells one purchase from another, and does not."""
        return bool(self.operation.distinct) and not self.operation.unique and super().verifier is None

    def tell(self, sentence: str) -> None:
        """Tell the user something that no call fails for."""
        self.on_remark(sentence)

    def track(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> LedgerClaim | None:
        """Return a call's place in the ledger, and say where another run could not tell what this one has bought."""
        if self.buys_unknown and self.setting.ledger is not None:
            self.forgets(advice.indistinct(self.subject, self.operation.distinct))
        return super().track(args, kwargs)

    @property
    def verifier(self) -> Callable[..., Any] | None:
        """The verifier that was registered for the operation, else the ready-made one."""
        registered = super().verifier
        if registered is None:
            return self._ready_verifier
        return self.client_operation.takes(registered)

    @cached_property
    def _ready_verifier(self) -> Callable[..., Any] | None:
        # What tells one purchase from another is asked where a purchase has no name of its own.
        unique = self.operation.unique if self.operation.distinct else ()
        found = self.client_operation.verifier(self.function, self.operation.read_back, unique, _unclear)
        # What a verifier asks belongs to the call that it is asked for.
        return None if found is None else as_attempt(found)

    def within(self, seconds: float | None) -> Callable[..., Any]:
        """Return the method for one attempt; the client's own time-outs need no help where they are short enough."""
        if seconds is None or (self.lowered_to is not None and seconds >= self.lowered_to):
            return self.function
        return super().within(seconds)

    @property
    def keeps_source(self) -> bool:
        """Whether its source is always the same; a script may give its client another credential at any time."""
        return False

    @property
    def may_shield(self) -> bool:
        """Whether user code may run in a call: hooks and transports of an HTTP client, never an SDK's method."""
        return self.is_described

    @property
    def sources(self) -> Mapping[str, Credentials[Any]]:
        """The executor's sources, and that of the client's own credential where there is none for its provider."""
        provider = self.client_operation.provider
        if provider in self.setting.sources or self.is_described:
            return self.setting.sources
        client = self.client_operation.client
        own = self.own_sources.of(client) or self.setting.policy_sources.of(provider, client)
        return self.setting.sources if own is None else {**self.setting.sources, provider: own}

    @cached_property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer."""
        required = self.operation.requires
        return self.client_operation.complete(required) if required else self.client_operation.check

    def accept(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None, *, dry_run: bool) -> Any:  # noqa: ARG002  # a script expects an answer of a rehearsal too
        """Return an answer of the client's own type."""
        return self.client_operation.accepted(args, kwargs, fault)

    @property
    def follows_renames(self) -> bool:
        """Whether a call that asks again for what was renamed begins with its new name: a script knows the old one."""
        return True

    def prepared(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments as they are to be sent: under the new names, and without retries of the SDK's own."""
        changes = self.names.changes()
        if changes:
            fields = self.client_operation.fields()
            args, kwargs = fields.under_new_names(args, kwargs, changes, self.operation.rename)
        if self.client_operation.options_may_retry:
            args, calm = self.client_operation.without_retries(args, kwargs)
            kwargs = dict(calm)
        return args, kwargs

    def left(self, error: Exception) -> Exception:
        """Return an error as the script expects it: the service's own as it is, ours as the SDK's too."""
        if not isinstance(error, OURS):
            return error
        # What a remedy failed with says nothing of the attempt before it; that is the context.
        before = error.__context__ if isinstance(error, RemedyFailed) else error.__cause__
        last = self.setting.fault(before, self.client_operation.provider) if isinstance(before, Exception) else None
        return disguised(error, self.client_operation.error, last)

    @property
    def needs_value(self) -> bool:
        """Whether there must be a value where a call is a success without an answer: here there always is one."""
        return False


def _unclear(fault: Fault, message: str, answer: Any) -> Exception:
    return ServiceError.of(fault, message, answer=answer)
