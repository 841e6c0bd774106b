"""
What happens to a certificate whose answer is lost?

``CreateKeysAndCertificate`` makes a key, which AWS shows once and never again. If the answer gets lost, plain boto3
repeats the request, as it does with every operation: two certificates are active, and nobody has the private key of the
first. Under ``builtin:aws-iot`` the call stops instead, and says what may exist. With ``on_lost = "discard"`` in the
policy it finds the certificate that nobody can use, deactivates it, and makes another. Offline, three times against the
same bad service::

    python examples/aws_certificates.py

A fleet does best with ``RegisterCertificateWithoutCA``, where the key never leaves the device: ``aws_things.py``.
"""

from __future__ import annotations

import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from resilience import Policy, SyncExecutor, wrap_client
from resilience.sandbox import Sandbox, without_proxies

STOP = 'schema = 1\nextends = ["builtin:aws-iot"]\n'
DISCARD = STOP + '[operations.aws-iot]\nCreateKeysAndCertificate = { repeat = "duplicate", on_lost = "discard" }\n'
ONCE = Config(retries={"total_max_attempts": 1})


def connect(sandbox: Sandbox, config: Config | None = None) -> Any:
    """Return boto3's client for the played service; a script of yours needs no address and no keys here."""
    environ = sandbox.aws_iot.environment()
    make: Any = boto3.client
    return make(
        "iot",
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        region_name=environ["AWS_REGION"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        config=config,
    )


def make_certificate(client: Any) -> str:
    """Make a key and a certificate for it, as a script does; return what came of it."""
    try:
        answer = client.create_keys_and_certificate(setAsActive=True)
    except BotoCoreError as error:
        why = getattr(error, "__notes__", ["no more"])[0].splitlines()
        return "\n    ".join([f"{type(error).__name__}", *why])
    return f"certificate {answer['certificateId'][:8]}..., with its key"


def tell(title: str, sandbox: Sandbox, outcome: str) -> dict[str, int]:
    """Print what came of a call and what exists now; return the number of certificates by status."""
    counted: dict[str, int] = {}
    for certificate in sandbox.aws_iot.certificates:
        counted[certificate["status"]] = counted.get(certificate["status"], 0) + 1
    there = ", ".join(f"{number} {status}" for status, number in sorted(counted.items())) or "none"
    print(f"{title}\n    {outcome}\n    certificates now: {there}\n", flush=True)
    return counted


def main() -> int:
    """Make a certificate three times, each time in an account of its own; return the exit code."""
    found = []
    for title, policy in (
        ("plain boto3", None),
        ("under builtin:aws-iot", STOP),
        ('under builtin:aws-iot, with on_lost = "discard"', DISCARD),
    ):
        with Sandbox(aws=True) as sandbox:
            sandbox.script("CreateKeysAndCertificate", "applied lost, ok")
            if policy is None:
                client = connect(sandbox)
            else:
                client = wrap_client(connect(sandbox, ONCE), SyncExecutor(Policy.loads(policy)))
            found.append(tell(title, sandbox, make_certificate(client)))
    return 0 if found == [{"ACTIVE": 2}, {"ACTIVE": 1}, {"ACTIVE": 1, "INACTIVE": 1}] else 1


if __name__ == "__main__":
    with without_proxies():
        sys.exit(main())
