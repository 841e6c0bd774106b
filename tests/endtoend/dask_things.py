"""What users have in a module, for the workers of a cluster: a function that makes a thing at the counting service."""

from __future__ import annotations

import os
from typing import Final

import anyio
import anyio.abc

from resilience import Executor, Policy, ServiceError

FREE: Final[list[anyio.abc.ByteStream]] = []

executor = Executor(Policy.load("builtin:common"), provider="acme")


@executor.wrap("CreateThing", key={"Name": "name"})
async def create(name: str) -> str:
    """Make a thing."""
    if await ask(f"make {name}") == "busy":
        raise ServiceError("Busy", status=503)
    return name


@create.verify
async def find(name: str) -> str | None:
    """Say whether a thing is there."""
    return name if await ask(f"look {name}") == "yes" else None


async def ask(request: str) -> str:
    """Send a line on a connection of this process; return the line that comes back."""
    stream = FREE.pop() if FREE else await anyio.connect_tcp("127.0.0.1", int(os.environ["THINGS_PORT"]))
    answer = b""
    try:
        await stream.send(f"{request}\n".encode())
        while not answer.endswith(b"\n"):
            answer += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        await stream.aclose()
        raise ConnectionResetError from None
    FREE.append(stream)
    return answer.decode().strip()
