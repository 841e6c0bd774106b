"""
Translate the exceptions of Alibaba's old SDK into faults.

An exception of this SDK for a failed transport has only a code of the SDK and a text. Source:
aliyun-python-sdk-core 2.16.1, read 2026-11-21.
"""

from __future__ import annotations

from typing import Final

from resilience.clients.alibaba.tea.errors import error_status
from resilience.clients.alibaba.traits import OLD_PACKAGES as PACKAGES
from resilience.clients.alibaba.traits import PROVIDER
from resilience.clients.common.fields import code_and_request_id, http_status, json_after, type_name, word
from resilience.clients.common.raised.frames import frames, innermost, local, module_of
from resilience.clients.common.raised.wire import transport_of, transport_of_text
from resilience.core.fault import Fault, Transport

# The codes that the SDK makes up for a failed transport. Its other SDK.* codes are mistakes of the program.
_NETWORK: Final = frozenset({"SDK.HttpError", "SDK.ServerUnreachable"})
_UNREADABLE: Final = "SDK.UnknownServerError"
_CREDENTIAL: Final = "SDK.GetSessionCredentialFailed"
_SIGNERS: Final = "aliyunsdkcore.auth."
_READING: Final = frozenset({"_get_server_exception", "_parse_error_info_from_response_body"})


def translate(error: Exception) -> Fault:
    """Return the fault in an exception of this SDK; its code is in the attribute ``error_code``."""
    code = word(getattr(error, "error_code", None))
    status = http_status(getattr(error, "http_status", None))
    request_id = word(getattr(error, "request_id", None))
    # A signer fetches session credentials while it signs. A request that fails there was never sent.
    is_unsent = any(module_of(frame).startswith(_SIGNERS) for frame in frames(error))
    transport: Transport | None = None
    if code in _NETWORK:
        code, transport = None, "unsent" if is_unsent else transport_of_text(getattr(error, "message", None))
    elif code == _UNREADABLE:
        code, transport = None, "garbled"
    elif code == _CREDENTIAL:
        is_unsent = True
        found = code_and_request_id(json_after("server return: ", error))
        code, request_id = found[0] or code, found[1] or request_id
    is_local = code is not None and status is None
    return Fault(
        provider=PROVIDER,
        code=code,
        transport=transport,
        status=status,
        request_id=request_id,
        effect="none" if is_unsent or is_local else None,
        error=type_name(error),
    )


def escaped(error: Exception) -> Fault | None:
    """
    Return the fault in an exception of another package that this SDK let through.

    None if the exception was raised elsewhere, or reports a programming error.
    """
    frame = innermost(error, PACKAGES)
    if frame is None:
        return None
    is_plain = isinstance(error, RuntimeError | AttributeError | TypeError | ValueError | LookupError)
    if is_plain and frame.f_code.co_name in _READING:
        status = http_status(local(error, PACKAGES, "http_status")) or 0
        return Fault(provider=PROVIDER, transport="garbled", status=error_status(status), error=type_name(error))
    transport = transport_of(error)
    return None if transport is None else Fault(provider=PROVIDER, transport=transport, error=type_name(error))
