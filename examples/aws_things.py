"""
How do I provision devices on AWS IoT Core, each exactly once?

A thing, a policy, and a certificate that is attached to both, with boto3 as always: ``wrap_client`` puts the client
under ``builtin:aws-iot``. The key is made on the device, so ``RegisterCertificateWithoutCA`` needs no answer to be
safe: the service refuses the same certificate a second time and names the one that is there, and its id is the hash of
the certificate. Offline, against a service that throttles and loses answers::

    python examples/aws_things.py --sandbox

Against the real service boto3 finds region and keys as always (``AWS_REGION``, ``AWS_PROFILE``, ...).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from resilience import Policy, SyncExecutor, wrap_client
from resilience.sandbox import Sandbox, without_proxies

DEVICES = ("pump-1", "pump-2", "pump-3")
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}],
}
FAULTS = {
    "CreatePolicy": "applied lost",
    "CreateThing": "ThrottlingException*2, applied lost, ok, applied InternalFailureException",
    "RegisterCertificateWithoutCA": "applied lost, ServiceUnavailableException, ok, applied truncated",
    "AttachPolicy": "applied lost",
    "AttachThingPrincipal": "ThrottlingException, applied lost",
}


def certificate_of(device: str) -> str:
    """Return a certificate that a device has made for itself, in PEM; its key never leaves the device."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def provision(client: Any, device: str, certificate: str) -> str:
    """Set a device up; return the id of its certificate."""
    client.create_thing(thingName=device, attributePayload={"attributes": {"line": "north"}})
    registered = client.register_certificate_without_ca(certificatePem=certificate, status="ACTIVE")
    client.attach_policy(policyName="pumps", target=registered["certificateArn"])
    client.attach_thing_principal(thingName=device, principal=registered["certificateArn"])
    return str(registered["certificateId"])


def run(plain: Any) -> None:
    """Set all devices up, and print what exists then."""
    executor = SyncExecutor(Policy.load("builtin:aws-iot"), provider="aws-iot")
    client = wrap_client(plain, executor)
    executor.verify_with(client)
    client.create_policy(policyName="pumps", policyDocument=json.dumps(ALLOWED))
    for device in DEVICES:
        print(f"{device}: certificate {provision(client, device, certificate_of(device))[:12]}...", flush=True)


@contextlib.contextmanager
def rehearsal() -> Iterator[Sandbox]:
    """Play the service with many faults; boto3 finds it by its environment variables."""
    with without_proxies(), Sandbox(aws=True) as sandbox:
        for operation, faults in FAULTS.items():
            sandbox.script(operation, faults)
        os.environ.update(sandbox.aws_iot.environment())
        yield sandbox


def connect() -> Any:
    """Return boto3's client, with its own retries off: the policy decides."""
    make: Any = boto3.client
    return make("iot", config=Config(retries={"total_max_attempts": 1}))


def main() -> int:
    """Return the exit code."""
    if "--sandbox" not in sys.argv[1:]:
        run(connect())
        return 0
    with rehearsal() as sandbox:
        run(connect())
        service = sandbox.aws_iot
        active = [each for each in service.certificates if each["status"] == "ACTIVE"]
        print(f"{len(service.things)} things, {len(active)} certificates, {len(service.policies)} policy")
        return 0 if (len(service.things), len(active), len(service.policies)) == (len(DEVICES), len(DEVICES), 1) else 1


if __name__ == "__main__":
    sys.exit(main())
