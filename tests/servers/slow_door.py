"""A way to a server that is slow, as a network far away is."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class SlowDoor:
    """
    Passes bytes on to a server on loopback, each after some time.

    Attributes:
        url: The address of the door, for clients of Redis.
    """

    def __init__(self, port: int, delay: float) -> None:
        self._to, self._delay = port, delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), one, other:
            while data := one.recv(65536):
                time.sleep(self._delay)
                other.sendall(data)

    def close(self) -> None:
        # A thread that waits in accept does not end with the descriptor alone.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
