"""
A service on loopback with a limit, in a process of its own: one request and one answer a line.

``make NAME`` makes a thing, ``look NAME`` says whether one is there. What comes faster than the limit is refused as
``busy``, and what is there already as ``exists``. It runs until its standard input ends::

    python tests/endtoend/limited_service.py 100 window 0.02
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited_service(limit: int, counting: str = "window", latency: float = 0.02) -> Iterator[int]:
    """Run the service in a process of its own; yield its port."""
    words = [sys.executable, __file__, str(limit), counting, str(latency)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # this very file
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both are pipes")
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


class Service:
    """What was made, and what the limit still takes."""

    def __init__(self, limit: int, counting: str) -> None:
        self.made = set[str]()
        self._limit = limit
        self._is_bucket = counting == "bucket"
        self._taken = deque[float]()
        self._tokens, self._filled_at = float(limit), 0.0

    def answer(self, request: str, now: float) -> str:
        """Return the answer to a request."""
        verb, _, name = request.partition(" ")
        if verb == "look":
            return "yes" if name in self.made else "no"
        if not self._takes(now):
            return "busy"
        if name in self.made:
            return "exists"
        self.made.add(name)
        return "made"

    def _takes(self, now: float) -> bool:
        if self._is_bucket:
            self._tokens = min(self._limit, self._tokens + (now - self._filled_at) * self._limit)
            self._filled_at = now
            is_taken = self._tokens >= 1
            self._tokens -= is_taken
            return is_taken
        while self._taken and self._taken[0] <= now - 1:
            self._taken.popleft()
        if len(self._taken) >= self._limit:
            return False
        self._taken.append(now)
        return True


async def _main(limit: int, counting: str, latency: float) -> None:
    service = Service(limit, counting)
    loop = asyncio.get_running_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = service.answer((await reader.readline()).decode().strip(), loop.time())
        await asyncio.sleep(latency)
        writer.write(f"{answer}\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # what the other process reads
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
