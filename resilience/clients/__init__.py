"""
The translators: what each SDK raises or returns, in the words of the service.

Nothing here imports an SDK or an HTTP client: they are recognised by the names of
their modules and classes, so that the package works with whichever is installed.
Beside the translators stand what can be made ready once for all users of an SDK:
verifiers of its operations, and refreshers of its credentials.
"""

from resilience.clients import sts
from resilience.clients.alibaba.tea.credentials import alibaba_credential
from resilience.clients.answers import check_value
from resilience.clients.classify import classify, leaves, with_message
from resilience.clients.common.asking import Ambiguous, AnswerError
from resilience.clients.common.fields import type_name
from resilience.clients.common.keys import KeyTriple
from resilience.clients.inspection import retries_itself
from resilience.clients.tencent.credentials import tencent_credential
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
