"""
Ready-made verifiers: "is it there?", asked of the service itself.

After a lost answer an executor asks a verifier before it repeats a call that makes
something. These take the arguments of the SDK's own methods, and return what those
would have returned, as far as the service can tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resilience.clients import registry
from resilience.clients.common.lookups import Purchases, Verifier
from resilience.clients.inspection import retries_itself


def verifiers_for(
    client: object,
    *,
    unique_tag: str | None = None,
    unique_names: bool = False,
    unique: Sequence[str] | None = None,
) -> Mapping[str, Verifier]:
    """
    Return verifiers for what a client creates, by operation (``provider:Name``).

    All of them are registered in one line::

        for operation, verifier in verifiers_for(client).items():
            executor.verify(operation)(verifier)

    A verifier takes what the SDK's method for the operation takes: a request object,
    with or without runtime options, or the arguments of ``call_json``. It returns None
    if the resource is not there, else a response of the operation's own type (for
    ``call_json``: JSON) with the fields that the service still knows. Its request id is
    that of the question, since that of the lost answer is lost. Any other answer of the
    service leaves as the SDK's exception, or as :class:`AnswerError` where the SDK sees
    none, so that a policy can wait and ask again.

    Resources are recognised by the name that is theirs alone within an instance, in its
    exact spelling. Certificates are compared as such. Enrichment rules of one name may
    exist side by side, so Condition, Actions and Priority are compared too.
    ``DeleteInstance`` is verified as well: "there" is then the instance's being gone.

    **Bought instances have no name of their own.** One of the same name may be older
    than the call, and a wrong guess buys a second one or adopts a stranger's. Without a
    word from you, ``CreateInstance`` is verified only where no instance has the name;
    else :class:`Ambiguous` ends the call and names the instance.

    Args:
        client: A client of Alibaba's MQTT SDK or of Tencent's, or Tencent's common client for ``mqtt``. An
            asynchronous client of Tencent's gives coroutine functions. All others give plain functions, which an
            executor runs in worker threads, also beside asynchronous methods of Alibaba's client.
        unique_tag: The key of a tag in ``TagList`` whose value each purchase has for itself; a purchase without it
            is judged by its name. Keep the policy's ``settle`` longer than tags need to show up. Tencent only.
        unique: Fields of CreateInstance that together tell one purchase from all others, as a policy says it:
            ``Name``, ``TagList`` (every tag of the request) or ``TagList.KEY`` (that tag). None where no policy
            is asked, empty where it does not say. Tencent only.
        unique_names: Your promise that no two purchases of the account ask for the same instance name. Type and
            specification are compared all the same. Tencent only.

    Raises:
        TypeError: The client is none of these.
        ValueError: The client retries by itself, or one of the last three is given for a client that
            buys nothing.
    """
    why = retries_itself(client)
    if why is not None:
        raise ValueError(f"verifiers_for: {why}")
    sdk = registry.of_class(type(client))
    expected = Purchases(tag=unique_tag, by_name=unique_names, fields=None if unique is None else tuple(unique))
    found = None if sdk is None else sdk.verifiers(client, expected)
    if found is None:
        known = " or of ".join(sdk.verifies for sdk in registry.sdks() if sdk.verifies)
        raise TypeError(
            f"verifiers_for: expected a client of {known}, found {type(client).__module__}.{type(client).__qualname__}"
        )
    return found
