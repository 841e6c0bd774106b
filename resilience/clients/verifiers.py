"""
Ready-made verifiers: they ask the service whether a resource is there.

After a lost answer an executor asks a verifier before it repeats a call that creates a
resource. These verifiers take the arguments of the SDK's methods, and return what the
methods would have returned, as far as the service still knows it.
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
    Return verifiers for the resources that a client creates, by operation (``provider:Name``).

    Register all of them so::

        for operation, verifier in verifiers_for(client).items():
            executor.verify(operation)(verifier)

    A verifier takes the arguments of the SDK's method for the operation: a request object,
    with or without runtime options, or the arguments of ``call_json``. It returns None
    if the resource is not there, else a response of the operation's own type (for
    ``call_json``: JSON) with the fields that the service still knows. Its request id is
    that of the verifier's last query. For any other answer of the service the verifier
    raises the SDK's exception, or :class:`AnswerError` if the SDK raises none, so that a
    policy can wait and ask again.

    A verifier finds a resource by its exact name, which is unique in an instance. It
    compares certificates by their content. Several enrichment rules may have one name, so
    it compares their Condition, Actions and Priority too. For ``DeleteInstance`` the
    verifier returns a response if the instance is gone.

    **Bought instances have no name of their own.** An instance of the same name may be
    older than the call. A wrong guess would buy a second instance, or use another
    program's. Without ``unique_tag``, ``unique`` or ``unique_names`` the verifier of
    ``CreateInstance`` decides only if no instance has the name; otherwise it raises
    :class:`Ambiguous`, which ends the call and names the instance.

    Args:
        client: A client of Alibaba's or of Tencent's SDK for MQTT, or Tencent's common client for ``mqtt``; or one of
            another SDK that an adapter has verifiers for, with its groups of operations. For an asynchronous client
            the verifiers are coroutine functions, but for Alibaba's. For all others they are plain functions, which an
            executor runs in worker threads.
        unique_tag: The key of a tag in ``TagList`` that has another value in each purchase; a purchase without the
            tag is judged by its name. Keep the policy's ``settle`` longer than tags need to show up. Tencent only.
        unique: Fields of CreateInstance that together distinguish one purchase from all others, as in a policy:
            ``Name``, ``TagList`` (every tag of the request) or ``TagList.KEY`` (that tag). None if there is no
            policy, empty if the policy names none. Tencent only.
        unique_names: Your promise that no two purchases of the account ask for the same instance name. Type and
            specification are compared all the same. Tencent only.

    Raises:
        TypeError: The client is none of these.
        ValueError: The client retries by itself, or the client buys nothing and one of the last three arguments is
            given.
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
