"""
The base class of all adapters; an adapter knows one family of clients.

A vendor's SDK hides, repeats and renames things in its own ways. All knowledge of one family of clients is in one
object of :class:`Sdk`, in its own room (``clients/alibaba/``, ``clients/tencent/``, ``clients/rest/``).
``registry.py`` lists these objects. No other module names a vendor, a module of an SDK or a class of one.

Every method but ``fault`` has a default that means "nothing is known". So a first adapter is short, and grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar, NamedTuple

from resilience.catalog import OperationFacts, operation_facts
from resilience.clients.common.assuming import Keys
from resilience.clients.common.calls import Apis, Check, ClientMethod
from resilience.clients.common.keys import KeyTriple, ManagedKeys
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.timeouts import AnyFunction
from resilience.core.fault import Fault


def no_fault(_: object) -> None:
    """Take any value for a success."""


class CodeList(NamedTuple):
    """
    The files in which an SDK lists the error codes of its service.

    Attributes:
        distribution: The distribution with the files.
        package: The top-level package with the files.
        paths: The paths of the files in the package, or patterns of which the last match counts; ``{version}`` is the
            version of the API, without hyphens.
        codes: Returns the codes of a file; None for a module that assigns them to names.
    """

    distribution: str
    package: str
    paths: tuple[str, ...]
    codes: Callable[[bytes], Iterable[str]] | None = None


class Sdk:
    """
    An adapter: the knowledge of one family of clients.

    An adapter has no state: one object serves all clients and threads. Its modules do not import the SDK.

    Attributes:
        provider: The provider whose catalogue has the operations; empty if the policy names the provider.
        packages: The beginnings of the names of the SDK's top-level packages. ``"acme_"`` stands for all packages with
            this beginning; ``"acme."``, with a dot, for the package ``acme``. They identify classes and functions.
        hooks: The modules that have client classes, each with the names of these classes.
        clients: The names of the clients in messages; empty if another adapter of the vendor has them.
        needs_asyncio: Whether the clients' asynchronous methods work under asyncio only.
        key_variables: The environment variables from which the vendor's own tools read an id, a secret and a token;
            empty if the adapter knows no token service.
        code_list: The SDK's list of error codes; None if it has none.
        verifies: The name in messages of the clients that ``verifiers`` supports; empty if there are none.
    """

    provider: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    clients: ClassVar[tuple[str, ...]] = ()
    needs_asyncio: ClassVar[bool] = False
    key_variables: ClassVar[tuple[str, str, str] | tuple[()]] = ()
    code_list: ClassVar[CodeList | None] = None
    verifies: ClassVar[str] = ""

    # Its clients

    def methods(self, cls: type, apis: Apis) -> Mapping[str, ClientMethod]:  # noqa: ARG002
        """Return the methods of a client class that send requests, by name; an empty mapping for other classes."""
        return {}

    def refuses(self, client: object, apis: Apis) -> str | None:  # noqa: ARG002
        """Return a sentence about why no policy can apply to a client; None if one can."""
        return None

    def host(self, client: object) -> str:  # noqa: ARG002
        """Return the host that a client sends to, for limits of a host; empty if the adapter does not know it."""
        return ""

    def groups(self, cls: type) -> tuple[str, ...]:  # noqa: ARG002
        """Return the attributes of a client class whose objects have methods that send; empty for other classes."""
        return ()

    def attributes(self, client: object) -> Mapping[str, Any]:
        """
        Return the attributes of the copy of a client that ``wrap_client`` makes; by default the client's own.

        An adapter returns copies of what it changes when it switches off retries or shortens time-outs.
        """
        return vars(client)

    # How long its clients wait

    def within(self, function: AnyFunction, client: Any, seconds: float) -> AnyFunction | None:  # noqa: ARG002
        """
        Return the same function with shorter time-outs; other threads keep their own time-outs.

        Args:
            function: A blocking function of the SDK: a module's function, or that of a method, without its client.
            client: The client of the method; None for a function of a module.
            seconds: The longest wait for a connection, and for an answer.

        Returns:
            A function of the arguments that follow the client; None if the adapter cannot set the time-outs.
        """
        return None

    def lower(self, client: Any, seconds: float) -> bool:  # noqa: ARG002
        """Make a client wait at most ``seconds`` in all its calls; return whether that was possible."""
        return False

    # How its clients repeat

    def retries_itself(self, client: object) -> str | None:  # noqa: ARG002
        """Return a sentence about how a client, or the options of a call, retry; None if they do not."""
        return None

    def switch_off_retries(self, client: Any) -> str | None:  # noqa: ARG002
        """Switch off a client's retries, and return a sentence about it; None if there was nothing to switch off."""
        return None

    def options_may_retry(self, client: object) -> bool:  # noqa: ARG002
        """Tell whether the options of one call may make a client retry."""
        return False

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """
        Return the arguments of a call without the retries that its options ask for.

        The executor calls this only if ``options_may_retry``. The given arguments stay unchanged.
        """
        return args, kwargs

    # What its clients sign with

    def managed_keys(self, client: object) -> ManagedKeys | None:  # noqa: ARG002
        """Return the credential that a client renews by itself; None if it renews none."""
        return None

    def fixed_keys(self, client: object) -> KeyTriple | None:  # noqa: ARG002
        """
        Return the fixed temporary keys of a client; None if its keys are permanent, or are renewed by the client.

        Permanent keys never expire, so the executor has no reason to replace them.
        """
        return None

    def give_keys(self, client: Any, current: Callable[[], KeyTriple]) -> None:
        """Make a client with ``fixed_keys`` call ``current`` for its keys before each request."""
        raise NotImplementedError

    def given_by(self, client: object) -> Callable[[], KeyTriple] | None:  # noqa: ARG002
        """Return the function that ``give_keys`` gave a client; None if it gave none."""
        return None

    def assume_role(self, role: str, keys: Keys, options: Mapping[str, Any]) -> Callable[[], KeyTriple]:
        """
        Return a blocking function that assumes a role.

        An adapter without ``key_variables`` need not have this method.

        Args:
            role: The role.
            keys: The keys that sign the request.
            options: The policy's ``endpoint``, ``protocol``, ``session_name``, ``duration`` and ``region``, as given.

        Raises:
            ImportError: The SDK's package for the token service is not installed.
            ValueError: The service refuses an option.
        """
        raise NotImplementedError

    # What it can look for

    def verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:  # noqa: ARG002
        """
        Return a client's verifiers, by operation (``provider:Name``); None for other clients.

        A verifier takes the arguments of the operation's method, and returns what the method would have returned.

        Raises:
            ValueError: ``purchases`` is not empty, but such a client buys nothing.
        """
        return None

    def discarders(self, client: Any) -> Mapping[str, Verifier]:  # noqa: ARG002
        """
        Return a client's verifiers that discard what they find, by operation (``provider:Name``).

        Such a verifier is for an operation whose answer alone has a secret. It returns
        :class:`~resilience.core.decision.Discarded`, or None for "not there".
        """
        return {}

    def generic_verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:
        """Return a client's verifiers for generic methods; they return plain mappings."""
        return self.verifiers(client, purchases)

    # What it returns

    def check(self, facts: OperationFacts | None) -> Check:  # noqa: ARG002
        """
        Return a function that returns the fault in a returned value, for all SDKs of the provider.

        Args:
            facts: The catalogue's entry for the operation; None if it has none.
        """
        return no_fault

    def operation_facts(self, operation: str) -> OperationFacts | None:
        """Return the catalogue's entry for an operation; None if there is none."""
        return operation_facts(self.provider, operation)

    def checker(self, operation: str) -> Check:
        """Return the check for an operation."""
        return self.check(self.operation_facts(operation))

    # What it raises

    def fault(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of the SDK's own; None if it wraps a programming error."""
        raise NotImplementedError

    def owns(self, error: Exception) -> bool:  # noqa: ARG002  # an adapter may decide by the exception
        """Tell whether ``fault`` translates an exception whose class, or a base of it, is from these packages."""
        return True

    def escaped(self, error: Exception) -> Fault | None:  # noqa: ARG002
        """Return the fault in an exception of another package that the SDK let through; None for other exceptions."""
        return None

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:  # noqa: ARG002
        """
        Return a sentence about which client needs asyncio, and what works instead; None for other exceptions.

        Args:
            error: An exception for the lack of a running event loop of asyncio.
            passed: The frames that the exception passed, the outermost first.
        """
        return None
