"""What an answer of a REST API says: the fault in it, read from where the policy says that it stands."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import define, field

from resilience.clients.common.fields import (
    attribute,
    first_word,
    header,
    http_status,
    retry_after,
    seconds,
    text_of,
    word,
)
from resilience.clients.common.raised.plain import REQUEST_ID_HEADERS
from resilience.clients.rest.held import held_body
from resilience.core.fault import Fault
from resilience.core.policy import AnswerPath, RestApi

_SUCCESS: Final = range(200, 300)
_FAILURE: Final = range(400, 1000)

# Answers that say what went wrong are short; nobody should pay for parsing a list of ten thousand clients twice.
_MAX_BODY_BYTES: Final = 65_536


def fault_of(source: RestApi, provider: str, response: object) -> Fault | None:
    """
    Return the fault in an answer; None for a success, a redirect, and what is no answer.

    A body that the client has not read yet stays unread: then only status and headers count.

    Args:
        source: Where the API's answers say what.
        provider: The provider.
        response: The answer, of requests or httpx, or of what has their ``status_code``, ``headers`` and ``content``.
    """
    status = http_status(attribute(response, "status_code"))
    answer = _Answer(response, attribute(response, "headers"))
    if status in _SUCCESS:
        if not _is_false(answer.at(source.success)):
            return None
        # A status that says nothing wrong matches no rule.
        status = None
    elif status not in _FAILURE:
        return None
    code = _code(answer.at(source.code))
    return Fault(
        provider=provider,
        code=code,
        transport="garbled" if code is None and status is None else None,
        status=status,
        request_id=first_word(answer.at(source.request_id), header(answer.headers, *REQUEST_ID_HEADERS)),
        retry_after=_hint(source.retry_after, answer),
        message=answer.text() if source.message is None else text_of(answer.at(source.message)),
    )


def lacks(fields: Sequence[str], response: object) -> bool:
    """
    Tell whether an answer that says that it worked has not all of some fields.

    A body that the client has not read yet may have them.
    """
    answer = _Answer(response, None)
    is_success = http_status(attribute(response, "status_code")) in _SUCCESS
    return is_success and answer.is_read and any(answer.at(_place(name)) is None for name in fields)


@functools.lru_cache(maxsize=256)
def _place(name: str) -> AnswerPath:
    return AnswerPath("json", tuple(name.split(".")))


@define
class _Answer:
    """An answer whose body is parsed when it is first asked for, and only if it is in memory."""

    response: object
    headers: object
    _parsed: list[object] = field(factory=list, init=False)

    @property
    def is_read(self) -> bool:
        """Whether the body is in memory, and is short enough to be looked at."""
        body = self._content()
        return isinstance(body, bytes | str) and len(body) <= _MAX_BODY_BYTES

    def at(self, place: AnswerPath | None) -> object:
        """Return what stands at a place; None if nothing does."""
        if place is None:
            return None
        if place.kind == "header":
            return header(self.headers, place.path[0].lower())
        value = self._body()
        for key in place.path:
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list) and key.isdecimal() and int(key[:6]) < len(value):
                value = value[int(key[:6])]
            else:
                return None
        return value

    def text(self) -> str | None:
        """Return the body as it came, if it is in memory."""
        return text_of(self._content())

    def _content(self) -> object:
        # False in requests until somebody has read it; asking for `content` there would read it now.
        held = held_body(self.response) or attribute(self.response, "_content")
        # httpx raises if it was not read, and that is None here.
        return attribute(self.response, "content") if held is None else held

    def _body(self) -> object:
        if not self._parsed:
            body = self._content()
            try:
                is_small = isinstance(body, bytes | str) and len(body) <= _MAX_BODY_BYTES
                self._parsed.append(json.loads(body) if is_small else None)  # type: ignore[arg-type]  # it is a text
            except (ValueError, RecursionError):
                self._parsed.append(None)
        return self._parsed[0]


def _code(value: object) -> str | None:
    """Return an error code: a word, a whole number, or a few words, the gaps between which become ``_``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return word(str(value))
    return word("_".join(value.split())) if isinstance(value, str) else None


def _is_false(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _hint(place: AnswerPath | None, answer: _Answer) -> float | None:
    """Return how long the server asks to wait, from a place of its own if it says something there."""
    own = answer.at(place)
    if isinstance(own, str):
        # A date is compared with the answer's own.
        own = retry_after({"retry-after": own, "date": header(answer.headers, "date")})
    hint = seconds(own)
    return retry_after(answer.headers) if hint is None else hint
