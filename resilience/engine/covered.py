"""One method of a client under a policy: what is called, and how its request, its answer and its errors are read."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, ClassVar, Protocol

from attrs import define, evolve, frozen

from resilience.clients import naming, rest, verifiers_for
from resilience.clients.answers import checker, complete
from resilience.clients.inspection import without_autoretry
from resilience.clients.surface import (
    Method,
    accepted_answer,
    fields_of,
    plain_client,
    renamed_fields,
    request_in,
    service_error,
    shaped,
    with_fields,
)
from resilience.clients.surface.generic import Answer
from resilience.clients.verifiers.generic import generic_verifiers
from resilience.core import advice
from resilience.core.fault import Fault
from resilience.core.policy import Source
from resilience.engine import restcalls
from resilience.engine.arguments import Arguments, Fields
from resilience.engine.callee import PLAIN, Callee
from resilience.engine.credentials import Credentials
from resilience.engine.disguise import OURS, disguised
from resilience.engine.errors import RemedyFailed
from resilience.engine.ownsource import OwnSources
from resilience.engine.restcalls import RestFields, template_of, verifier_of
from resilience.engine.tracking import Track
from resilience.engine.underway import as_attempt


class Side(Protocol):
    """What is known of the calls of one client method, for one operation."""

    @property
    def client(self) -> Any:
        """The client."""
        ...

    @property
    def provider(self) -> str:
        """Whose operation it is."""
        ...

    @property
    def operation(self) -> str:
        """Its name."""
        ...

    @property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer that the client took for a success."""
        ...

    @property
    def returns_refusals(self) -> bool:
        """Whether a script expects an answer that says what the service refused, and no exception."""
        ...

    def fields(self) -> Fields:
        """Return where request fields are in the arguments of the method."""
        ...

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """Return the answer of a call that a policy takes for a success."""
        ...

    def error(self, ours: Exception, last: Fault | None) -> Exception:
        """Return an error of ours as the script expects errors."""
        ...

    def verifier(self, unique: tuple[str, ...]) -> Callable[..., Any] | None:
        """
        Return the ready-made verifier of the operation, if there is one.

        Args:
            unique: The request fields by which a purchase is told from all others; empty where nobody has said it.
        """
        ...


@frozen(eq=False)
class SdkSide:
    """Calls of a vendor's SDK."""

    client: Any
    method: Method
    operation: str

    @property
    def provider(self) -> str:
        """Whose operation it is."""
        return self.method.provider

    @property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer."""
        return checker(self.provider, self.operation)

    @property
    def returns_refusals(self) -> bool:
        """Whether a script expects an answer that says what the service refused."""
        return self.method.generic is not None and self.method.generic.returns_refusals

    def fields(self) -> Fields:
        """Return where request fields are: in whatever form of request the method takes."""
        return RequestFields(self.provider)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:
        """Return an answer of the SDK's own type."""
        request_id = None if fault is None else fault.request_id
        return accepted_answer(self.method, self.client, args, kwargs, self.operation, request_id)

    def error(self, ours: Exception, last: Fault | None) -> Exception:
        """Return an error that is the SDK's too."""
        return disguised(ours, lambda fault, message: service_error(self.client, fault, message), last)

    def verifier(self, unique: tuple[str, ...]) -> Callable[..., Any] | None:
        """Return the ready-made verifier, which asks with the client itself, past its cover."""
        client, name = plain_client(self.client), f"{self.provider}:{self.operation}"
        try:
            make = verifiers_for if self.method.generic is None else generic_verifiers
            ready = make(client, unique=unique)
        except TypeError:
            # A client for credentials, or the old SDK's: nothing of it can be looked for.
            return None
        found = ready.get(name)
        if found is not None and self.method.generic is not None:
            found = _as_answer(found, self.method.generic.answer)
        # What a verifier asks belongs to the call that it is asked for.
        return None if found is None else as_attempt(found)


@frozen(eq=False)
class RestSide:
    """Requests to an API that ``[sources]`` describes."""

    client: Any
    provider: str
    operation: str
    source: Source
    is_send: bool

    @property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer of any status."""
        return partial(rest.fault_of, self.source, self.provider)

    @property
    def returns_refusals(self) -> bool:
        """Whether a script expects an answer that says what was refused: clients of plain HTTP raise nothing."""
        return True

    def fields(self) -> RestFields:
        """Return where request fields are: in path, query and body, of the arguments or of a finished request."""
        return RestFields(self.client, template_of(self.source, self.operation), self.is_send)

    def accepted(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None) -> Any:  # noqa: ARG002  # an answer of plain HTTP has no place for its request id
        """Return an answer of the client's own type that says 200."""
        prepared = rest.prepared_in(args, kwargs) if self.is_send else None
        return rest.accepted_response(self.client, prepared, args, kwargs)

    def error(self, ours: Exception, last: Fault | None) -> Exception:  # noqa: ARG002  # as for SDKs
        """Return the error: a client of plain HTTP has none for what a service says."""
        return ours

    def verifier(self, unique: tuple[str, ...]) -> None:
        """Return None: what looks depends on what the policy says of the operation."""


@frozen
class RequestFields:
    """Finds request fields in the arguments of an SDK's method, whatever form its request has."""

    provider: str

    def can_hold(self, _: str) -> bool:
        """Return whether a call may carry a field: any request may."""
        return True

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return the value of a field, or None if it is not there or no string."""
        value = fields_of(self.provider, args, kwargs).get(field_name)
        return value if isinstance(value, str) else None

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Return what a field says, whatever its type, as a ledger's key has it; None if it says nothing."""
        return naming.text_of(naming.at(fields_of(self.provider, args, kwargs), field_name))

    def may_name(self) -> tuple[str, ...]:
        """Return no field: which ones a request has is seen in a call."""
        return ()

    def replace(self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """
        Return the arguments with another value for a field; the request is copied, not changed.

        Raises:
            LookupError: The request has no such field.
        """
        if self.get(field_name, args, kwargs) is None:
            raise LookupError(field_name)
        changed, named = with_fields(self.provider, args, kwargs, {field_name: value})
        return changed, dict(named)

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        return dict(fields_of(self.provider, args, kwargs))


def held(function: Callable[..., Any], source: Source) -> Callable[..., Any]:
    """Return a method of an HTTP client that also reads what its answer leaves unread, where the policy needs it."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def read_async(*args: Any, **kwargs: Any) -> Any:
            return await rest.hold_async(source, await function(*args, **kwargs))

        return read_async

    @functools.wraps(function)
    def read(*args: Any, **kwargs: Any) -> Any:
        return rest.hold(source, function(*args, **kwargs))

    return read


def _as_answer(verifier: Callable[..., Any], answer: Answer) -> Callable[..., Any]:
    """Return a verifier whose value has the form of what a method for any operation returns."""

    def found(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return None if value is None else shaped(answer, value["Response"], args, kwargs)

    if inspect.iscoroutinefunction(verifier):

        async def verify_async(*args: Any, **kwargs: Any) -> Any:
            return found(await verifier(*args, **kwargs), args, kwargs)

        return verify_async

    def verify(*args: Any, **kwargs: Any) -> Any:
        return found(verifier(*args, **kwargs), args, kwargs)

    return verify


def of_request(verifier: Callable[..., Any], provider: str) -> Callable[..., Any]:
    """
    Return a verifier that takes whatever an SDK's method takes.

    Alibaba's short methods, which scripts call, add runtime options to the request, of which a verifier that takes one
    argument need not know; nor need it know of the parameters of a method for any operation.
    """
    try:
        inspect.signature(verifier).bind("request", "options")
    except TypeError:
        pass
    except ValueError:
        return verifier
    else:
        return verifier

    def of_first(*args: Any, **kwargs: Any) -> Any:
        return verifier(request_in(provider, args, kwargs))

    return of_first


@define(kw_only=True, eq=False, slots=False)
class CoveredCallee(Callee):
    """
    A client's method under a policy.

    Attributes:
        side: What is known of its calls.
        own_sources: The credentials that clients refresh by themselves.
        on_remark: Told in one sentence what the user should know.
        lowered_to: Within how many seconds the client gives up by itself; None where it was not told to.
    """

    side: Side
    own_sources: OwnSources
    plain: ClassVar[frozenset[type]] = PLAIN - {tuple}
    lowered_to: float | None = None
    on_remark: Callable[[str], object]

    @property
    def subject(self) -> advice.Subject:
        """What advice is given about."""
        if not isinstance(self.side, RestSide):
            return super().subject
        source, operation = self.side.source, self.operation
        template = template_of(source, operation.name)
        found = operation.subject(advice.probable_key(template))
        return evolve(found, reads=advice.probable_reads(template, source))

    @property
    def how_to_look(self) -> str:
        """Return nothing: an unmodified script has no place for a verifier."""
        return ""

    @property
    def is_plain_http(self) -> bool:
        """Whether it is a request of a client that knows nothing of credentials."""
        return isinstance(self.side, RestSide)

    @property
    def buys_unknown(self) -> bool:
        """Whether only the policy can say what tells one purchase from another, and does not."""
        return bool(self.operation.distinct) and not self.operation.unique and super().verifier is None

    def tell(self, sentence: str) -> None:
        """Tell the user something that no call fails for."""
        self.on_remark(sentence)

    def track(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Track | None:
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
        return of_request(registered, self.side.provider) if isinstance(self.side, SdkSide) else registered

    @cached_property
    def _ready_verifier(self) -> Callable[..., Any] | None:
        if isinstance(self.side, RestSide):
            asks = template_of(self.side.source, self.operation.read_back or "")
            return None if asks is None else verifier_of(self.function, self.side.fields(), asks, self.side.check)
        # What tells one purchase from another is asked where a purchase has no name of its own.
        return self.side.verifier(self.operation.unique if self.operation.distinct else ())

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
        return not isinstance(self.side, SdkSide)

    @property
    def sources(self) -> Mapping[str, Credentials[Any]]:
        """The executor's sources, and that of the client's own credential where there is none for its provider."""
        provider = self.side.provider
        if provider in self.setting.sources or not isinstance(self.side, SdkSide):
            return self.setting.sources
        own = self.own_sources.of(self.side.client)
        return self.setting.sources if own is None else {**self.setting.sources, provider: own}

    @cached_property
    def check(self) -> Callable[[object], Fault | None]:
        """What tells the fault in an answer."""
        required = self.operation.requires
        if not required:
            return self.side.check
        if isinstance(self.side, RestSide):
            return restcalls.complete(required, self.side.provider, self.side.check)
        return complete(self.side.provider, required, self.side.check)

    def check_client(self) -> None:
        """Allow any client: its own retries have been switched off."""

    def accept(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], fault: Fault | None, *, dry_run: bool) -> Any:  # noqa: ARG002  # a script expects an answer of a rehearsal too
        """Return an answer of the client's own type."""
        return self.side.accepted(args, kwargs, fault)

    @property
    def follows_renames(self) -> bool:
        """Whether a call that asks again for what was renamed begins with its new name: a script knows the old one."""
        return True

    def prepared(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments as they are to be sent: under the new names, and without retries of the SDK's own."""
        changes = self.names.changes()
        if changes and isinstance(self.side, RestSide):
            own = {each: new for each, new in changes.items() if each.field != self.operation.rename}
            args, named = self.side.fields().under_new_names(args, kwargs, self.side.provider, own)
            return args, dict(named)
        if changes:
            provider = self.side.provider
            changed = renamed_fields(provider, fields_of(provider, args, kwargs), changes)
            # What creates it keeps the name that the script knows, until the call begins.
            changed.pop(self.operation.rename or "", None)
            if changed:
                args, named = with_fields(provider, args, kwargs, changed)
                kwargs = dict(named)
        # Runtime options come last.
        if any(getattr(each, "autoretry", None) is True for each in (*args[-1:], *kwargs.values())):
            args, calm = without_autoretry(args, kwargs)
            kwargs = dict(calm)
        return args, kwargs

    def left(self, error: Exception) -> Exception:
        """Return an error as the script expects it: the service's own as it is, ours as the SDK's too."""
        if not isinstance(error, OURS):
            return error
        # What a remedy failed with says nothing of the attempt before it; that is the context.
        before = error.__context__ if isinstance(error, RemedyFailed) else error.__cause__
        last = self.setting.fault(before, self.side.provider) if isinstance(before, Exception) else None
        return self.side.error(error, last)

    def _check_accepts(self) -> None:
        """Allow every accept: there is always an answer."""
