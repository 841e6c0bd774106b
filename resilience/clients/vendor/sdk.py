"""The base of an adapter of a vendor's SDK."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from resilience.clients.common.calls import Apis
from resilience.clients.common.originals import original
from resilience.clients.vendor.calls import SdkMethod
from resilience.clients.vendor.facts import VendorFacts


class VendorSdk(VendorFacts):
    """An adapter of a vendor's SDK; its methods for the engine follow from the description in :class:`VendorFacts`."""

    def methods(self, cls: type, apis: Apis) -> Mapping[str, SdkMethod]:  # noqa: ARG002  # for vendors' SDKs the policy describes no API
        """
        Return the methods of a client class that send requests, by name; an empty mapping for other classes.

        A class that a user derived from an SDK's class has the SDK's methods, and not those that the user added.
        Operations without an entry in the catalogue are included. A method for one operation calls a generic method,
        so one call may pass both: the outermost counts.
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
