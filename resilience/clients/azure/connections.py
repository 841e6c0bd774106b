"""
The connection that a client's classes of operations share: how it repeats, how long it waits, and where it sends.

A client of azure-core has a pipeline of policies, one of which repeats 10 times by default, and waits for 300 s. A
client of msrest gives urllib3 a retry object: 3 repeats of GET, PUT and DELETE, also after an answer of 408 or 5xx, and
also where the answer was lost. Under an asynchronous client aiohttp repeats these methods once where the connection
broke. A ``PUT`` that makes a device is then refused the second time, because of the first.
Sources: azure-core 1.41.0 (pipeline/policies/_retry.py), msrest 0.7.1 (universal_http/requests.py), aiohttp 3.14.5
(client.py, IDEMPOTENT_METHODS); read 2026-11-28.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from resilience.clients.azure.described import GROUPS
from resilience.clients.common.fields import attribute
from resilience.clients.common.timeouts import least, pair, twin

_SENDS: Final = "_client"
_SETTINGS: Final = ("config", "_config")


def sender_of(client: object) -> Any:
    """Return what sends for a client, a group of operations or a client with groups; None for other objects."""
    sender = attribute(client, _SENDS)
    if sender is not None:
        return sender
    return next((found for _, group in groups_of(client) if (found := sender_of(group)) is not None), None)


def groups_of(client: object) -> list[tuple[str, object]]:
    """Return the attributes of a client that have operations, or another client."""
    names = next((GROUPS[cls.__name__] for cls in type(client).__mro__ if cls.__name__ in GROUPS), ())
    return [(name, group) for name in names if (group := attribute(client, name)) is not None]


def host_of(client: object) -> str:
    """Return the host that a client sends to, in lower case and with its port; empty if it is unknown."""
    sender = sender_of(client)
    # msrest has the address in the configuration, azure-core in the client.
    address = attribute(attribute(sender, "config"), "base_url") or attribute(sender, "_base_url")
    if not isinstance(address, str):
        return ""
    return urlsplit(address if "://" in address else f"https://{address}").netloc.lower()


def copied(client: object) -> dict[str, Any]:
    """
    Return the attributes of a copy of a client that repeats and waits on its own.

    The copy shares connections and credentials. All its groups share one sender, as those of the client do.
    """
    sender = sender_of(client)
    if sender is None:
        return dict(vars(client))
    fresh = _copied_sender(sender)
    return _with_sender(client, fresh)


def _with_sender(client: object, sender: Any) -> dict[str, Any]:
    """Return a client's attributes with another sender, also in its groups."""
    fresh = dict(vars(client))
    settings = attribute(sender, "config") or attribute(sender, "_config")
    fresh |= {name: settings for name in _SETTINGS if name in fresh and settings is not None}
    if _SENDS in fresh:
        fresh[_SENDS] = sender
    for name, group in groups_of(client):
        fresh[name] = twin(group)
        vars(fresh[name]).update(_with_sender(group, sender))
    return fresh


def _copied_sender(sender: Any) -> Any:
    fresh = twin(sender)
    if attribute(sender, "config") is not None:
        fresh.config = settings = twin(sender.config)
        settings.connection = twin(sender.config.connection)
        settings.retry_policy = twin(sender.config.retry_policy)
        settings.retry_policy.policy = copy.copy(sender.config.retry_policy.policy)
        settings.pipeline = _copied_pipeline(sender.config.pipeline, settings)
    elif attribute(sender, "_pipeline") is not None:
        fresh._pipeline = _copied_pipeline(sender._pipeline, None)  # noqa: SLF001  # see the class
    return fresh


def _copied_pipeline(pipeline: Any, settings: Any) -> Any:
    """Return a pipeline with copies of its policies; what sends in the end is shared, unless it has settings."""
    fresh = twin(pipeline)
    policies = [copy.copy(policy) for policy in pipeline._impl_policies]  # noqa: SLF001  # no public attribute has them
    last: Any = policies[-1].next if policies else None
    if settings is not None and attribute(attribute(last, "driver"), "config") is not None:
        # The sender of msrest keeps a session for each thread, made with the retries of its settings.
        last = twin(last)
        last.driver = twin(last.driver)
        last.driver.config = settings
        last.driver._session_mapping = threading.local()  # noqa: SLF001
        fresh._sender = last  # noqa: SLF001
    for policy, after in zip(policies, [*policies[1:], last], strict=True):
        policy.next = after
    fresh._impl_policies = policies  # noqa: SLF001
    return fresh


# Retries


def retries_itself(client: object) -> str | None:
    """Return a sentence about how a client repeats; None if it does not."""
    sender = sender_of(client)
    retry = _urllib_retry(sender)
    if retry is not None and attribute(retry, "total"):
        return (
            f"the client's configuration has {retry.total} retries (msrest), which also repeat a PUT whose answer was "
            "lost; set protocol.config.retry_policy.retries to 0"
        )
    found = next((policy.total_retries for policy in _retry_policies(sender) if policy.total_retries), None)
    if found is not None:
        return (
            f"the client's pipeline has {found} retries (azure-core), which also repeat a PUT whose answer was lost; "
            "make the client with retry_total=0"
        )
    return None


def switch_off_retries(client: object) -> str | None:
    """Switch off a client's retries, and return a sentence about it; None if there was nothing to switch off."""
    sender = sender_of(client)
    retry = _urllib_retry(sender)
    if retry is not None:
        total, hides = attribute(retry, "total"), attribute(retry, "status_forcelist")
        if not total and not hides:
            return None
        # The sessions of all threads have this object. With a list of statuses it hides an answer of 5xx.
        retry.total = retry.connect = retry.read = 0
        retry.status_forcelist = frozenset()
        retry.raise_on_status = False
        return _switched_off(total, "msrest")
    totals = [policy.total_retries for policy in _retry_policies(sender) if policy.total_retries]
    for policy in _retry_policies(sender):
        policy.total_retries = 0
    return _switched_off(totals[0], "azure-core") if totals else None


def _switched_off(total: object, package: str) -> str:
    return f"switched off, for this client: {total} retries of {package}, which also repeat a PUT whose answer was lost"


async def send_once(client: object) -> None:
    """Keep the HTTP library under an asynchronous client from repeating a request whose connection broke."""
    transport: Any = attribute(attribute(sender_of(client), "_pipeline"), "_transport")
    if hasattr(transport, "session") and transport.session is None:
        # It would open its session within the request.
        await transport.open()
    if attribute(attribute(transport, "session"), "_retry_connection"):
        transport.session._retry_connection = False  # noqa: SLF001  # aiohttp has no public way


def is_option_of_retries(name: str) -> bool:
    """Tell whether an option of one call makes the SDK repeat."""
    return name == "retries" or name.startswith("retry_")


def _urllib_retry(sender: object) -> Any:
    return attribute(attribute(attribute(sender, "config"), "retry_policy"), "policy")


def _retry_policies(sender: object) -> list[Any]:
    policies: Any = attribute(attribute(sender, "_pipeline"), "_impl_policies")
    return [policy for policy in policies or () if hasattr(policy, "total_retries")]


# Time-outs


def timeouts(client: object, given: Mapping[str, Any], limit: float) -> dict[str, Any] | None:
    """
    Return the options of one call that make it wait at most ``limit`` seconds; None for a client of no known class.

    Args:
        client: A class of operations.
        given: The options that the caller gives.
        limit: The longest wait for a connection, and for an answer.
    """
    sender = sender_of(client)
    connection = attribute(attribute(sender, "config"), "connection")
    if connection is not None:
        return {"timeout": pair(given.get("timeout", attribute(connection, "timeout")), limit)}
    transport = attribute(attribute(sender, "_pipeline"), "_transport")
    defaults = attribute(transport, "connection_config")
    if defaults is None:
        return None
    connect = given.get("connection_timeout", attribute(defaults, "timeout"))
    if isinstance(connect, tuple):
        return {"connection_timeout": pair(connect, limit)}
    read = given.get("read_timeout", attribute(defaults, "read_timeout"))
    return {"connection_timeout": least(connect, limit), "read_timeout": least(read, limit)}


def lower(client: Any, seconds: float) -> bool:
    """Make a client wait at most ``seconds`` in all its calls; return whether that was possible."""
    connection: Any = attribute(attribute(sender_of(client), "config"), "connection")
    if connection is None:
        # The time-outs of azure-core are in the transport, which other clients may share.
        return False
    connection.timeout = pair(attribute(connection, "timeout"), seconds)
    return True
