"""AssumeRole of AWS's token service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from resilience.clients.aws import answers, retries
from resilience.clients.aws.accepted import REQUEST_ID
from resilience.clients.aws.keys.credentials import give_keys
from resilience.clients.aws.traits import PROVIDER
from resilience.clients.common.assuming import (
    OPERATION,
    SESSION_NAME,
    Keys,
    brought,
    check_arguments,
    current,
    imported,
)
from resilience.clients.common.keys import KeyTriple
from resilience.clients.common.lookups import unreadable

# Seconds: from 15 minutes to 12 hours (API reference, AssumeRole, DurationSeconds; botocore's model of sts, read
# 2026-11-28).
_DURATIONS: Final = range(900, 43_201)

_ROLE: Final = "AssumeRole"
_NAME: Final = "aws_assume_role"


def aws_assume_role(  # noqa: PLR0913  # one keyword for each thing that the service may be told
    *,
    role_arn: str,
    keys: Keys | None = None,
    client: Any = None,
    session_name: str = SESSION_NAME,
    duration: int = 3600,
    policy: str | None = None,
    external_id: str | None = None,
    region: str | None = None,
    endpoint: str | None = None,
    protocol: str = "https",
    timeout: float = 10.0,
) -> Callable[[], KeyTriple]:
    """
    Return a function that assumes a role of AWS, for ``Credentials``.

    Args:
        role_arn: Such as ``arn:aws:iam::<account>:role/<name>``.
        keys: The keys that sign the request, or a function that returns them. Give either ``keys`` or ``client``.
        client: A ready client of boto3 for ``sts``, which has its own region, endpoint and time-outs.
        session_name: 2 to 64 letters, digits, and ``=,.@_-``.
        duration: Seconds that the keys live, 900 to 43200; at most what the role allows, an hour by default.
        policy: JSON that narrows the role's permissions.
        external_id: The value that the role's trust policy asks for, if any.
        region: The region of the token service; by default that of boto3's own configuration.
        endpoint: Host of the token service; by default that of the region.
        protocol: ``http`` only for a sandbox.
        timeout: Seconds, for the connection and again for the answer.

    Returns:
        As for :func:`alibaba_assume_role`. A client of boto3 takes the keys when it is made, so make it inside the
        wrapped function, or let ``[credentials.aws-iot]`` of the policy renew those of a wrapped client.

    Raises:
        ImportError: ``botocore``, which boto3 installs, is not installed.
        ValueError: As for :func:`alibaba_assume_role`; or there is no region.
    """
    check_arguments(_NAME, keys, client, duration, _DURATIONS)
    if (why := retries.retries_itself(client)) is not None:
        raise ValueError(f"{_NAME}: {why}")
    if keys is not None:
        client = _client(keys, region, None if endpoint is None else f"{protocol}://{endpoint}", timeout)
    optional = {"Policy": policy, "ExternalId": external_id}
    request = {
        "RoleArn": role_arn,
        "RoleSessionName": session_name,
        "DurationSeconds": duration,
        **{name: value for name, value in optional.items() if value is not None},
    }

    def ask() -> KeyTriple:
        answer = client.assume_role(**request)
        found: Mapping[str, Any] = answer.get("Credentials") or {}
        expiry: Any = found.get("Expiration")
        try:
            end = expiry.timestamp()
            return brought(found.get("AccessKeyId"), found.get("SecretAccessKey"), found.get("SessionToken"), end)
        except (AttributeError, TypeError):
            raise unreadable(PROVIDER, OPERATION, answers.metadata_of(answer).get(REQUEST_ID)) from None

    return ask


def _client(keys: Keys, region: str | None, url: str | None, timeout: float) -> Any:
    session = imported(_NAME, "botocore.session", "boto3").get_session()
    config = imported(_NAME, "botocore.config", "boto3").Config(
        connect_timeout=timeout, read_timeout=timeout, retries={"total_max_attempts": 1}
    )
    if (region or session.get_config_variable("region")) is None:
        raise ValueError(f"{_NAME}: expected a region, found none; name one, or set AWS_DEFAULT_REGION")
    # A stand-in: the keys are asked for at each request.
    placeholder = {"aws_access_key_id": _ROLE, "aws_secret_access_key": _ROLE}
    client = session.create_client("sts", region_name=region, endpoint_url=url, config=config, **placeholder)
    give_keys(client, current(keys))
    return client
