"""
Management APIs on loopback, with faults on demand; the vendors' SDKs work with them unmodified.

Begin with ``Sandbox``; ``script`` describes the language of fault scripts. If the environment names a proxy,
``with without_proxies(), Sandbox() as sandbox`` keeps clients from using it.

Each port speaks http, and https too where the package ``cryptography`` is installed (it comes with the extra
``azure``). A client that insists on https, as that of an Azure IoT hub, trusts the sandbox through the file that
``Sandbox.environment()`` names in ``REQUESTS_CA_BUNDLE`` and ``SSL_CERT_FILE``: it has the certificates that clients
trust otherwise, and the sandbox's own, which is made anew for each sandbox.
"""

from resilience.sandbox.faults import ScriptedFault as Fault
from resilience.sandbox.http.proxies import without_proxies
from resilience.sandbox.keys import TemporaryKey
from resilience.sandbox.log import Call
from resilience.sandbox.sandbox import Sandbox

__all__ = ["Call", "Fault", "Sandbox", "TemporaryKey", "without_proxies"]
