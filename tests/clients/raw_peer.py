"""A peer on loopback that takes one HTTP request per connection and then does exactly one thing, on the wire."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from attrs import define, field, frozen

Manner = Literal["answer", "hang", "reset", "close", "cut", "drop"]
"""What follows a request: an answer, nothing, a reset, a hang-up, an answer that ends too soon; drop reads none."""


@frozen
class Script:
    """What a peer does with every request."""

    manner: Manner = "answer"
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@define
class Peer:
    """A listening socket and one thread per connection; leaving the context ends them all."""

    script: Script
    requests: int = field(default=0, init=False)
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(factory=list, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave the thread in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def address(self) -> str:
        """Return ``host:port``."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _start(self, run: object, *args: object) -> None:
        assert callable(run)
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            stream = connection
            if self.script.manner == "drop":
                # All of it, so that closing sends an end and no reset.
                stream.recv(65536)
                stream.close()
                return
            if self.script.tls is not None:
                stream = self.script.tls.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
                self._open.append(stream)
            if _read_request(stream):
                self.requests += 1
                self._react(stream)

    def _react(self, stream: socket.socket) -> None:
        script = self.script
        if script.manner == "hang":
            stream.recv(1)  # until the client leaves, or the peer is closed
        elif script.manner == "reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif script.manner in ("answer", "cut"):
            missing = 10 if script.manner == "cut" else 0
            head = f"HTTP/1.1 {script.status} Scripted\r\nConnection: close\r\n"
            head += f"Content-Length: {len(script.body) + missing}\r\n"
            names = {name.lower() for name, _ in script.headers}
            defaults = () if "content-type" in names else (("Content-Type", "application/json"),)
            head += "".join(f"{name}: {value}\r\n" for name, value in (*defaults, *script.headers))
            stream.sendall(head.encode() + b"\r\n" + script.body)
        stream.close()


def _read_request(stream: socket.socket) -> bool:
    data = b""
    while b"\r\n\r\n" not in data:
        part = stream.recv(65536)
        if not part:
            return False
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        part = stream.recv(65536)
        if not part:
            return False
        body += part
    return True


def refusing_address() -> str:
    """Return an address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def deaf_address() -> Iterator[str]:
    """Yield an address whose queue of connections is full, so that connecting takes for ever."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate for 127.0.0.1 that no client trusts."""
    from cryptography import x509  # noqa: PLC0415  # only the TLS tests pay for it
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
