"""How a request to AWS is recognised that is sent in another way than through a client of boto3."""

from __future__ import annotations

import pytest

from resilience.clients.aws.room import ROOM
from resilience.clients.common.room import SentRequest
from resilience.clients.outline import is_host_of_service, is_library, named_by_vendor

SIGNED = "AWS4-HMAC-SHA256 Credential=KEY/20261128/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    "host",
    [
        "iot.eu-west-1.amazonaws.com",
        "iot-fips.us-gov-west-1.amazonaws.com",
        "iot.cn-north-1.amazonaws.com.cn",
        "iot.eu-west-1.api.aws",
        "data-ats.iot.eu-west-1.amazonaws.com",
        "a1b2c3-ats.iot.eu-west-1.amazonaws.com",
        "sts.amazonaws.com",
        "sts.eu-west-1.amazonaws.com",
    ],
)
def test_the_hosts_of_the_services_are_known(host: str) -> None:
    """Those of a region, of an account, and of other partitions."""
    assert ROOM.is_host(host)
    assert is_host_of_service(host)
    assert named_by_vendor(SentRequest("POST", f"{host}:443", "/things/t", {})) == "aws-iot:POST"


@pytest.mark.parametrize(
    "host",
    ["s3.amazonaws.com", "bucket.s3.iot.amazonaws.com", "iot.example.com", "iotwireless.eu-west-1.amazonaws.com"],
)
def test_other_hosts_are_none_of_them(host: str) -> None:
    """A service without a catalogue is left alone, also where it is signed likewise."""
    assert not ROOM.is_host(host)
    assert ROOM.operation_of(SentRequest("GET", host, "/", {"authorization": SIGNED.format("s3")})) is None


@pytest.mark.parametrize(("service", "is_known"), [("iot", True), ("iotdata", True), ("sts", True), ("s3", False)])
def test_a_signature_names_the_service(service: str, *, is_known: bool) -> None:
    """A request to a stand-in on another host is recognised by it."""
    sent = SentRequest("PUT", "127.0.0.1:4566", "/policies/p", {"authorization": SIGNED.format(service)})
    assert (ROOM.operation_of(sent) == "PUT") == is_known


def test_the_libraries_have_names() -> None:
    """Messages say which library has sent a request."""
    assert all(is_library(name) for name in ("boto3", "botocore", "aiobotocore"))
