"""A query client for AWS IoT Core, for the finders of this folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.catalog import operation_facts
from resilience.clients.aws import accepted, answers
from resilience.clients.aws.methods import service_of
from resilience.clients.aws.traits import PROVIDER
from resilience.clients.common.fields import kinds
from resilience.clients.common.lookups import Fields, Finder, Query, awaited, plain
from resilience.core.fault import Fault

SERVICE: Final = "iot"


@frozen(eq=False)
class IotQueryClient:
    """Asks through a client of botocore, or of aiobotocore, whose method returns an awaitable."""

    _client: Any

    @property
    def provider(self) -> str:
        """The provider's short name."""
        return PROVIDER

    def is_request(self, value: object) -> bool:
        """Tell whether an argument has the fields of a request."""
        return isinstance(value, Mapping)

    def fields(self, request: Any) -> Fields:
        """Return a request's fields that are set."""
        return {name: value for name, value in request.items() if value is not None}

    def check(self, operation: str, answer: Any) -> Fault | None:
        """Return the fault in an answer that botocore took for a success."""
        return answers.checker(operation_facts(PROVIDER, operation))(answer)

    def put(self, query: Query, _: object) -> Any:
        """Send a query."""
        return self._client._make_api_call(query.operation, dict(query.fields))  # noqa: SLF001  # all methods call it

    def read(self, answer: Any) -> Fields:
        """Return the fields of an answer."""
        return answer if isinstance(answer, Mapping) else {}

    def made(self, _: str, __: Any, fields: Fields, answer: Any) -> Any:
        """Return the creating call's answer; its request id is that of the last query."""
        return accepted.made({**fields, accepted.REQUEST_ID: answers.metadata_of(answer).get(answers.REQUEST_ID, "")})


def query_client_of(client: object) -> IotQueryClient | None:
    """Return the query client of a client for ``iot``; None for any other object."""
    return IotQueryClient(client) if service_of(client) == SERVICE else None


def is_async(client: object) -> bool:
    """Tell whether a client is one of aiobotocore."""
    return any(package == "aiobotocore" for package, _ in kinds(type(client)))


def verifier_of(query_client: IotQueryClient, operation: str, find: Finder) -> Callable[..., Any]:
    """Return a verifier that takes the fields of the request by name, as the client's methods do."""
    if is_async(query_client._client):  # noqa: SLF001  # of this module
        look_async: Callable[..., Awaitable[Any]] = awaited(query_client, operation, find)

        async def verify_async(**fields: Any) -> Any:
            return await look_async(fields)

        return verify_async
    look = plain(query_client, operation, find)

    def verify(**fields: Any) -> Any:
        return look(fields)

    return verify
