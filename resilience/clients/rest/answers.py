"""Find the fault in an answer of a REST API, by the paths that the policy describes."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import define, evolve, field

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
from resilience.clients.rest.read_ahead import body_read_ahead
from resilience.core.fault import Fault
from resilience.core.operations.apis import AnswerPath, RestApi

_SUCCESS: Final = range(200, 300)
_FAILURE: Final = range(400, 1000)

# An error's body is short. A longer body, such as a list of ten thousand clients, costs too much time to parse twice.
_MAX_BODY_BYTES: Final = 65_536


def fault_of(source: RestApi, provider: str, response: object) -> Fault | None:
    """
    Return the fault in an answer; None for a success, a redirect, and an object that is no answer.

    This function does not read a body that the client has not read yet: then only status and headers count.

    Args:
        source: The API, with the paths of code, message and request id in its answers.
        provider: The provider.
        response: An answer of requests or httpx, or an object with ``status_code``, ``headers`` and ``content``.
    """
    status = http_status(attribute(response, "status_code"))
    answer = _Answer(response, attribute(response, "headers"))
    if status in _SUCCESS:
        if not _is_false(answer.at(source.success)):
            return None
        # No rule matches the status of a success.
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


def described(source: RestApi, fault: Fault, response: object) -> Fault:
    """
    Return the fault of an HTTP client's exception with what its answer says at the paths that the policy describes.

    Args:
        source: The API.
        fault: The fault, as any answer of HTTP tells it; it counts where the answer has nothing at a path.
        response: The answer of the exception; None if it has none.
    """
    answer = _Answer(response, attribute(response, "headers"))
    code = _code(answer.at(source.code))
    hint = _hint(source.retry_after, answer)
    return evolve(
        fault,
        code=fault.code if code is None else code,
        request_id=first_word(answer.at(source.request_id), fault.request_id),
        retry_after=fault.retry_after if hint is None else hint,
        message=fault.message if source.message is None else text_of(answer.at(source.message)),
    )


def lacks(fields: Sequence[str], response: object) -> bool:
    """
    Tell whether an answer with a status of success lacks one of some fields.

    False for a body that the client has not read yet: it may have them.
    """
    answer = _Answer(response, None)
    is_success = http_status(attribute(response, "status_code")) in _SUCCESS
    return is_success and answer.is_read and any(answer.at(_json_path(name)) is None for name in fields)


@functools.lru_cache(maxsize=256)
def _json_path(name: str) -> AnswerPath:
    return AnswerPath("json", tuple(name.split(".")))


@define
class _Answer:
    """An answer; its body is parsed at the first use, and only if it is in memory."""

    response: object
    headers: object
    _parsed: list[object] = field(factory=list, init=False)

    @property
    def is_read(self) -> bool:
        """Whether the body is in memory, and short enough to be parsed."""
        body = self._content()
        return isinstance(body, bytes | str) and len(body) <= _MAX_BODY_BYTES

    def at(self, path: AnswerPath | None) -> object:
        """Return the value at a path; None if there is none."""
        if path is None:
            return None
        if path.kind == "header":
            return header(self.headers, path.path[0].lower())
        value = self._body()
        for key in path.path:
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list) and key.isdecimal() and int(key[:6]) < len(value):
                value = value[int(key[:6])]
            else:
                return None
        return value

    def text(self) -> str | None:
        """Return the body as text, if it is in memory."""
        return text_of(self._content())

    def _content(self) -> object:
        # In requests `_content` is False before the body is read, and `content` would read it now.
        body = body_read_ahead(self.response) or attribute(self.response, "_content")
        # In httpx `content` raises before the body is read, and `attribute` returns None then.
        return attribute(self.response, "content") if body is None else body

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
    """Return an error code from a word, a whole number, or a few words, which ``_`` joins; None for other values."""
    if isinstance(value, int) and not isinstance(value, bool):
        return word(str(value))
    return word("_".join(value.split())) if isinstance(value, str) else None


def _is_false(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _hint(path: AnswerPath | None, answer: _Answer) -> float | None:
    """Return the seconds that the server asks to wait: at the policy's path, else in the header ``Retry-After``."""
    value = answer.at(path)
    if isinstance(value, str):
        # A date is compared with the answer's own date.
        value = retry_after({"retry-after": value, "date": header(answer.headers, "date")})
    hint = seconds(value)
    return retry_after(answer.headers) if hint is None else hint
