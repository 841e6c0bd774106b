"""
Both management APIs on loopback, well enough that the vendors' SDKs work unmodified, with faults on demand.

``Sandbox`` is the way in; ``script`` describes what can be scripted. Where the environment names a proxy,
``with without_proxies(), Sandbox() as sandbox`` keeps clients away from it.
"""

from resilience.sandbox.faults import ScriptedFault as Fault
from resilience.sandbox.keys import TemporaryKey
from resilience.sandbox.log import Call
from resilience.sandbox.proxies import without_proxies
from resilience.sandbox.sandbox import Sandbox

__all__ = ["Call", "Fault", "Sandbox", "TemporaryKey", "without_proxies"]
