"""
The translators: what each SDK raises or returns, in the words of the service.

Nothing here imports an SDK or an HTTP client: they are recognised by the names of
their modules and classes, so that the package works with whichever is installed.
"""

from resilience.clients.answers import check_value
from resilience.clients.classify import classify, leaves
from resilience.clients.credentials import KeyTriple, alibaba_credential, tencent_credential
from resilience.clients.fields import type_name
from resilience.clients.inspection import retries_itself

__all__ = [
    "KeyTriple",
    "alibaba_credential",
    "check_value",
    "classify",
    "leaves",
    "retries_itself",
    "tencent_credential",
    "type_name",
]
