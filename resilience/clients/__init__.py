"""
The translators: what each SDK raises or returns, in the words of the service.

Nothing here imports an SDK or an HTTP client: they are recognised by the names of
their modules and classes, so that the package works with whichever is installed.
Beside the translators stand what can be made ready once for all users of an SDK:
verifiers of its operations, and refreshers of its credentials.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from resilience.clients import sts
    from resilience.clients.alibaba.tea.keys.credentials import alibaba_credential
    from resilience.clients.answers import check_value
    from resilience.clients.common.fields import type_name
    from resilience.clients.common.keys import KeyTriple
    from resilience.clients.common.lookups import Ambiguous, AnswerError
    from resilience.clients.faults import classify, leaves, with_message
    from resilience.clients.inspection import retries_itself
    from resilience.clients.tencent.keys.credentials import tencent_credential
    from resilience.clients.verifiers import verifiers_for

__all__ = [
    "Ambiguous",
    "AnswerError",
    "KeyTriple",
    "alibaba_credential",
    "check_value",
    "classify",
    "leaves",
    "retries_itself",
    "sts",
    "tencent_credential",
    "type_name",
    "verifiers_for",
    "with_message",
]

# Where the public names live. They are imported when they are first asked for: what a process of a run has to know of
# SDKs before one is imported is little, and stands in modules below this one.
_HOMES: Final = {
    "Ambiguous": "common.lookups",
    "AnswerError": "common.lookups",
    "KeyTriple": "common.keys",
    "alibaba_credential": "alibaba.tea.keys.credentials",
    "check_value": "answers",
    "classify": "faults",
    "leaves": "faults",
    "retries_itself": "inspection",
    "tencent_credential": "tencent.keys.credentials",
    "type_name": "common.fields",
    "verifiers_for": "verifiers",
    "with_message": "faults",
}


def __getattr__(name: str) -> Any:
    if name == "sts":
        return import_module("resilience.clients.sts")
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience.clients' has no attribute {name!r}")
    value = getattr(import_module(f"resilience.clients.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
