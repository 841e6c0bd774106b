"""A ledger in Redis or Valkey, on a server that writes what it is told to its disk."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from resilience.state.ledger.entry import LedgerEntry, State, as_row, from_row, kind_of
from resilience.state.ledger.errors import LedgerError, UnavailableError
from resilience.state.ledger.leases import scripts
from resilience.state.ledger.unended import UnendedRun
from resilience.state.redis_client import RedisClient, RedisUnavailableError, Work

if TYPE_CHECKING:
    from coredis import Redis

log: Final = logging.getLogger("resilience")

_AT_ONCE: Final = 1000
"""Entries that are asked for in one step, so that the server is not kept from other work."""


class RedisLedgerStore:
    """
    The ledger on a Redis server. Each step is a script, which happens as a whole.

    Args:
        url: The address.
        name: The same without a password.
        patience: How long to wait for an answer, in seconds.

    Raises:
        RedisUnavailableError: The package coredis is missing.
    """

    def __init__(self, url: str, name: str, *, patience: float) -> None:
        self.name = name
        self._url = url
        self._patience = patience
        # Each client asks one thing at a time, and the server writes the changes of several to its disk at once.
        self._spare: list[RedisClient] = [RedisClient(url)]
        self._guard = threading.Lock()
        self._is_checked = False

    def claim(self, key: str, holder: str, lease: float) -> int | None:
        """Claim a key that is free."""
        token = self._run(scripts.CLAIM, [scripts.CLAIMS, scripts.TOKENS], [key, holder, lease])
        return None if token is None else int(token)

    def renew(self, tokens: Mapping[str, int], lease: float) -> set[str]:
        """Give a sign of life for claims."""
        return set(self._run(scripts.RENEW, [scripts.CLAIMS], [lease, *_pairs(tokens)]))

    def release(self, tokens: Mapping[str, int]) -> None:
        """Give keys back."""
        self._run(scripts.RELEASE, [scripts.CLAIMS], _pairs(tokens))

    def start(self, entry: LedgerEntry, token: int, lease: float) -> bool:
        """Note an entry as started."""
        return self._note(scripts.START, entry, "started", token, [lease])

    def finish(self, entry: LedgerEntry, token: int) -> bool:
        """Note an entry as done, and give its key back."""
        return self._note(scripts.FINISH, entry, "done", token, [])

    def forget(self, key: str, token: int) -> bool | None:
        """Remove an entry."""
        entry = self.get(key)
        kind = "" if entry is None else kind_of(entry)
        keys = [scripts.CLAIMS, scripts.ENTRIES, scripts.RENAMED + kind]
        found = self._run(scripts.FORGET, keys, [key, str(token)])
        return None if found is None else bool(found)

    def get(self, key: str) -> LedgerEntry | None:
        """Return an entry."""

        async def work(client: Redis[str]) -> str | None:
            return await client.hget(scripts.ENTRIES, key)

        found = self._ask(work)
        return None if found is None else self._read(found)

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of those of some keys that have an entry."""

        async def work(client: Redis[str]) -> dict[str, str | None]:
            found: dict[str, str | None] = {}
            for begin in range(0, len(keys), _AT_ONCE):
                some = keys[begin : begin + _AT_ONCE]
                found.update(zip(some, await client.hmget(scripts.ENTRIES, some), strict=True))
            return found

        return {key: self._read(text).state for key, text in self._ask(work).items() if text is not None}

    def renamed_to(self, kind: str, name: str) -> list[LedgerEntry]:
        """Return the entries of a kind with a new name."""
        # The names stand in a JSON text, which stands as a text in the JSON of the entry.
        needle = json.dumps(json.dumps(name, ensure_ascii=False), ensure_ascii=False)[1:-1]
        found = self._run(scripts.FIND_RENAMED, [scripts.ENTRIES, scripts.RENAMED + kind], [needle])
        return [self._read(each) for each in found]

    def entries(self) -> list[LedgerEntry]:
        """Return all entries."""

        async def work(client: Redis[str]) -> dict[str, str]:
            found: dict[str, str] = {}
            cursor = 0
            while True:
                cursor, some = await client.hscan(scripts.ENTRIES, cursor=cursor, count=_AT_ONCE)
                found.update(some)
                if not cursor:
                    return found

        return sorted(map(self._read, self._ask(work).values()), key=lambda entry: entry.key.encode())

    def unended_run(self, fleet: str) -> UnendedRun | None:
        """Return the run of a fleet that has not ended."""

        async def work(client: Redis[str]) -> str | None:
            return await client.hget(scripts.RUNS, fleet)

        began_at, _, traceparent = (self._ask(work) or "").partition(" ")
        return UnendedRun(traceparent, float(began_at)) if traceparent else None

    def begin_run(self, fleet: str, traceparent: str) -> None:
        """Note that a run of a fleet begins."""
        self._run(scripts.BEGIN_RUN, [scripts.RUNS], [fleet, traceparent])

    def end_run(self, fleet: str) -> None:
        """Forget the runs of a fleet."""

        async def work(client: Redis[str]) -> int:
            return await client.hdel(scripts.RUNS, [fleet])

        self._ask(work)

    def close(self) -> None:
        """End all connections that are not in use."""
        with self._guard:
            spare, self._spare = self._spare, []
        for client in spare:
            client.close()

    def _note(self, script: str, entry: LedgerEntry, state: State, token: int, more: list[float]) -> bool:
        rest = json.dumps({"state": state, **as_row(entry)}, ensure_ascii=False)[1:]
        keys = [scripts.CLAIMS, scripts.ENTRIES, scripts.RENAMED + kind_of(entry)]
        arguments = [entry.key, str(token), rest, "1" if entry.renamed else "0", *more]
        return bool(self._run(script, keys, arguments))

    def _read(self, text: str) -> LedgerEntry:
        try:
            row = json.loads(text)
            del row["token"]
            return from_row(row)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LedgerError(self.name, "an entry cannot be read; another program has written it") from error

    def _run(self, script: str, keys: list[str], arguments: Sequence[str | float]) -> Any:
        with self._use() as client:
            return client.run(script, keys, arguments, self._patience)

    def _ask(self, work: Work) -> Any:
        with self._use() as client:
            return client.ask(work, self._patience)

    @contextmanager
    def _use(self) -> Iterator[RedisClient]:
        """Give a client to one thread, and translate its errors."""
        with self._guard:
            client = self._spare.pop() if self._spare else RedisClient(self._url)
        try:
            if not self._is_checked:
                self._check(client.ask(_settings, self._patience))
                self._is_checked = True
            yield client
        except RedisUnavailableError as error:
            raise UnavailableError(self.name, f"{error}; nothing is sent without it") from None
        finally:
            with self._guard:
                self._spare.append(client)

    def _check(self, settings: Mapping[str, str]) -> None:
        """
        Refuse a server that may forget what it is told.

        Raises:
            LedgerError: It may; the error names the setting.
        """
        if settings.get("appendonly") != "yes":
            self._refuse(
                "the server forgets what it is told when it ends (appendonly is not yes)",
                "set appendonly to yes, and appendfsync to always",
            )
        if settings.get("appendfsync") == "no":
            self._refuse("the server writes to its disk late (appendfsync is no)", "set appendfsync to always")
        policy = settings.get("maxmemory-policy", "noeviction")
        if settings.get("maxmemory", "0") != "0" and policy.startswith("allkeys"):
            self._refuse(
                f"the server removes entries when its memory is full (maxmemory-policy is {policy})",
                "set maxmemory-policy to noeviction",
            )
        if settings.get("appendfsync") == "everysec":
            log.warning(
                "ledger %s: when its machine loses power, the server forgets the last second (appendfsync is "
                "everysec), and what was begun then may be made twice; set appendfsync to always",
                self.name,
            )

    def _refuse(self, problem: str, cure: str) -> None:
        raise LedgerError(self.name, f"{problem}; {cure}, or use PostgreSQL")


async def _settings(client: Redis[str]) -> dict[str, str]:
    """Return what the server says of its memory; one that forbids CONFIG does not say how often it writes."""
    from coredis.exceptions import AuthorizationError, RedisError  # noqa: PLC0415  # it is there, and takes long

    try:
        found = await client.config_get(["appendonly", "appendfsync", "maxmemory", "maxmemory-policy"])
        if found:
            return {str(key): str(value) for key, value in found.items()}
    except AuthorizationError:
        pass
    except RedisError as error:
        # Services that are managed have often no such command.
        if "unknown command" not in str(error).lower():
            raise
    about = {**await client.info("persistence"), **await client.info("memory")}
    return {
        "appendonly": "yes" if str(about.get("aof_enabled", 0)) == "1" else "no",
        "maxmemory": str(about.get("maxmemory", 0)),
        "maxmemory-policy": str(about.get("maxmemory_policy", "noeviction")),
    }


def _pairs(tokens: Mapping[str, int]) -> list[str]:
    return [text for key, token in tokens.items() for text in (key, str(token))]
