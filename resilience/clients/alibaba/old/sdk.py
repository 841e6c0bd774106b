"""The adapter of Alibaba's old SDK, aliyunsdkcore."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from resilience.clients.alibaba.base import AlibabaSdk
from resilience.clients.alibaba.old import credentials, errors, raising, refreshing, retries, timeouts
from resilience.clients.alibaba.old.codecs import CODECS
from resilience.clients.alibaba.old.methods import GENERIC
from resilience.clients.alibaba.traits import OLD_HOOKS, OLD_PACKAGES
from resilience.clients.common.request_codecs import RequestCodecs
from resilience.clients.vendor.facts import Generic


class OldSdk(AlibabaSdk):
    """Clients of aliyunsdkcore, and requests of any ``aliyunsdk*`` package."""

    packages: ClassVar[tuple[str, ...]] = OLD_PACKAGES
    hooks: ClassVar[Mapping[str, tuple[str, ...]]] = OLD_HOOKS
    generic: ClassVar[Mapping[str, Generic]] = GENERIC
    codecs: ClassVar[RequestCodecs] = CODECS

    # See the methods of the base classes.
    fault = staticmethod(errors.translate)
    escaped = staticmethod(errors.escaped)
    within = staticmethod(timeouts.within)
    switch_off_retries = staticmethod(retries.switch_off)
    managed_keys = staticmethod(refreshing.managed_keys)
    fixed_keys = staticmethod(credentials.fixed_keys)
    give_keys = staticmethod(credentials.give_keys)
    given_by = staticmethod(credentials.given_by)
    own_error = staticmethod(raising.service_error)

    def shaped(self, answer: str, fields: Mapping[str, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002  # the arguments make no difference
        """Return an answer in the type that a method returns: bytes, or ``parts``: status, headers and bytes."""
        body = json.dumps(fields).encode()
        return (200, {}, body) if answer == "parts" else body
