"""
The certificate of a sandbox, for clients that insist on https.

It is made when it is first needed, with the package ``cryptography``, and its key never leaves this process and its own
folder. A client trusts it through a file with all certificates that it would trust otherwise.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Final

TRUST: Final = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""The environment variables that name a file of certificates to trust: of requests, and of Python's own ssl."""

_LIFETIME: Final = dt.timedelta(days=30)
# A clock that is a little behind still takes the certificate.
_EARLIER: Final = dt.timedelta(days=1)


class Authority:
    """
    The certificate of one address.

    Args:
        host: The address.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._lock = Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._context: ssl.SSLContext | None = None

    @property
    def is_possible(self) -> bool:
        """Whether a certificate can be made: whether ``cryptography`` is installed."""
        return find_spec("cryptography") is not None

    @property
    def context(self) -> ssl.SSLContext | None:
        """The context of a server with the certificate; None if none can be made."""
        self._make()
        return self._context

    @property
    def trusted(self) -> str | None:
        """The file with the certificate and all others that a client trusts; None if no certificate can be made."""
        self._make()
        return None if self._folder is None else str(Path(self._folder.name) / "trusted.pem")

    def close(self) -> None:
        """Remove the files."""
        with self._lock:
            folder, self._folder, self._context = self._folder, None, None
        if folder is not None:
            folder.cleanup()

    def _make(self) -> None:
        with self._lock:
            if self._folder is not None or not self.is_possible:
                return
            self._folder = tempfile.TemporaryDirectory(prefix="resilience-sandbox-")
            folder = Path(self._folder.name)
            key, certificate = _made(self._host)
            server = folder / "server.pem"
            server.touch(mode=0o600)
            server.write_bytes(key + certificate)
            (folder / "trusted.pem").write_bytes(certificate + _trusted_otherwise())
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(server)


def _made(host: str) -> tuple[bytes, bytes]:
    """Return a new key and its certificate for an address, as PEM."""
    x509: Any = import_module("cryptography.x509")
    primitives = "cryptography.hazmat.primitives"
    hashes, serialization = import_module(f"{primitives}.hashes"), import_module(f"{primitives}.serialization")
    ec: Any = import_module(f"{primitives}.asymmetric.ec")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "resilience sandbox")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([*_names(x509, host), x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


def _names(x509: Any, host: str) -> list[Any]:
    try:
        return [x509.IPAddress(ipaddress.ip_address(host))]
    except ValueError:
        return [x509.DNSName(host)]


def _trusted_otherwise() -> bytes:
    """Return the certificates that HTTP libraries trust: of the environment, else of certifi, else of this machine."""
    for name in TRUST:
        named = Path(os.environ.get(name) or ".")
        if named.is_file():
            return named.read_bytes()
    if find_spec("certifi") is not None:
        return Path(import_module("certifi").where()).read_bytes()
    file = Path(ssl.get_default_verify_paths().cafile or "")
    return file.read_bytes() if file.is_file() else b""
