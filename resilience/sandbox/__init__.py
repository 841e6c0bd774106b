"""
Both management APIs on loopback, with faults on demand; the vendors' SDKs work with them unmodified.

Begin with ``Sandbox``; ``script`` describes the language of fault scripts. If the environment names a proxy,
``with without_proxies(), Sandbox() as sandbox`` keeps clients from using it.
"""

from resilience.sandbox.faults import ScriptedFault as Fault
from resilience.sandbox.http.proxies import without_proxies
from resilience.sandbox.keys import TemporaryKey
from resilience.sandbox.log import Call
from resilience.sandbox.sandbox import Sandbox

__all__ = ["Call", "Fault", "Sandbox", "TemporaryKey", "without_proxies"]
