"""Functions whose credentials come from a source, of a service that rejects each token after some calls."""

from __future__ import annotations

import os

import anyio

from resilience import Credentials, Executor, Policy, ServiceError

CALLS_OF_A_TOKEN = 6


class Tokens:
    """The tokens of this process: how often each was used, and how many there were."""

    def __init__(self) -> None:
        self.used: dict[int, int] = {}
        self.at_once = self.most_at_once = 0

    async def new(self) -> int:
        """Return another token."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await anyio.sleep(0.01)
        self.at_once -= 1
        token = len(self.used) + 1
        self.used[token] = 0
        return token

    def use(self, token: int) -> None:
        """Make a call with a token, which is rejected after some calls."""
        self.used[token] += 1
        if self.used[token] > CALLS_OF_A_TOKEN:
            raise ServiceError("InvalidSecurityToken.Expired", "a message", status=403, effect="none")


tokens = Tokens()
sts = Credentials(tokens.new)
executor = Executor(
    Policy.load("builtin:alibaba-mqtt"), provider="alibaba", account="123", credentials={"alibaba": sts}
)


async def _used(token: str) -> str:
    tokens.use(sts.current())
    await anyio.sleep(0.001)
    if folder := os.environ.get("TOKENS"):
        await anyio.Path(folder, f"{os.getpid()}-{token}").touch()
    return token


@executor.wrap("QueryToken")
async def query(token: str) -> str:
    """Use the source in a call."""
    return await _used(token)


@executor.wrap("BatchQuerySessionByClientIds")
async def other(token: str) -> str:
    """Use the same source from another function."""
    return await _used(token)
