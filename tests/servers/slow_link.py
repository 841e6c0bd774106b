"""A way to a server on loopback on which every answer comes late, as from another continent or a busy server."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def slow_link(port: int, delay: float) -> Iterator[int]:
    """
    Give the port of a way to a server; what the server says comes so many seconds later, and in its order.

    A server that is not there ends the connection at once, as itself would refuse it.
    """
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        threads: list[threading.Thread] = []

        def run(target: Callable[..., None], *args: object) -> None:
            threads.append(threading.Thread(target=target, args=args, daemon=True))
            threads[-1].start()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    near = stack.enter_context(server.accept()[0])
                    try:
                        far = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                    except OSError:
                        near.close()
                        continue
                    late: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                    run(_read, near, far.sendall)
                    run(_read, far, lambda piece, late=late: late.put((time.monotonic() + delay, piece)))
                    run(_deliver, late, near, far)

        run(serve)
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _read(source: socket.socket, give: Callable[[bytes], object]) -> None:
    """Give away what comes; nothing at the end."""
    with suppress(OSError):
        while piece := source.recv(65536):
            give(piece)
    with suppress(OSError):
        give(b"")
    with suppress(OSError):
        source.shutdown(socket.SHUT_RD)


def _deliver(late: queue.SimpleQueue[tuple[float, bytes]], near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while True:
            due, piece = late.get()
            time.sleep(max(due - time.monotonic(), 0.0))
            if not piece:
                break
            near.sendall(piece)
    for each in (near, far):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
