"""
Read the body of a streamed answer (``stream=True``) for the policy, before the script reads it.

The body of an error is read and put back: the script reads the same bytes, by any method. The body of a success is
read only if the policy's ``success`` is in the body, and the body is a short JSON text.
"""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from resilience.clients.common.fields import attribute, header, http_status
from resilience.core.operations.apis import RestApi

_SUCCESS: Final = range(200, 300)
_FAILURE: Final = range(400, 1000)
_BODY: Final = "_resilience_body"

# An error's body is short; a longer body is left to the script.
_MAX_BODY_BYTES: Final = 1_048_576
_CHUNK: Final = 65_536


def body_read_ahead(response: object) -> bytes | None:
    """Return the body of an answer that was read ahead; None for any other."""
    body = attribute(response, _BODY)
    return body if isinstance(body, bytes) else None


def read_ahead(source: RestApi, response: Any) -> Any:
    """Return an answer of requests or of httpx; if the policy needs its body, the body is read and put back."""
    if not _must_be_read(source, response):
        return response
    if hasattr(response, "iter_raw"):
        raw: list[bytes] = []
        try:
            raw.extend(response.iter_raw())
        except Exception as error:  # noqa: BLE001  # the script gets it when it reads the body
            response.close()
            return _put_back(response, raw, error)
        return _put_back(response, raw, None)
    return _read_ahead_requests(response)


async def read_ahead_async(source: RestApi, response: Any) -> Any:
    """Return an answer of httpx's asynchronous client; if the policy needs its body, the body is read and put back."""
    if not _must_be_read(source, response):
        return response
    raw: list[bytes] = []
    try:
        async for chunk in response.aiter_raw():
            raw.append(chunk)  # noqa: PERF401  # the chunks before an error are kept
    except Exception as error:  # noqa: BLE001  # the script gets it when it reads the body
        await response.aclose()
        return _put_back(response, raw, error)
    return _put_back(response, raw, None)


def _must_be_read(source: RestApi, response: Any) -> bool:
    # httpx has `_content` only after the body is read; in requests it is False before.
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
    # A body without a length may never end, as a stream of events.
    is_json = "json" in (header(headers, "content-type") or "")
    tells = source.success is not None and source.success.kind == "json"
    return status in _SUCCESS and tells and is_json and is_short and length.isdecimal()


def _read_ahead_requests(response: Any) -> Any:
    raw, parts, failed = response.raw, list[bytes](), None
    try:
        # An adapter of the user's may return an answer that is not urllib3's.
        parts.extend(raw.stream(_CHUNK, decode_content=False) if hasattr(raw, "stream") else [raw.read()])
    except Exception as error:  # noqa: BLE001  # the script gets it when it reads the body
        failed = error
    content = b"".join(parts)
    response.raw = _again(raw, _Read(content, failed))
    body = _decoded(lambda: _unpacked(_again(raw, io.BytesIO(content))))
    setattr(response, _BODY, body)
    return response


def _again(raw: Any, content: io.BytesIO) -> Any:
    """Return a copy of urllib3's answer with its whole body unread."""
    if not hasattr(raw, "stream"):
        return content
    return type(raw)(
        body=content,
        headers=raw.headers,
        status=raw.status,
        version=raw.version,
        reason=raw.reason,
        preload_content=False,
        # A session does not decompress a stream.
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
        """The part of a body that came, and then the error."""

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
    except Exception:  # noqa: BLE001  # a body that cannot be decompressed counts as empty
        return b""


class _Read(io.BytesIO):
    """The part of a body that came, and then the error, if there was one."""

    def __init__(self, content: bytes, failed: Exception | None) -> None:
        super().__init__(content)
        self._failed = failed

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes; raise the error at the end."""
        found = super().read(size)
        if not found and size != 0 and self._failed is not None:
            raise self._failed
        return found
