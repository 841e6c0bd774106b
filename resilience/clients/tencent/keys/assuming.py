"""AssumeRole of Tencent Cloud's token service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from resilience.catalog import catalogue
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
from resilience.clients.tencent import answers, retries
from resilience.clients.tencent.keys.credentials import tencent_credential
from resilience.clients.tencent.traits import PROVIDER

# Seconds. Only a maximum of 12 h is documented (AssumeRole, read 2026-11-21).
_DURATIONS: Final = range(1, 43_201)


def tencent_assume_role(  # noqa: PLR0913  # one keyword for each thing that the service may be told
    *,
    role_arn: str,
    keys: Keys | None = None,
    client: Any = None,
    session_name: str = SESSION_NAME,
    duration: int = 7200,
    policy: str | None = None,
    external_id: str | None = None,
    region: str = "ap-guangzhou",
    endpoint: str = "sts.tencentcloudapi.com",
    protocol: str = "https",
    timeout: float = 10.0,
) -> Callable[[], KeyTriple]:
    """
    Return a function that assumes a role of Tencent Cloud, for ``Credentials``.

    Args:
        role_arn: Such as ``qcs::cam::uin/<account>:roleName/<name>``.
        keys: The keys that sign the request, or a function that returns them. Give either ``keys`` or ``client``.
        client: A ready ``StsClient`` of ``tencentcloud.sts``, which has its own region, endpoint and time-outs.
        session_name: 2 to 128 letters, digits, and ``=,.@_-``.
        duration: Seconds that the keys live, at most 43200.
        policy: JSON that narrows the role's permissions; this function URL-encodes it, as the service requires.
        external_id: The value that the role's trust policy asks for, if any.
        region: Any region works; the default is that of the SDK's own credentials.
        endpoint: Host of the token service.
        protocol: ``http`` only for a sandbox.
        timeout: Seconds, for the connection and again for the answer.

    Returns:
        As for :func:`alibaba_assume_role`.

    Raises:
        ImportError: ``tencentcloud-sdk-python-sts`` is not installed.
        ValueError: As for :func:`alibaba_assume_role`.
    """
    check_arguments("tencent_assume_role", keys, client, duration, _DURATIONS)
    if (why := retries.retries_itself(client)) is not None:
        raise ValueError(f"tencent_assume_role: {why}")
    package, module = "tencentcloud-sdk-python-sts", "tencentcloud.sts.v20180813"
    models = imported("tencent_assume_role", f"{module}.models", package)
    if keys is not None:
        http = imported("tencent_assume_role", "tencentcloud.common.profile.http_profile", package)
        profiles = imported("tencent_assume_role", "tencentcloud.common.profile.client_profile", package)
        profile = profiles.ClientProfile(
            httpProfile=http.HttpProfile(endpoint=endpoint, protocol=protocol, reqTimeout=timeout)
        )
        clients = imported("tencent_assume_role", f"{module}.sts_client", package)
        client = clients.StsClient(tencent_credential(current(keys)), region, profile)

    def ask() -> KeyTriple:
        # Each call needs a new request, because the SDK writes headers into it.
        request = models.AssumeRoleRequest()
        request.RoleArn, request.RoleSessionName, request.DurationSeconds = role_arn, session_name, duration
        request.Policy = None if policy is None else quote(policy, safe="")
        request.ExternalId = external_id
        answer = client.AssumeRole(request)
        check_answer(answers.checker(catalogue(PROVIDER).operation(OPERATION)), answer)
        found = answer.Credentials
        try:
            return brought(found.TmpSecretId, found.TmpSecretKey, found.Token, float(answer.ExpiredTime))
        except (TypeError, ValueError):
            raise unreadable(PROVIDER, OPERATION, answer.RequestId) from None

    return ask
