"""How the vendors' SDKs are pointed at a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alibabacloud_tea_openapi.models import Config
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from resilience.sandbox import Sandbox, TemporaryKey

ALIBABA_INSTANCE = "mqtt-cn-sandbox"
TENCENT_INSTANCE = "mqtt-sandbox"

Ask = Callable[..., Any]


def alibaba_config(sandbox: Sandbox, key: TemporaryKey | None = None, **other: Any) -> Config:
    """Return the configuration of Alibaba's clients, with a temporary key or the long-lived one."""
    pair = {
        "access_key_id": key.key_id if key else sandbox.alibaba.access_key_id,
        "access_key_secret": key.secret if key else sandbox.alibaba.access_key_secret,
        "security_token": key.token if key else None,
    }
    return Config(**{**pair, "endpoint": sandbox.alibaba.endpoint, "protocol": "HTTP", "read_timeout": 5000, **other})


def tencent_credential(sandbox: Sandbox, key: TemporaryKey | None = None) -> Credential:
    if key:
        return Credential(*key)
    return Credential(sandbox.tencent.secret_id, sandbox.tencent.secret_key)


def tencent_profile(sandbox: Sandbox, timeout: float = 5.0) -> ClientProfile:
    return ClientProfile(
        httpProfile=HttpProfile(endpoint=sandbox.tencent.endpoint, protocol="http", reqTimeout=timeout)
    )
