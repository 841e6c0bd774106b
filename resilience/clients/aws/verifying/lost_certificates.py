"""
Certificates whose answer is lost, and with it their private key: nobody can ever use them.

``CreateKeysAndCertificate`` names nothing in its request, so only the time tells what a lost call made. The hooks of
botocore tell when each request of this process began and how it ended. A certificate is discarded if it was made since
the earliest request without an answer, is attached to nothing, and belongs to no request that has its answer; and only
if there are no more such certificates than requests without an answer. It is made INACTIVE and not deleted, so that a
person can undo it. Another process that creates certificates in the same account, without attaching them at once, can
be mistaken for a lost request: that is why a policy has to ask for this.

Sources: botocore 1.43.117, client.py, ``_make_api_call`` and ``_make_request`` emit before-call, after-call and
after-call-error with one context; read 2026-11-28.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from datetime import timedelta
from functools import cache
from threading import Condition
from typing import Any, Final

from attrs import define

from resilience.clients.aws import errors
from resilience.clients.aws.verifying.certificates import (
    ListedCertificate,
    attachments,
    deactivate,
    newest,
    service_time,
)
from resilience.clients.aws.verifying.finders import absent
from resilience.clients.aws.verifying.querying import IotQueryClient
from resilience.clients.common.lookups import Ambiguous, ExpectedResource, Query, Search, plain
from resilience.core.decision import Discarded

_OPERATION: Final = "CreateKeysAndCertificate"
_CONTEXT: Final = "resilience_request"

# A Date header has whole seconds, and the machines of the service differ a little.
_MARGIN: Final = timedelta(seconds=2)

# How long a request without an answer explains a certificate; longer than a settle of 30 s, and shorter than the time
# in which other programs are likely to make many. How long ids are known that were answered: longer than that.
_DOUBT_LASTS: Final = 180.0
_KNOWN_LASTS: Final = 1800.0

# How long the answers of other requests are waited for; botocore itself waits for 60 s to read.
_PATIENCE: Final = 60.0

_SEVERAL: Final = "they were made since an answer was lost, and there are more of them than lost answers; look which"
_BUSY: Final = "other requests are still under way, and one of them may have made it"


@define(eq=False)
class _Request:
    """
    A request under way, or one whose answer is lost.

    Attributes:
        began: When it began, on the monotonic clock.
        ended: When it ended without an answer, on that clock; None while it is under way.
    """

    began: float
    ended: float | None = None


class Requests:
    """The requests of this process to one endpoint that make certificates; threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = Condition()
        self._under_way: list[_Request] = []
        self._lost: list[_Request] = []
        self._known: dict[str, float] = {}

    def watch(self, client: Any) -> None:
        """Follow the requests of a client; a second time changes nothing."""
        events = client.meta.events
        for name, handler in (
            ("before-call", self._began),
            ("after-call", self._answered),
            ("after-call-error", self._broke),
        ):
            events.register(f"{name}.iot.{_OPERATION}", handler, unique_id=f"resilience-{name}-{_OPERATION}")

    def _began(self, context: dict[str, Any], **_: Any) -> None:
        request = context[_CONTEXT] = _Request(self._clock())
        with self._changed:
            self._under_way.append(request)

    def _answered(self, http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        # An error of the server, and a torn answer, tell nothing of what was made.
        certificate_id = parsed.get("certificateId")
        is_refused = 400 <= http_response.status_code < 500  # noqa: PLR2004  # the client errors of HTTP
        self._end(context, certificate_id, is_lost=certificate_id is None and not is_refused)

    def _broke(self, exception: Exception, context: dict[str, Any], **_: Any) -> None:
        fault = errors.translate(exception)
        self._end(context, None, is_lost=fault is None or fault.transport != "unsent")

    def _end(self, context: dict[str, Any], certificate_id: str | None, *, is_lost: bool) -> None:
        request: _Request | None = context.pop(_CONTEXT, None)
        if request is None:
            return
        now = self._clock()
        with self._changed:
            self._under_way.remove(request)
            if certificate_id is not None:
                self._known[certificate_id] = now
            elif is_lost:
                request.ended = now
                self._lost.append(request)
            while self._known and now - next(iter(self._known.values())) > _KNOWN_LASTS:
                del self._known[next(iter(self._known))]
            self._changed.notify_all()

    def age(self) -> float:
        """Return how many seconds ago the earliest request began whose answer is lost; without one, a long time."""
        now = self._clock()
        with self._changed:
            self._lost = [each for each in self._lost if each.ended is not None and now - each.ended < _DOUBT_LASTS]
            return max((now - each.began for each in self._lost), default=_KNOWN_LASTS / 2)

    def without(self, rows: Sequence[ListedCertificate]) -> list[ListedCertificate]:
        """Return the certificates that belong to no request with an answer, and that nobody has discarded."""
        with self._changed:
            return [row for row in rows if row.certificate_id not in self._known]

    def wait(self) -> bool:
        """Wait for the answers of all requests that are under way now; return whether they have ended."""
        with self._changed:
            earlier = list(self._under_way)
            return self._changed.wait_for(
                lambda: not any(each in self._under_way for each in earlier), timeout=_PATIENCE
            )

    def take(self, rows: Sequence[ListedCertificate]) -> tuple[ListedCertificate, _Request] | None:
        """
        Take one certificate for one request without an answer; None if another call has taken them all.

        Raises:
            Ambiguous: There are more certificates than such requests.
        """
        with self._changed:
            left = [row for row in rows if row.certificate_id not in self._known]
            if len(left) > len(self._lost):
                raise Ambiguous(_OPERATION, [row.certificate_id for row in left], _SEVERAL)
            if not left:
                return None
            self._known[left[-1].certificate_id] = self._clock()
            return left[-1], self._lost.pop(0)

    def give_back(self, row: ListedCertificate, request: _Request) -> None:
        """Undo :meth:`take`, because the certificate could not be deactivated."""
        with self._changed:
            self._known.pop(row.certificate_id, None)
            self._lost.insert(0, request)


@cache
def _requests_to(endpoint: str) -> Requests:  # noqa: ARG001  # one for each endpoint
    # All clients of the process: threads have clients of their own, and each makes certificates that another one lists.
    return Requests()


def discarder(client: Any, query_client: IotQueryClient) -> Callable[..., Discarded | None]:
    """Return the verifier of a client that blocks; it runs in a worker thread of an event loop."""
    requests = _requests_to(client.meta.endpoint_url)
    requests.watch(client)
    look = plain(query_client, _OPERATION, lambda expected: _orphan(requests, expected))

    def discard(**fields: Any) -> Discarded | None:
        found = look(fields)
        return None if found is None else Discarded(f"certificate {found['certificateId']}")

    return discard


def _orphan(requests: Requests, expected: ExpectedResource) -> Search:
    """Find a certificate without an owner, and deactivate it."""
    answer = yield Query("ListCertificates", {"pageSize": 1, "ascendingOrder": False})
    since = service_time(answer) - timedelta(seconds=requests.age()) - _MARGIN
    status = "ACTIVE" if expected.fields.get("setAsActive") else "INACTIVE"
    made = [row for row in (yield from newest(since)) if row.status == status]
    unknown = requests.without(made)
    if not unknown:
        return None
    if not requests.wait():
        raise Ambiguous(_OPERATION, [row.certificate_id for row in unknown], _BUSY)
    unattached = yield from _unattached(requests.without(unknown))
    taken = requests.take(unattached)
    if taken is None:
        return None
    row, request = taken
    try:
        if row.status == "ACTIVE":
            yield deactivate(row.certificate_id)
    except Exception as error:
        if not absent(error):
            requests.give_back(row, request)
            raise
    return {"certificateId": row.certificate_id}


def _unattached(rows: Sequence[ListedCertificate]) -> Generator[Query, Any, list[ListedCertificate]]:
    attached: dict[str, bool] = {}
    for row in rows:
        attached[row.arn] = bool((yield from attachments(row.arn)))
    return [row for row in rows if not attached[row.arn]]
