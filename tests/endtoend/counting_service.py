"""
A service on loopback that makes things, on a bad day, and counts: one request and one answer a line.

``make NAME`` makes a thing, a second one if it is asked again; ``look NAME`` says whether one is there; ``count`` says
what was asked and made, and how many requests to make one came at most within any second. Of a thousand requests to
make one, ten are refused as busy, and six get no answer, three of them after the thing was made. It runs in a process
of its own until its standard input ends::

    python tests/endtoend/counting_service.py SEED
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_BUSY, _LOST, _LOST_AFTERWARDS = 0.010, 0.013, 0.016


@contextmanager
def counting_service(seed: int) -> Iterator[int]:
    """Run the service in a process of its own; yield its port."""
    with subprocess.Popen(  # noqa: S603  # this very file
        [sys.executable, __file__, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both are pipes")
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


class Service:
    """What was asked and made."""

    def __init__(self, seed: int) -> None:
        self.times: list[float] = []
        self.made: Counter[str] = Counter()
        self.chance = random.Random(seed)  # noqa: S311  # a sequence, no secret

    def answer(self, request: str) -> str | None:
        """Return the answer; None for none."""
        verb, _, name = request.partition(" ")
        if verb == "count":
            twice = sum(count > 1 for count in self.made.values())
            counted = {"asked": len(self.times), "made": len(self.made), "twice": twice, "peak": self._peak()}
            return json.dumps(counted)
        if verb == "look":
            return "yes" if self.made[name] else "no"
        self.times.append(time.monotonic())
        draw = self.chance.random()
        if draw < _BUSY:
            return "busy"
        if draw >= _LOST:
            self.made[name] += 1
        return None if draw < _LOST_AFTERWARDS else "made"

    def _peak(self) -> int:
        most = first = 0
        for last, at in enumerate(self.times):
            while self.times[first] <= at - 1:
                first += 1
            most = max(most, last - first + 1)
        return most


async def _serve(service: Service) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):  # the other process was killed
            while line := await reader.readline():
                answer = service.answer(line.decode().strip())
                if answer is None:
                    break
                writer.write(f"{answer}\n".encode())
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # what the other process reads
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Service(int(sys.argv[1]))))
