"""
Look for what a call has made, with the SDK's own read method of the same class.

A device is read back whole, with its keys. So a device of the same name with other keys than the call asked for is
another program's, and no success.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any, Final

from attrs import frozen

from resilience.catalog import code_facts
from resilience.clients.azure.answers import without_response
from resilience.clients.azure.errors import translate
from resilience.clients.azure.fields import AzureFields, body_fields
from resilience.clients.azure.traits import PROVIDER
from resilience.clients.common.lookups import Ambiguous, Verifier, unreadable
from resilience.clients.common.naming import at

# What nobody but the maker of a resource knows, or sets; each is compared where the request and the answer have it. A
# caller with few permissions is shown no keys, and content may come back in another form.
_OWN: Final = (
    "authentication.symmetricKey.primaryKey",
    "authentication.symmetricKey.secondaryKey",
    "authentication.x509Thumbprint.primaryThumbprint",
    "authentication.x509Thumbprint.secondaryThumbprint",
    "authentication.type",
    "attestation.type",
    "attestation.tpm.endorsementKey",
    "capabilities.iotEdge",
)

_RAW: Final = "raw"
_THUMBPRINTS: Final = "x509Thumbprint"


@frozen(eq=False)
class SdkReadBack:
    """
    The read-back of one method's calls.

    Attributes:
        fields: The fields of the method's requests.
        find: The method that reads back, bound to a client without wrapped methods.
    """

    fields: AzureFields
    find: Callable[..., Any]

    def verifier(self) -> Verifier:
        """Return the verifier: a coroutine function if the method is one."""
        return self._verify_async if iscoroutinefunction(self.find) else self._verify

    def _verify(self, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = self.find(*self._names(args, kwargs), **self._options(args, kwargs))
        except Exception as error:
            if _is_absent(error):
                return None
            raise
        return self._ours(answer, args, kwargs)

    async def _verify_async(self, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = await self.find(*self._names(args, kwargs), **self._options(args, kwargs))
        except Exception as error:
            if _is_absent(error):
                return None
            raise
        return self._ours(answer, args, kwargs)

    def _names(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        given = self.fields.bound(args, kwargs)
        return [given.get(name) for name in self.fields.described.names]

    def _options(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the option with which msrest returns the response beside the answer, if the call has it."""
        given = self.fields.arguments(args, kwargs)
        return {_RAW: True} if given is not None and given.arguments.get(_RAW) else {}

    def _ours(self, answer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """
        Return an answer about what the call asked for.

        Raises:
            AnswerError: The answer has no resource.
            Ambiguous: The resource is another one.
        """
        operation, name = self.fields.described.operation, self.fields.described.names[-1]
        there, asked = body_fields(without_response(answer)), self.fields.bound(args, kwargs)
        if there.get(name) is None:
            raise unreadable(PROVIDER, operation)
        other = next((each for each in _OWN if _differs(each, at(asked, each), at(there, each))), None)
        if other is not None:
            reason = f"it has another {other} than this call asked for; look whose it is"
            raise Ambiguous(operation, [asked.get(name)], reason)
        return answer


def _is_absent(error: Exception) -> bool:
    """
    Tell whether the service says that the resource is not there.

    A 404 without a code may be that of a proxy. The provisioning service has numbers that no document names.
    """
    fault = translate(error)
    if fault is None or fault.status != HTTPStatus.NOT_FOUND or fault.code is None:
        return False
    facts = code_facts(PROVIDER, fault.code)
    return fault.code.isdecimal() if facts is None else facts.class_ == "missing"


def _differs(name: str, asked: Any, there: Any) -> bool:
    """Tell whether a resource has another value than the request asked for; thumbprints may have either case."""
    if asked is None or there is None:
        return False
    if _THUMBPRINTS in name:
        return str(asked).lower() != str(there).lower()
    return bool(asked != there)
