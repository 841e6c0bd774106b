"""
Answers whose body the client has left unread (``stream=True``), as far as a policy has to read it.

What an error code stands in is read, and put back: the script reads the same bytes, by whichever method it likes.
A success stays unread, unless the policy says that its body tells whether it is one, and it is a short JSON text.
"""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from resilience.clients.common.fields import attribute, header, http_status
from resilience.core.policy import RestApi

_SUCCESS: Final = range(200, 300)
_FAILURE: Final = range(400, 1000)
_BODY: Final = "_resilience_body"

# An answer that says what went wrong is short; what is longer is left to the script.
_MAX_BODY_BYTES: Final = 1_048_576
_CHUNK: Final = 65_536


def held_body(response: object) -> bytes | None:
    """Return the body of an answer that was read for the policy; None for any other."""
    body = attribute(response, _BODY)
    return body if isinstance(body, bytes) else None


def hold(source: RestApi, response: Any) -> Any:
    """Return an answer of requests or of httpx; what was unread in it can be told by the policy, and read anew."""
    if not _must_be_read(source, response):
        return response
    if hasattr(response, "iter_raw"):
        raw: list[bytes] = []
        try:
            raw.extend(response.iter_raw())
        except Exception as error:  # noqa: BLE001  # the script meets it where it would have met it
            response.close()
            return _put_back(response, raw, error)
        return _put_back(response, raw, None)
    return _hold_requests(response)


async def hold_async(source: RestApi, response: Any) -> Any:
    """Do the same for an asynchronous client."""
    if not _must_be_read(source, response):
        return response
    raw: list[bytes] = []
    try:
        async for chunk in response.aiter_raw():
            raw.append(chunk)  # noqa: PERF401  # what has come before an error counts
    except Exception as error:  # noqa: BLE001  # likewise
        await response.aclose()
        return _put_back(response, raw, error)
    return _put_back(response, raw, None)


def _must_be_read(source: RestApi, response: Any) -> bool:
    # httpx has the attribute when the body was read; in requests it is False before.
    content = attribute(response, "_content")
    if (content is not None and content is not False) or attribute(response, "is_stream_consumed") is True:
        return False
    if attribute(response, "raw") is None and not hasattr(response, "iter_raw"):
        return False
    status, headers = http_status(attribute(response, "status_code")), attribute(response, "headers")
    length = header(headers, "content-length") or ""
    is_short = not length.isdecimal() or int(length[:9]) <= _MAX_BODY_BYTES
    if status in _FAILURE:
        return is_short
    # Without a length it may go on for ever, as events do.
    is_json = "json" in (header(headers, "content-type") or "")
    tells = source.success is not None and source.success.kind == "json"
    return status in _SUCCESS and tells and is_json and is_short and length.isdecimal()


def _hold_requests(response: Any) -> Any:
    raw, parts, failed = response.raw, list[bytes](), None
    try:
        # What an adapter of the user's own returns may be no answer of urllib3.
        parts.extend(raw.stream(_CHUNK, decode_content=False) if hasattr(raw, "stream") else [raw.read()])
    except Exception as error:  # noqa: BLE001  # the script meets it where it would have met it
        failed = error
    content = b"".join(parts)
    response.raw = _again(raw, _Read(content, failed))
    body = _decoded(lambda: _unpacked(_again(raw, io.BytesIO(content))))
    setattr(response, _BODY, body)
    return response


def _again(raw: Any, content: io.BytesIO) -> Any:
    """Return urllib3's answer once more, as if nothing of it had been read."""
    if not hasattr(raw, "stream"):
        return content
    return type(raw)(
        body=content,
        headers=raw.headers,
        status=raw.status,
        version=raw.version,
        reason=raw.reason,
        preload_content=False,
        # A session leaves what it hands out as a stream packed as it came.
        decode_content=attribute(raw, "decode_content"),
        original_response=attribute(raw, "_original_response"),
    )


def _unpacked(raw: Any) -> bytes:
    content: bytes = raw.read(decode_content=True) if hasattr(raw, "stream") else raw.read()
    return content


def _put_back(response: Any, parts: list[bytes], failed: Exception | None) -> Any:
    httpx: Any = sys.modules["httpx"]
    content = b"".join(parts)
    body = _decoded(lambda: httpx.Response(200, headers=response.headers, stream=httpx.ByteStream(content)).read())
    setattr(response, _BODY, body)
    response.stream = httpx.ByteStream(content) if failed is None else _broken(httpx, content, failed)
    response.is_stream_consumed = response.is_closed = False
    return response


def _broken(httpx: Any, content: bytes, failed: Exception) -> Any:
    class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]  # they are known at run time only
        """What came of a body, and then what ended it."""

        def __iter__(self) -> Iterator[bytes]:
            yield content
            raise failed

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield content
            raise failed

    return Broken()


def _decoded(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except Exception:  # noqa: BLE001  # a body that cannot be unpacked says nothing
        return b""


class _Read(io.BytesIO):
    """What came of a body, and then what ended it, if anything did."""

    def __init__(self, content: bytes, failed: Exception | None) -> None:
        super().__init__(content)
        self._failed = failed

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on."""
        found = super().read(size)
        if not found and size != 0 and self._failed is not None:
            raise self._failed
        return found
