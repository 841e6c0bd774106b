"""A wrapped client of boto3 in front of moto, which throttles, loses and tears answers where the script says so."""

from __future__ import annotations

import pytest
from aws_clients import client, wrapped
from servers.aws import PASS, THROTTLED, serving

pytest_plugins = ("servers.aws_fixtures",)
pytestmark = pytest.mark.usefixtures("plain_environment")


def test_a_throttled_creation_is_repeated(fresh_moto: int) -> None:
    """Each attempt is one request: the SDK's own retries are off."""
    with serving(THROTTLED, THROTTLED, moto=fresh_moto) as server:
        made = wrapped(server.url).create_thing(thingName="sensor")
        assert made["thingName"] == "sensor"
        assert made["ResponseMetadata"]["RetryAttempts"] == 0
        assert server.took("POST", "/things/sensor") == 3


def test_the_services_own_exception_leaves(fresh_moto: int) -> None:
    """It is of the class that client.exceptions has, with the members that the service gave."""
    with serving(moto=fresh_moto) as server:
        iot = wrapped(server.url)
        iot.create_policy(policyName="p", policyDocument="{}")
        with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
            iot.create_policy(policyName="p", policyDocument="{}")
    assert caught.value.response["Error"]["Code"] == "ResourceAlreadyExistsException"
    assert "stop reason: not_ours" in caught.value.__notes__[0]
    assert "resilience" not in str(caught.value)


def test_a_page_of_a_list_is_a_call_of_its_own(fresh_moto: int) -> None:
    """Paginators use the methods of the client that made them."""
    with serving(moto=fresh_moto) as server:
        plain = client(server.url)
        for number in range(3):
            plain.create_thing(thingName=f"t{number}")
        server.script[:] = [PASS, THROTTLED, PASS]
        pages = wrapped(server.url).get_paginator("list_things").paginate(PaginationConfig={"PageSize": 2})
        assert [thing["thingName"] for page in pages for thing in page["things"]] == ["t0", "t1", "t2"]
        assert server.took("GET", "/things") == 3
