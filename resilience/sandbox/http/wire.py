"""
HTTP/1.1 on loopback, with TLS for those who begin with it: connections and their failures.

One thread accepts connections on all ports, and one daemon thread serves each connection. `http.server` parses
requests. Its server class is not used, because it stops only after a poll interval and does not give out the socket
for a reset.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock, Thread
from typing import Any, TypeAlias

from resilience.sandbox.exchange import HttpRequest, Reply, WireAction
from resilience.sandbox.http.authority import Authority

_logger = logging.getLogger("resilience.sandbox")

Respond: TypeAlias = Callable[[HttpRequest], WireAction]

MAX_BODY_BYTES = 10 * 1024 * 1024
"""Tencent's limit for a signed POST ("Signature v3", read 2026-11-21); Alibaba's requests are far smaller."""

_MAX_DIGITS = 12  # int() refuses thousands of them
_BACKLOG = 512
_RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # Winsock's linger has two shorts
_JOIN_SECONDS = 2.0
_TLS_HANDSHAKE = b"\x16"  # the first byte of a TLS connection, and of no HTTP request


class _Connection(BaseHTTPRequestHandler):
    """Serves one connection until either side closes it."""

    protocol_version = "HTTP/1.1"
    server_version = "resilience-sandbox"
    sys_version = ""
    wbufsize = -1  # headers and body leave in one segment
    disable_nagle_algorithm = True
    server: Any  # a _Port, which has everything that the handler uses

    def do_POST(self) -> None:
        """Answer one request."""
        body = self._read_body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        port: _Port = self.server
        answer = port.respond(HttpRequest(self.command, path, query, headers, body))
        if answer.delay and port.closing.wait(answer.delay):
            answer = WireAction("hangup")
        if answer.reply is not None:
            self._send(answer.reply, cut=answer.how == "truncated")
            return
        self.close_connection = True
        if answer.how == "reset":
            # Lingering for zero seconds turns close() into RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        elif answer.how == "hang":
            # Returns nothing when the caller leaves, and when the sandbox closes and shuts this socket down.
            with suppress(OSError):
                while self.connection.recv(4096):
                    pass

    do_GET = do_POST  # noqa: N815  the name that http.server looks for
    do_PUT = do_POST  # noqa: N815  the name that http.server looks for
    do_DELETE = do_POST  # noqa: N815  the name that http.server looks for
    do_PATCH = do_POST  # noqa: N815  the name that http.server looks for

    def _read_body(self) -> bytes | None:
        """Return the body, or None after refusing it."""
        if "transfer-encoding" in self.headers:
            self.send_error(411)
            self.close_connection = True
            return None
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > _MAX_DIGITS or int(length) > MAX_BODY_BYTES:
            self.send_error(413 if length.isdecimal() else 400)
            self.close_connection = True
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _send(self, reply: Reply, *, cut: bool) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: Any) -> None:
        """Log nothing, because request lines contain tokens; the sandbox has its own log."""


class _Port:
    """One listening socket with its responder."""

    def __init__(self, host: str, port: int, respond: Respond, closing: Event) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self.socket.settimeout(0)
        self.respond = respond
        self.closing = closing
        name = self.socket.getsockname()
        self.endpoint = f"[{host}]:{name[1]}" if ":" in host else f"{host}:{name[1]}"


class Wire:
    """
    Listens on several ports until it is closed.

    Args:
        host: The address to bind.
        authority: The certificate for connections that begin with TLS.
    """

    def __init__(self, host: str, authority: Authority) -> None:
        self._host = host
        self._authority = authority
        self._closing = Event()
        self._ports: list[_Port] = []
        self._open: dict[socket.socket, Thread] = {}
        self._lock = Lock()
        self._wake, self._woken = socket.socketpair()
        self._acceptor = Thread(target=self._accept, name="resilience-sandbox", daemon=True)

    def listen(self, port: int, respond: Respond) -> str:
        """
        Bind a port (0: the system chooses) before ``start``; return ``host:port``.

        Raises:
            OSError: The port is taken, or the host is not ours.
        """
        self._ports.append(_Port(self._host, port, respond, self._closing))
        return self._ports[-1].endpoint

    def start(self) -> None:
        """Start accepting connections."""
        self._acceptor.start()

    def close(self) -> None:
        """Stop accepting, cut every connection, and wait for the end of their threads."""
        self._closing.set()
        self._wake.close()
        if self._acceptor.ident is not None:
            self._acceptor.join(_JOIN_SECONDS)
        for port in self._ports:
            port.socket.close()
        self._woken.close()
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(_JOIN_SECONDS)

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for port in self._ports:
                selector.register(port.socket, selectors.EVENT_READ, port)
            while not self._closing.is_set():
                for key, _ in selector.select():
                    if key.data is not None:
                        self._take(key.data)

    def _take(self, port: _Port) -> None:
        try:
            connection, address = port.socket.accept()
        except OSError:
            return  # the caller has left already
        connection.settimeout(None)
        thread = Thread(target=self._serve, args=(port, connection, address), daemon=True)
        with self._lock:
            self._open[connection] = thread
        thread.start()

    def _serve(self, port: _Port, connection: socket.socket, address: Any) -> None:
        secured = connection
        try:
            # Callers often leave early, which is no failure.
            with suppress(OSError):
                secured = self._secured(connection)
                with secured:
                    _Connection(secured, address, port)  # type: ignore[arg-type]  # it serves from its constructor
        except Exception:
            # Unexpected bytes end only their own connection.
            _logger.exception("a connection ended with an error")
        finally:
            connection.close()
            with self._lock:
                del self._open[secured]

    def _secured(self, connection: socket.socket) -> socket.socket:
        """Return a connection without its TLS; unchanged if it has none."""
        if connection.recv(1, socket.MSG_PEEK) != _TLS_HANDSHAKE:
            return connection
        context = self._authority.context
        if context is None:
            raise ConnectionAbortedError("https needs the package cryptography")
        secured = context.wrap_socket(connection, server_side=True)
        with self._lock:
            self._open[secured] = self._open.pop(connection)
        if self._closing.is_set():
            secured.shutdown(socket.SHUT_RDWR)
        return secured
