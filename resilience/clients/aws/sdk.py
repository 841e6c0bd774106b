"""The adapter of botocore, boto3 and aiobotocore."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from resilience.clients.aws import accepted, answers, errors, methods, raising, retries, timeouts
from resilience.clients.aws.codecs import CODECS
from resilience.clients.aws.keys import credentials, refreshing
from resilience.clients.aws.keys.assuming import aws_assume_role
from resilience.clients.aws.name_references import NAME_REFERENCES
from resilience.clients.aws.traits import ASYNC_PACKAGE, HOOKS, MODELS, PACKAGES, PROVIDER
from resilience.clients.aws.verifying import verifiers
from resilience.clients.common.assuming import Keys
from resilience.clients.common.fields import attribute
from resilience.clients.common.keys import KeyTriple
from resilience.clients.common.raised.frames import module_of
from resilience.clients.common.renaming import NameReferences
from resilience.clients.common.request_codecs import RequestCodecs
from resilience.clients.sdk import CodeList
from resilience.clients.vendor.facts import Generic
from resilience.clients.vendor.sdk import VendorSdk
from resilience.core.fault import Fault


def codes_of_model(model: bytes) -> Iterable[str]:
    """Return the codes of a model of botocore."""
    from resilience.clients.aws.catalogue.models import modelled_codes  # noqa: PLC0415  # only a list of codes needs it

    return modelled_codes(model)


class AwsSdk(VendorSdk):
    """Clients of botocore and boto3, which block, and of aiobotocore, which work under asyncio only."""

    provider: ClassVar[str] = PROVIDER
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    clients: ClassVar[tuple[str, ...]] = ("boto3 or aiobotocore for iot, iot-data or sts",)
    needs_asyncio: ClassVar[bool] = True
    verifies: ClassVar[str] = "boto3 for iot"
    code_list: ClassVar[CodeList] = CodeList("botocore", "botocore", MODELS, codes_of_model)
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = HOOKS
    generic: ClassVar[Mapping[str, Generic]] = methods.GENERIC
    codecs: ClassVar[RequestCodecs] = CODECS
    references: ClassVar[NameReferences] = NAME_REFERENCES
    # boto3's own (botocore 1.43.117, credentials.py, EnvProvider; read 2026-11-28).
    key_variables: ClassVar[tuple[str, str, str]] = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

    # See the methods of the base classes.
    check = staticmethod(answers.checker)
    fault = staticmethod(errors.translate)
    escaped = staticmethod(errors.escaped)
    within = staticmethod(timeouts.within)
    lower = staticmethod(timeouts.lower)
    retries_itself = staticmethod(retries.retries_itself)
    switch_off_retries = staticmethod(retries.switch_off)
    managed_keys = staticmethod(refreshing.managed_keys)
    fixed_keys = staticmethod(credentials.fixed_keys)
    give_keys = staticmethod(credentials.give_keys)
    given_by = staticmethod(credentials.given_by)
    discarders = staticmethod(verifiers.discarders)
    verifiers = staticmethod(verifiers.verifiers)
    is_read_once = staticmethod(methods.is_read_once)
    answer_names = staticmethod(accepted.names)
    shaped = staticmethod(accepted.shaped)

    def client_class(self, cls: type) -> type | None:
        """Return the base class of a client's class; None for a service without a catalogue."""
        return None if methods.is_foreign(cls) else super().client_class(cls)

    def host(self, client: object) -> str:
        """Return the host of a client's endpoint."""
        url = attribute(attribute(client, "meta"), "endpoint_url")
        return (urlsplit(url).hostname or "") if isinstance(url, str) else ""

    def error_of(self, client: Any, operation: str, fault: Fault, message: str) -> Exception | None:
        """Return the exception that ``client.exceptions`` has for the code."""
        error: Exception | None = raising.service_error(client, operation, fault, message)
        return self.with_fault(error, fault)

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:  # noqa: ARG002  # the frames are enough
        """Return a sentence about aiobotocore, which needs asyncio as its HTTP library does."""
        if not any(module_of(frame).startswith(ASYNC_PACKAGE) for frame in passed):
            return None
        return (
            "aiobotocore works under asyncio only: under trio, call boto3 in a plain function, which runs in a worker "
            "thread"
        )

    def assume_role(self, role: str, keys: Keys, options: Mapping[str, Any]) -> Callable[[], KeyTriple]:
        """Return a function that assumes a role."""
        return aws_assume_role(role_arn=role, keys=keys, **options)
