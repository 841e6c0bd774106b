"""
What may be known of an SDK: one adapter for each family of clients.

A vendor's SDK hides, repeats and renames things in ways of its own. All that this package knows of one family of
clients stands in one object of :class:`Sdk`, in a room of its own (``clients/alibaba/``, ``clients/tencent/``,
``clients/rest/``). ``registry.py`` lists these objects. No other module names a vendor, a module of an SDK or a class
of one.

Every method but ``fault`` has a default that means "nothing is known". So a first adapter is short, and grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar, NamedTuple

from resilience.catalog import OperationFacts, catalogue, providers
from resilience.clients.common.assuming import Keys
from resilience.clients.common.calls import Apis, Check, ClientMethod
from resilience.clients.common.keys import KeyTriple, OwnKeys
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.common.timeouts import Call
from resilience.core.fault import Fault


def no_fault(_: object) -> None:
    """Take any value for a success."""


class CodeList(NamedTuple):
    """
    Where an SDK lists the error codes of its service.

    Attributes:
        distribution: The distribution that it is in.
        package: The top-level package.
        path: The file in it; ``{version}`` is the version of the API, without hyphens.
    """

    distribution: str
    package: str
    path: str


class Sdk:
    """
    An adapter: what is known of one family of clients.

    An adapter has no state: one object serves all clients and threads. Nothing of it may import the SDK when it is
    itself imported.

    Attributes:
        provider: The provider whose catalogue knows the operations; empty where the policy says it.
        packages: How the names of the SDK's top-level packages begin: ``"acme_"`` for all that do, ``"acme."``, with a
            dot, for that one. Classes and functions are recognised by them.
        hooks: Full names of modules, and the classes in them that are clients to put under a policy.
        clients: How messages call its clients; empty where another adapter of the vendor's says it.
        needs_asyncio: Whether its asynchronous methods work under asyncio only.
        key_variables: The environment variables in which the vendor's own tools read an id, a secret and a token;
            empty where nothing is known of its token service.
        code_list: Where it lists the error codes of its service; None where it does not.
        verifies: How messages call the clients for which ``verifiers`` are there; empty where there are none.
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
        """Return the methods of a client class that send, by name; none for any other class."""
        return {}

    def refuses(self, client: object, apis: Apis) -> str | None:  # noqa: ARG002
        """Say in one sentence why a client cannot be put under a policy; None if it can."""
        return None

    # How long its clients wait

    def within(self, function: Call, client: Any, seconds: float) -> Call | None:  # noqa: ARG002
        """
        Return a function that does the same and waits no longer than so; other threads keep their own time-outs.

        Args:
            function: A blocking function of the SDK: a method's, without its client.
            client: The client of the method; None for a function of a module.
            seconds: The longest wait for a connection, and for an answer.

        Returns:
            What takes the arguments that follow the client; None where the time-out cannot be said.
        """
        return None

    def lower(self, client: Any, seconds: float) -> bool:  # noqa: ARG002
        """Make a client wait no longer than so in all its calls; return whether that was done."""
        return False

    # How its clients repeat

    def retries_itself(self, client: object) -> str | None:  # noqa: ARG002
        """Say in one sentence how a client, or the options of a call, repeat calls; None if they do not."""
        return None

    def switch_off_retries(self, client: Any) -> str | None:  # noqa: ARG002
        """Make this client do each call once, and say what was switched off; None if there was nothing."""
        return None

    def options_may_retry(self, client: object) -> bool:  # noqa: ARG002
        """Tell whether the options of one call may ask for retries, whatever the client says."""
        return False

    def without_retries(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """
        Return the arguments of a call without the retries that its options ask for.

        Asked only where ``options_may_retry``. The arguments are left unchanged.
        """
        return args, kwargs

    # What its clients sign with

    def own_keys(self, client: object) -> OwnKeys | None:  # noqa: ARG002
        """Return what can be done with the credential that a client refreshes by itself; None if it refreshes none."""
        return None

    def fixed_keys(self, client: object) -> KeyTriple | None:  # noqa: ARG002
        """
        Return the temporary keys that a client was made with; None if it has none, or such that renew themselves.

        Permanent keys never expire, so there is no reason to replace them.
        """
        return None

    def give_keys(self, client: Any, current: Callable[[], KeyTriple]) -> None:
        """Let a client that has ``fixed_keys`` ask for its keys before each request."""
        raise NotImplementedError

    def given_by(self, client: object) -> Callable[[], KeyTriple] | None:  # noqa: ARG002
        """Return the function that a client asks for its keys, if ``give_keys`` has given it one."""
        return None

    def assume_role(self, role: str, keys: Keys, options: Mapping[str, Any]) -> Callable[[], KeyTriple]:
        """
        Return a function that assumes a role, and blocks. Asked only where there are ``key_variables``.

        Args:
            role: The role.
            keys: What signs the request.
            options: What a policy says: ``endpoint``, ``protocol``, ``session_name``, ``duration``, ``region``.

        Raises:
            ImportError: What it needs is not installed.
            ValueError: The service refuses an option.
        """
        raise NotImplementedError

    # What it can look for

    def verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:  # noqa: ARG002
        """
        Return what asks a service whether something is there, by operation (``provider:Name``); None for other clients.

        A verifier takes what the method for the operation takes, and returns what that would have returned.

        Raises:
            ValueError: ``purchases`` says something, and nothing is bought with such a client.
        """
        return None

    def generic_verifiers(self, client: Any, purchases: Purchases) -> Mapping[str, Verifier] | None:
        """Return the same for methods that take the operation as an argument; answers are then plain mappings."""
        return self.verifiers(client, purchases)

    # What it returns

    def check(self, facts: OperationFacts | None) -> Check:  # noqa: ARG002
        """
        Return a function that tells the fault in what a method returned, of the provider's SDKs all together.

        Args:
            facts: What the catalogue knows of the operation; None where it knows nothing.
        """
        return no_fault

    def checker(self, operation: str) -> Check:
        """Return the check for an operation."""
        return self.check(catalogue(self.provider).operation(operation) if self.provider in providers() else None)

    # What it raises

    def fault(self, error: Exception) -> Fault | None:
        """Return the fault in an exception of the SDK's own; None if it wraps a programming error."""
        raise NotImplementedError

    def owns(self, error: Exception) -> bool:  # noqa: ARG002  # for those that look closer
        """Tell whether ``fault`` says what an exception means whose class, or a base of it, is from these packages."""
        return True

    def escaped(self, error: Exception) -> Fault | None:  # noqa: ARG002
        """Return the fault in an exception of another package that the SDK let through; None if it did not."""
        return None

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:  # noqa: ARG002
        """
        Say in one sentence which of its clients needs asyncio, and what works instead; None if none raised this.

        Args:
            error: An exception that says that no event loop of asyncio runs.
            passed: The frames that it passed, the outermost first.
        """
        return None
