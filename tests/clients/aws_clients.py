"""Clients of boto3 and aiobotocore for one server, and a policy that is small enough to read."""

from __future__ import annotations

from typing import Any, Final

import boto3
from aiobotocore.session import get_session
from botocore.config import Config
from servers.aws import KEYS, REGION

from resilience import Policy, SyncExecutor, wrap_client

POLICY: Final = """
schema = 1
name = "aws-tests"
[limits]
deadline = "20s"
attempt_timeout = "10s"
settle = "0s"
[backoff.default]
kind = "constant"
base = "10ms"
jitter = "none"
[actions.patient]
do = "retry"
counts = false
[rules.aws-iot]
"ThrottlingException" = "patient"
"ServiceUnavailableException" = "retry"
"InternalFailureException" = "verify"
"ExpiredTokenException" = "refresh"
"UnrecognizedClientException" = "refresh"
"ResourceAlreadyExistsException" = "accept"
"CreateThing/ResourceAlreadyExistsException" = "fail"
[rules.transport]
unsent = "retry"
lost = "verify"
garbled = "verify"
"http-503" = "verify"
[operations.aws-iot]
CreateThing = { repeat = "equal", key = ["thingName"], requires = ["thingArn"] }
CreateThingType = { repeat = "equal", key = ["thingTypeName"], requires = ["thingTypeArn"] }
CreatePolicy = { repeat = "conflict", key = ["policyName"], requires = ["policyArn"] }
CreateKeysAndCertificate = { repeat = "duplicate", requires = ["certificateId"] }
RegisterCertificateWithoutCA = { repeat = "conflict", requires = ["certificateId"] }
DescribeThing = { repeat = "safe" }
Publish = { repeat = "duplicate" }
"""


def client(url: str, service: str = "iot", *, retries: dict[str, Any] | None = None, **settings: Any) -> Any:
    """Return a client of boto3; without ``retries`` it sends each call once."""
    once = {"total_max_attempts": 1}
    config = Config(
        retries=once if retries is None else retries, **{"connect_timeout": 10, "read_timeout": 10, **settings}
    )
    return boto3.client(service, region_name=REGION, endpoint_url=url, config=config, **KEYS)


def client_async(url: str, service: str = "iot", **settings: Any) -> Any:
    """Return what makes a client of aiobotocore, in an ``async with``."""
    config = Config(**{"connect_timeout": 10, "read_timeout": 10, "retries": {"total_max_attempts": 1}, **settings})
    return get_session().create_client(service, region_name=REGION, endpoint_url=url, config=config, **KEYS)


def executor(policy: str = POLICY, **settings: Any) -> SyncExecutor:
    """Return an executor under a policy."""
    return SyncExecutor(Policy.loads(policy), provider="aws-iot", **settings)


def wrapped(url: str, service: str = "iot", *, policy: str = POLICY, **settings: Any) -> Any:
    """Return a wrapped client."""
    return wrap_client(client(url, service, **settings), executor(policy))
