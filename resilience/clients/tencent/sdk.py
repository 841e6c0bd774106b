"""The adapter of Tencent's SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, ClassVar

from resilience.clients.common.assuming import Keys
from resilience.clients.common.keys import KeyTriple
from resilience.clients.common.raised.frames import module_of
from resilience.clients.common.renaming import NameReferences
from resilience.clients.common.request_codecs import RequestCodecs
from resilience.clients.sdk import CodeList
from resilience.clients.tencent import accepted, answers, errors, methods, raising, retries, timeouts
from resilience.clients.tencent.codecs import CODECS
from resilience.clients.tencent.keys import credentials, refreshing
from resilience.clients.tencent.keys.assuming import tencent_assume_role
from resilience.clients.tencent.methods import GENERIC
from resilience.clients.tencent.name_references import NAME_REFERENCES
from resilience.clients.tencent.traits import HOOKS, PACKAGES, PROVIDER
from resilience.clients.tencent.verifying import verifiers
from resilience.clients.vendor.facts import Generic
from resilience.clients.vendor.sdk import VendorSdk


class TencentSdk(VendorSdk):
    """Clients of ``tencentcloud``; the asynchronous ones use httpx and work under asyncio and trio."""

    provider: ClassVar[str] = PROVIDER
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    clients: ClassVar[tuple[str, ...]] = ("Tencent's SDK",)
    verifies: ClassVar[str] = "tencentcloud.mqtt"
    code_list: ClassVar[CodeList] = CodeList(
        "tencentcloud-sdk-python-mqtt", "tencentcloud", ("mqtt/v{version}/errorcodes.py",)
    )
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = HOOKS
    generic: ClassVar[Mapping[str, Generic]] = GENERIC
    codecs: ClassVar[RequestCodecs] = CODECS
    references: ClassVar[NameReferences] = NAME_REFERENCES
    # Tencent's command line tools and the SDK's default credential provider read these (read 2026-11-28).
    key_variables: ClassVar[tuple[str, str, str]] = (
        "TENCENTCLOUD_SECRET_ID",
        "TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_SESSION_TOKEN",
    )

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
    verifiers = staticmethod(verifiers.verifiers)
    is_foreign = staticmethod(methods.is_foreign)
    operations = staticmethod(methods.operations)
    answer = staticmethod(accepted.answer)
    shaped = staticmethod(accepted.shaped)
    own_error = staticmethod(raising.service_error)

    def host(self, client: object) -> str:
        """Return the endpoint in a client's profile; without one, all clients of a product have the same."""
        endpoint = getattr(getattr(getattr(client, "profile", None), "httpProfile", None), "endpoint", None)
        return endpoint.lower() if isinstance(endpoint, str) else ""

    def wrong_loop(self, error: BaseException, passed: Sequence[FrameType]) -> str | None:  # noqa: ARG002  # the frames are enough
        """Return a sentence about the retryer, the only part of the SDK that needs asyncio."""
        if not any(f"{module_of(frame)}.".startswith(self.packages) for frame in passed):
            return None
        return (
            "the retryer of Tencent's asynchronous client sleeps with asyncio, which is not running: "
            "set ClientProfile.retryer to None, or call the synchronous client in a plain function, "
            "which runs in a worker thread"
        )

    def assume_role(self, role: str, keys: Keys, options: Mapping[str, Any]) -> Callable[[], KeyTriple]:
        """Return a function that assumes a role."""
        return tencent_assume_role(role_arn=role, keys=keys, **options)

    def answer_names(self, client: Any, operation: str) -> frozenset[str]:
        """Return the fields that a good answer has: the models say it, else the catalogue."""
        return accepted.names(client, operation) or super().answer_names(client, operation)
