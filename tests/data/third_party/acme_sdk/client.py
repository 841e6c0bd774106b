"""A client that answers what it is told to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class AcmeError(Exception):
    """What the SDK raises for a refusal."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code}: not today")
        self.code = code
        self.request_id = "acme-1"


class Client:
    """Makes users."""

    def __init__(self, codes: Iterable[str] = ()) -> None:
        self.codes = list(codes)
        self.sent: list[dict[str, Any]] = []

    def CreateThing(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # the operation's own name
        """Make a user, or refuse it with the next code."""
        self.sent.append(request)
        if self.codes:
            raise AcmeError(self.codes.pop(0))
        return {"Name": request["Name"], "RequestId": "acme-2"}
