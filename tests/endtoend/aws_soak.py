"""
A thousand creates on a bad AWS, through real boto3: nothing twice, nothing lost, one span for each call.

To see it, with the extra ``test`` installed::

    python tests/endtoend/aws_soak.py [--calls 1000] [--lost 0.05] [--throttled 0.1] [--threads 16]
                                      [--operation CreateThing]

Of the requests of each operation, a share is throttled, and of another share the answer is lost after the effect; half
of these answers are torn instead. Each line is about one operation: how many were asked for, how many were told as
made, how many exist, and what nobody knows of. The exit code is 1 if the numbers differ, if a call has not exactly one
operation span, or if a call ended with another code than one that was played. It takes a few minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resilience import Policy, Spans, SyncExecutor, wrap_client
from resilience.sandbox import Sandbox, without_proxies

DOCUMENT: Final = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY: Final = """
schema = 1
extends = ["builtin:aws-iot"]
limits = { deadline = "10m", settle = "1s" }
[operations.aws-iot]
CreateKeysAndCertificate = { repeat = "duplicate", on_lost = "discard" }
"""


def certificate() -> str:
    """Return a certificate of its own, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now)
    return made.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def active(sandbox: Sandbox) -> list[str]:
    return [each["certificateId"] for each in sandbox.aws_iot.certificates if each["status"] == "ACTIVE"]


OPERATIONS: Final[dict[str, tuple[Callable[[Any, int], str], Callable[[Sandbox], list[str]]]]] = {
    "CreateThing": (
        lambda client, number: client.create_thing(thingName=f"thing-{number}")["thingName"],
        lambda sandbox: [each["thingName"] for each in sandbox.aws_iot.things],
    ),
    "CreatePolicy": (
        lambda client, number: client.create_policy(policyName=f"policy-{number}", policyDocument=DOCUMENT)[
            "policyName"
        ],
        lambda sandbox: [each["policyName"] for each in sandbox.aws_iot.policies],
    ),
    "RegisterCertificateWithoutCA": (
        lambda client, _: client.register_certificate_without_ca(certificatePem=certificate(), status="ACTIVE")[
            "certificateId"
        ],
        active,
    ),
    "CreateKeysAndCertificate": (
        lambda client, _: client.create_keys_and_certificate(setAsActive=True)["certificateId"],
        active,
    ),
}


def connect(sandbox: Sandbox) -> Any:
    environ = sandbox.aws_iot.environment()
    make: Any = boto3.client
    return make(
        "iot",
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        region_name=environ["AWS_REGION"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
    )


def soak(operation: str, options: argparse.Namespace) -> bool:
    """Make many things of one kind; print what came of it, and return whether all is right."""
    create, existing = OPERATIONS[operation]
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with Sandbox(aws=True) as sandbox:
        share = options.lost + options.throttled
        # Words are equally likely: lost, torn and throttled in the proportion that was asked for.
        lost = max(1, round(20 * options.lost / share))
        words = ["applied lost"] * (lost - lost // 2) + ["truncated"] * (lost // 2)
        words += ["ThrottlingException"] * (20 - lost)
        sandbox.chaos(rate=share, seed=7, kinds=words, operation=f"aws-iot:{operation}")
        executor = SyncExecutor(Policy.loads(POLICY), observers=[Spans(provider)])
        client = wrap_client(connect(sandbox), executor)
        executor.verify_with(client)
        codes: Counter[str] = Counter()
        told: list[str] = []

        def one(number: int) -> None:
            try:
                told.append(create(client, number))
            except Exception as error:  # noqa: BLE001  # counted, and told
                code: Any = getattr(error, "response", {})
                codes[code.get("Error", {}).get("Code", type(error).__name__)] += 1

        with ThreadPoolExecutor(options.threads) as pool:
            list(pool.map(one, range(options.calls)))
        there = existing(sandbox)
        spans = [each for each in exporter.get_finished_spans() if each.name == operation]
        orphans = set(there) - set(told)
        missing = set(told) - set(there)
        twice = len(there) - len(set(there)) + len(told) - len(set(told))
        requests = sandbox.asked(operation)
    failed = ", ".join(f"{count} {code}" for code, count in codes.items()) or "none"
    print(  # noqa: T201  # it is what the program is for
        f"{operation}: {options.calls} asked for in {requests} requests, {len(told)} told as made, {len(there)} exist; "
        f"{len(orphans)} unknown, {len(missing)} missing, {twice} twice; failed: {failed}; {len(spans)} spans",
        flush=True,
    )
    is_whole = len(told) == len(there) == options.calls
    return is_whole and not (orphans or missing or twice or codes) and len(spans) == options.calls


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--lost", type=float, default=0.05)
    parser.add_argument("--throttled", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--operation", choices=OPERATIONS, action="append")
    options = parser.parse_args()
    with without_proxies():
        results = [soak(each, options) for each in options.operation or OPERATIONS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
