"""
Find the failures among the answers that botocore returns as a success.

botocore ignores a body that ends too soon or is no JSON: it returns a mapping without fields, with the status 200
(parsers.py 1.43.117, ``_parse_body_as_json``, and httpsession.py, ``enforce_content_length=False``; read 2026-11-28).
"""

from __future__ import annotations

from typing import Any, Final

from resilience.catalog import OperationFacts
from resilience.clients.aws.traits import PROVIDER
from resilience.clients.common.calls import Check
from resilience.clients.common.fields import attribute, header, word
from resilience.core.fault import Fault

METADATA: Final = "ResponseMetadata"
HEADERS: Final = "HTTPHeaders"
REQUEST_ID: Final = "RequestId"

# The sizes of no body, and of "{}".
_EMPTY: Final = frozenset({"0", "2"})


def checker(facts: OperationFacts | None) -> Check:
    """Return a function that returns the fault in an answer."""
    names = facts.answer if facts is not None else ()

    def check(value: Any) -> Fault | None:
        if type(value) is not dict or METADATA not in value:
            return None
        for name in names:
            if value.get(name) is not None:
                return None
        # Without a field that every good answer has, the only sign of a wrong answer is its type.
        return _garbled(value) if names or _is_page(value) else None

    return check


def _garbled(value: dict[str, Any]) -> Fault:
    request_id = word(metadata_of(value).get(REQUEST_ID))
    return Fault(provider=PROVIDER, transport="garbled", request_id=request_id)


def _is_page(value: dict[str, Any]) -> bool:
    """
    Tell whether an answer was a page of HTML: it has the type of one, and a body of which botocore has read nothing.

    The type alone says little: older versions of moto send good answers under it.
    """
    headers = metadata_of(value).get(HEADERS)
    kind, size = header(headers, "content-type"), header(headers, "content-length")
    is_html = kind is not None and kind.lower().startswith("text/html")
    return is_html and len(value) == 1 and (size is None or size not in _EMPTY)


def metadata_of(response: object) -> dict[str, Any]:
    """Return what botocore tells of the HTTP answer; empty if it tells nothing."""
    found = response.get(METADATA) if isinstance(response, dict) else attribute(response, METADATA)
    return found if isinstance(found, dict) else {}
