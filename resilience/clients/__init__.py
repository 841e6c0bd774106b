"""
Translate what SDKs raise and return into faults.

No module here imports an SDK or an HTTP client. The adapters recognise exceptions, answers and clients by the names of
their modules and classes, so the package works with any SDK that is installed. The package also has ready-made
verifiers for the operations of the SDKs, and functions that get new credentials.
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

# The module of each public name. A name is imported when it is first used: a process of a run that never imports an SDK
# needs only a few small modules of this package.
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
