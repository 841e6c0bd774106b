"""AssumeRole of Alibaba Cloud's token service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from resilience.catalog import catalogue
from resilience.clients.alibaba import answers
from resilience.clients.alibaba.tea import retries
from resilience.clients.alibaba.tea.keys.credentials import alibaba_credential
from resilience.clients.alibaba.traits import PROVIDER
from resilience.clients.common.assuming import (
    OPERATION,
    SESSION_NAME,
    Keys,
    brought,
    check_answer,
    check_arguments,
    current,
    imported,
)
from resilience.clients.common.keys import KeyTriple
from resilience.clients.common.lookups import unreadable

# Seconds. "Minimum value: 900"; the maximum is the role's own, and at most 12 h ("CreateRole", MaxSessionDuration).
# AssumeRole, read 2026-11-21.
_DURATIONS: Final = range(900, 43_201)


def alibaba_assume_role(  # noqa: PLR0913  # one keyword for each thing that the service may be told
    *,
    role_arn: str,
    keys: Keys | None = None,
    client: Any = None,
    session_name: str = SESSION_NAME,
    duration: int = 3600,
    policy: str | None = None,
    external_id: str | None = None,
    endpoint: str = "sts.aliyuncs.com",
    protocol: str = "https",
    timeout: float = 10.0,
) -> Callable[[], KeyTriple]:
    """
    Return a function that assumes a role of Alibaba Cloud, for ``Credentials``.

    Args:
        role_arn: Such as ``acs:ram::<account>:role/<name>``.
        keys: The keys that sign the request, or a function that returns them. They belong to a RAM user: the service
            refuses the keys of the account itself. Give either ``keys`` or ``client``.
        client: A ready client of ``alibabacloud_sts20150401``, which has its own endpoint, protocol and time-outs.
        session_name: Appears in ActionTrail; 2 to 64 letters, digits, and ``.@-_``.
        duration: Seconds that the keys live: 900 or more, and no more than the role allows.
        policy: JSON that narrows the role's permissions.
        external_id: The value that the role's trust policy asks for, if any.
        endpoint: Host of the token service; ``sts.<region>.aliyuncs.com`` is nearer.
        protocol: ``http`` only for a sandbox.
        timeout: Seconds, for the connection and again for the answer.

    Returns:
        A function that makes one request. It raises the SDK's own exception, with the token service's code, or
        :class:`AnswerError`. The fault of either has the effect ``none``: AssumeRole changes nothing.

    Raises:
        ImportError: ``alibabacloud_sts20150401`` is not installed.
        ValueError: Both or neither of ``keys`` and ``client`` are given, the service refuses the duration, or the
            client retries by itself.
    """
    check_arguments("alibaba_assume_role", keys, client, duration, _DURATIONS)
    if (why := retries.retries_itself(client)) is not None:
        raise ValueError(f"alibaba_assume_role: {why}")
    package = "alibabacloud_sts20150401"
    models = imported("alibaba_assume_role", f"{package}.models", package)
    if keys is not None:
        config = imported("alibaba_assume_role", "alibabacloud_tea_openapi.models", package).Config(
            credential=alibaba_credential(current(keys)),
            endpoint=endpoint,
            protocol=protocol.upper(),
            connect_timeout=int(timeout * 1000),
            read_timeout=int(timeout * 1000),
        )
        client = imported("alibaba_assume_role", f"{package}.client", package).Client(config)
    request = models.AssumeRoleRequest(
        role_arn=role_arn,
        role_session_name=session_name,
        duration_seconds=duration,
        policy=policy,
        external_id=external_id,
    )

    def ask() -> KeyTriple:
        answer = client.assume_role(request)
        check_answer(answers.checker(catalogue(PROVIDER).operation(OPERATION)), answer)
        found = answer.body.credentials
        try:
            return brought(
                found.access_key_id,
                found.access_key_secret,
                found.security_token,
                datetime.fromisoformat(found.expiration).timestamp(),
            )
        except (TypeError, ValueError, AttributeError):
            raise unreadable(PROVIDER, OPERATION, answer.body.request_id) from None

    return ask
