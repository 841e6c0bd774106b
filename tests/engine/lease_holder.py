"""A process with one call that is told to wait between two attempts, for tests that stop it there."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from engine_calls import GROUP, INSTANCE, executor, policy, refused

from resilience import Ledger
from resilience.core.backoff import Backoff
from resilience.core.policy import Action

WAIT = Action(key="wait", do="retry", backoff=Backoff(kind="constant", base=0.7, jitter="none"), counts=True)


async def main(url: str, folder: Path, lease: float) -> None:
    """Make a group, which is a line of a file; the first attempt is refused."""
    attempts: list[int] = []

    async def create_group(instance_id: str, group_id: str) -> str | None:  # noqa: ARG001  # as the catalogue
        attempts.append(1)
        if len(attempts) == 1:
            print("refused", flush=True)  # noqa: T201  # for the test
            raise refused("Busy")
        with (folder / "made").open("a", encoding="utf-8") as made:
            made.write(f"{group_id}\n")
        return group_id

    with Ledger(url, lease=lease) as ledger:
        create = executor(policy({"Busy": WAIT}), ledger=ledger).wrap("CreateGroupId", create_group)
        outcome = await create.outcome(INSTANCE, GROUP)
    print(outcome.stop_reason, len(attempts), outcome.error, flush=True)  # noqa: T201  # for the test


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), backend=sys.argv[4])
