"""The base of an adapter of a vendor's SDK."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from resilience.clients.common.calls import Apis
from resilience.clients.common.originals import original
from resilience.clients.vendor.calls import SdkMethod
from resilience.clients.vendor.facts import VendorFacts


class VendorSdk(VendorFacts):
    """An adapter of a vendor's SDK: what :class:`VendorFacts` asks for, and what an engine makes of it."""

    def methods(self, cls: type, apis: Apis) -> Mapping[str, SdkMethod]:  # noqa: ARG002  # an SDK knows its own
        """
        Return the methods to cover on a client class, by attribute name; none for any other class.

        Those of the SDK are meant, also on a class that a user derived from the SDK's; what the user adds is not.
        An operation that no catalogue knows is there all the same. The methods for one operation lead to the generic
        ones, so that a call may pass several of them: the first is the call.
        """
        base = self.client_class(cls)
        if base is None:
            return {}
        methods: dict[str, SdkMethod] = {}
        for name, operation in self.operations(base):
            function = original(inspect.getattr_static(cls, name))
            if inspect.isfunction(function):
                methods[name] = SdkMethod(self, name, inspect.iscoroutinefunction(function), operation)
        for name, generic in self.generic.items():
            function = original(inspect.getattr_static(cls, name, None))
            if inspect.isfunction(function):
                is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
                methods[name] = SdkMethod(self, name, is_async, None, generic)
        return methods
