"""
Ready-made refreshers: temporary keys from the AssumeRole of both services.

Each returns a plain function. :class:`resilience.Credentials` runs it in a worker
thread, so no event loop waits for it, on trio neither. The SDKs' own refreshing
credentials do block the loop, and some renew far too often or never when a token is
rejected (alibabacloud-credentials 1.0.12, tencentcloud-sdk-python-common 3.1.195, read 2026-11-21)::

    role = sts.alibaba_assume_role(role_arn="acs:ram::1:role/provisioning", keys=permanent)
    source = Credentials(role, expires=lambda keys: keys.expires_at)
    client = Client(Config(credential=alibaba_credential(source.current), endpoint=...))

A refresh is due ``refresh_before`` ahead of expiry (five minutes in a policy that
does not say otherwise): a ``duration`` that is hardly longer means one AssumeRole for
every few calls.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

from attrs import evolve

from resilience.clients.alibaba import errors as alibaba
from resilience.clients.alibaba.credentials import alibaba_credential
from resilience.clients.answers import check_value
from resilience.clients.classify import classify
from resilience.clients.common.asking import AnswerError, unreadable
from resilience.clients.common.keys import KeyTriple
from resilience.clients.inspection import retries_itself
from resilience.clients.tencent import errors as tencent
from resilience.clients.tencent.credentials import tencent_credential

Keys = KeyTriple | Callable[[], KeyTriple]
"""What signs AssumeRole itself, or a function that returns it: it is asked for each time, and must not block."""

_ASSUME_ROLE: Final = "AssumeRole"

# Seconds. Alibaba: "Minimum value: 900"; its maximum is the role's own, and at most 12 h ("CreateRole",
# MaxSessionDuration). Tencent documents only a maximum of 12 h. Both: AssumeRole, read 2026-11-21.
_ALIBABA_DURATIONS: Final = range(900, 43_201)
_TENCENT_DURATIONS: Final = range(1, 43_201)

_SESSION_NAME: Final = "mqtt-resilience"


def alibaba_assume_role(  # noqa: PLR0913  # one keyword for each thing that the service may be told
    *,
    role_arn: str,
    keys: Keys | None = None,
    client: Any = None,
    session_name: str = _SESSION_NAME,
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
        keys: What signs the request: keys of a RAM user (the service refuses those of the account itself), or a
            function that returns them. Either these or ``client``.
        client: A ready client of ``alibabacloud_sts20150401``; endpoint, protocol and timeout are then its own.
        session_name: Appears in ActionTrail; 2 to 64 letters, digits, and ``.@-_``.
        duration: Seconds that the keys live: 900 or more, and no more than the role allows.
        policy: JSON that narrows the role's permissions.
        external_id: What the role's owner asks callers for.
        endpoint: Host of the token service; ``sts.<region>.aliyuncs.com`` is nearer.
        protocol: ``http`` only for a sandbox.
        timeout: Seconds, for the connection and again for the answer.

    Returns:
        A function that makes one request. What it raises is the SDK's own exception, with the token service's code,
        or :class:`AnswerError`. Classified, either has no effect: nothing of the user's was changed.

    Raises:
        ImportError: ``alibabacloud_sts20150401`` is not installed.
        ValueError: Not exactly one of ``keys`` and ``client``, a duration that the service refuses, or a client that
            retries by itself.
    """
    _check("alibaba_assume_role", keys, client, duration, _ALIBABA_DURATIONS)
    package = "alibabacloud_sts20150401"
    models = _imported("alibaba_assume_role", f"{package}.models", package)
    if keys is not None:
        config = _imported("alibaba_assume_role", "alibabacloud_tea_openapi.models", package).Config(
            credential=alibaba_credential(_current(keys)),
            endpoint=endpoint,
            protocol=protocol.upper(),
            connect_timeout=int(timeout * 1000),
            read_timeout=int(timeout * 1000),
        )
        client = _imported("alibaba_assume_role", f"{package}.client", package).Client(config)
    request = models.AssumeRoleRequest(
        role_arn=role_arn,
        role_session_name=session_name,
        duration_seconds=duration,
        policy=policy,
        external_id=external_id,
    )

    def ask() -> KeyTriple:
        answer = client.assume_role(request)
        _check_answer(alibaba.PROVIDER, answer)
        found = answer.body.credentials
        try:
            return _triple(
                found.access_key_id,
                found.access_key_secret,
                found.security_token,
                datetime.fromisoformat(found.expiration).timestamp(),
            )
        except (TypeError, ValueError, AttributeError):
            raise unreadable(alibaba.PROVIDER, _ASSUME_ROLE, answer.body.request_id) from None

    return _without_effect(alibaba.PROVIDER, ask)


def tencent_assume_role(  # noqa: PLR0913  # one keyword for each thing that the service may be told
    *,
    role_arn: str,
    keys: Keys | None = None,
    client: Any = None,
    session_name: str = _SESSION_NAME,
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
        keys: What signs the request, or a function that returns it. Either this or ``client``.
        client: A ready ``StsClient`` of ``tencentcloud.sts``; region, endpoint, protocol and timeout are then its own.
        session_name: 2 to 128 letters, digits, and ``=,.@_-``.
        duration: Seconds that the keys live, at most 43200.
        policy: JSON that narrows the role's permissions; it is URL-encoded here, as the service wants it.
        external_id: What the role's owner asks callers for.
        region: Any region will do; the default is that of the SDK's own credentials.
        endpoint: Host of the token service.
        protocol: ``http`` only for a sandbox.
        timeout: Seconds, for the connection and again for the answer.

    Returns:
        As for :func:`alibaba_assume_role`.

    Raises:
        ImportError: ``tencentcloud-sdk-python-sts`` is not installed.
        ValueError: As for :func:`alibaba_assume_role`.
    """
    _check("tencent_assume_role", keys, client, duration, _TENCENT_DURATIONS)
    package, module = "tencentcloud-sdk-python-sts", "tencentcloud.sts.v20180813"
    models = _imported("tencent_assume_role", f"{module}.models", package)
    if keys is not None:
        http = _imported("tencent_assume_role", "tencentcloud.common.profile.http_profile", package)
        profiles = _imported("tencent_assume_role", "tencentcloud.common.profile.client_profile", package)
        profile = profiles.ClientProfile(
            httpProfile=http.HttpProfile(endpoint=endpoint, protocol=protocol, reqTimeout=timeout)
        )
        clients = _imported("tencent_assume_role", f"{module}.sts_client", package)
        client = clients.StsClient(tencent_credential(_current(keys)), region, profile)

    def ask() -> KeyTriple:
        # A request of its own for each time: the SDK writes headers into it.
        request = models.AssumeRoleRequest()
        request.RoleArn, request.RoleSessionName, request.DurationSeconds = role_arn, session_name, duration
        request.Policy = None if policy is None else quote(policy, safe="")
        request.ExternalId = external_id
        answer = client.AssumeRole(request)
        _check_answer(tencent.PROVIDER, answer)
        found = answer.Credentials
        try:
            return _triple(found.TmpSecretId, found.TmpSecretKey, found.Token, float(answer.ExpiredTime))
        except (TypeError, ValueError):
            raise unreadable(tencent.PROVIDER, _ASSUME_ROLE, answer.RequestId) from None

    return _without_effect(tencent.PROVIDER, ask)


def _check(name: str, keys: Keys | None, client: object, duration: int, durations: range) -> None:
    if (keys is None) == (client is None):
        raise ValueError(f"{name}: expected either keys or client, found {'neither' if keys is None else 'both'}")
    if duration not in durations:
        raise ValueError(f"{name}: expected a duration of {durations[0]} to {durations[-1]} s, got {duration}")
    why = None if client is None else retries_itself(client)
    if why is not None:
        raise ValueError(f"{name}: {why}")


def _current(keys: Keys) -> Callable[[], KeyTriple]:
    if isinstance(keys, KeyTriple):
        held = keys
        return lambda: held
    return keys


def _imported(name: str, module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"sts.{name} needs {module}: pip install {package}", name=module) from error


def _check_answer(provider: str, answer: object) -> None:
    fault = check_value(provider, _ASSUME_ROLE, answer)
    if fault is not None:
        raise AnswerError(_ASSUME_ROLE, fault)


def _triple(key_id: object, secret: object, token: object, expires_at: float) -> KeyTriple:
    """
    Return what an answer brought.

    Raises:
        TypeError: A part of it is missing.
    """
    if not (isinstance(key_id, str) and isinstance(secret, str) and isinstance(token, str)):
        raise TypeError("an answer without keys")
    return KeyTriple(access_key_id=key_id, access_key_secret=secret, security_token=token, expires_at=expires_at)


def _without_effect(provider: str, ask: Callable[[], KeyTriple]) -> Callable[[], KeyTriple]:
    """Let what a refresh raises say that it changed nothing: the codes alone would leave doubt about the call."""

    def assume_role() -> KeyTriple:
        try:
            return ask()
        except Exception as error:
            fault = classify(error, provider=provider)
            if fault is not None:
                # The call that needs the keys waits for them, so nothing of it was sent.
                transport = "unsent" if fault.transport == "lost" else fault.transport
                error.fault = evolve(fault, effect="none", transport=transport)  # type: ignore[attr-defined]  # any exception takes it
            raise

    return assume_role
