"""Calls of a map are calls like any other: renamed, refreshed for, verified and accepted as the policy says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from fleet_calls import INSTANCE

from resilience import Credentials, Executor, Ledger, Policy, ServiceError

pytestmark = pytest.mark.anyio

POLICY: Final = Policy.loads(
    """
    schema = 1

    [limits]
    deadline = "10m"
    settle = "1s"

    [backoff.default]
    kind = "constant"
    base = "1s"

    [rules.alibaba]
    "CheckAccountInfoFailed" = "refresh"
    "GroupIdAlreadyUsedByOtherUsers" = { do = "rename", pattern = "{name}-{n}" }
    "CreateGroupId/GroupIdAlreadyExsited" = "accept"

    [rules.transport]
    "lost" = "verify"
    """
)
NAMES: Final = [f"GID_device_{number:02}" for number in range(60)]
TAKEN: Final = set(NAMES[::7])
LOST: Final = set(NAMES[::5])


@pytest.fixture
def anyio_backend(virtual_loop: Any) -> Any:
    return virtual_loop


class Cloud:
    """A service that has given some names away, loses some answers, and lets the first token expire."""

    def __init__(self) -> None:
        self.asked = 0
        self.made: Counter[str] = Counter()
        self.tokens = 0

    async def token(self) -> int:
        """Return a new token."""
        await anyio.sleep(1)
        self.tokens += 1
        return self.tokens

    async def create(self, token: int, name: str) -> str:
        """Make a group."""
        self.asked += 1
        is_expired = token == 1 and self.asked > 10
        await anyio.sleep(0.5)
        if is_expired:
            raise ServiceError("CheckAccountInfoFailed", status=400)
        if name in TAKEN:
            raise ServiceError("GroupIdAlreadyUsedByOtherUsers", status=400)
        self.made[name] += 1
        if name in LOST and self.made[name] == 1:
            raise ConnectionResetError
        return name


async def make_all(cloud: Cloud, path: Path, *, ordered: bool) -> dict[str, str | None]:
    """Make all groups; return the name that each has got."""
    sts = Credentials(cloud.token)
    with Ledger(path) as ledger:
        executor = Executor(
            POLICY, provider="alibaba", observers=(), credentials={"alibaba": sts}, ledger=ledger, draw=lambda: 0.5
        )

        @executor.wrap("CreateGroupId")
        async def create(instance_id: str, group_id: str) -> str:  # noqa: ARG001  # names that the catalogue knows
            return await cloud.create(sts.current(), group_id)

        @create.verify
        async def find(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # likewise
            return group_id if cloud.made[group_id] else None

        calls = (create.bind(INSTANCE, name) for name in NAMES)
        async with executor.map(calls, concurrency=8, ordered=ordered) as outcomes:
            return {outcome.call.args[1]: outcome.unwrap() async for outcome in outcomes}


@pytest.mark.parametrize("ordered", [False, True])
async def test_remedies_are_shared_by_the_calls_of_a_map(
    ordered: bool,  # noqa: FBT001  # a test's parameter
    tmp_path: Path,
) -> None:
    """One new token serves all, each group is made once, under its own name or a new one, and the next run knows it."""
    cloud = Cloud()
    new = await make_all(cloud, tmp_path / "ledger.db", ordered=ordered)
    assert new == {name: f"{name}-2" if name in TAKEN else name for name in NAMES}
    assert cloud.made == Counter(new.values())
    assert cloud.tokens == 2
    asked = cloud.asked
    assert await make_all(cloud, tmp_path / "ledger.db", ordered=ordered) == new
    assert (cloud.asked, cloud.tokens) == (asked, 2)
