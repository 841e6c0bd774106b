"""
A client of a Redis or Valkey server, for programs with any event loop or with none.

coredis needs an event loop, and a client of it belongs to one task. So the client has a thread of its own, with an
event loop that waits for the server, and any thread may ask it. The thread begins with the first question, and ends
with the object. It holds one connection, which is made anew after any failure.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from resilience.state.redis_address import AddressError, RedisAddress, redis_address

if TYPE_CHECKING:
    from coredis import Redis

_EXTRA: Final = "pip install 'mqtt-resilience[redis]'"
# How much longer than its own limit a question may take, in seconds: for the threads to wake up.
_GRACE: Final = 0.2

Work = Callable[["Redis[str]"], Awaitable[Any]]
"""What is asked of a server, with a client that is connected."""


class RedisUnavailableError(Exception):
    """A server cannot be used, or has not answered in time; the message says why, and shows no password."""


@define(eq=False)
class _Job:
    work: Work
    until: float
    timeout: float
    done: Future[Any] = field(factory=Future)


@define(eq=False)
class RedisClient:
    """
    A server, as one process uses it; all methods block.

    Args:
        url: ``redis://``, or ``rediss://`` with TLS; ``valkey://`` and ``valkeys://`` are the same.

    Raises:
        RedisUnavailableError: The package coredis is missing.
    """

    _url: str = field(repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _thread: tuple[int, _Worker] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Import coredis, which takes longer than a server does."""
        try:
            import coredis  # noqa: F401, PLC0415  # few programs need it
        except ModuleNotFoundError as error:
            raise RedisUnavailableError(f"the package {error.name} is missing; {_EXTRA}") from None

    def ask(self, work: Work, timeout: float) -> Any:
        """
        Ask the server, and wait for its answer so many seconds at most.

        Raises:
            RedisUnavailableError: There is no answer, or the server refuses.
        """
        job = _Job(work, time.monotonic() + timeout, timeout)
        self._worker().put(job)
        try:
            return job.done.result(timeout + _GRACE)
        except TimeoutError:
            if job.done.cancel():
                # The thread has not even begun: the end of an earlier connection keeps it. The next one has another.
                self.close()
            raise RedisUnavailableError(_too_late(timeout)) from None

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | float], timeout: float) -> Any:
        """Run a script on the server, which knows it after the first time."""

        async def carry_out(client: Redis[str]) -> Any:
            return await client.register_script(script).execute(list(keys), list(arguments))

        return self.ask(carry_out, timeout)

    def close(self) -> None:
        """End the connection and the thread."""
        with self._lock:
            if self._thread is not None and self._thread[0] == os.getpid():
                self._thread[1].end()
            self._thread = None

    def _worker(self) -> _Worker:
        with self._lock:
            # A thread does not come along into a forked process.
            if self._thread is None or self._thread[0] != os.getpid():
                worker = _Worker(self._url)
                weakref.finalize(self, worker.end)
                self._thread = os.getpid(), worker
            return self._thread[1]


class _Worker:
    """The thread, and the jobs that it is given."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._began: Future[None] = Future()
        # A daemon: a program that ends does not wait for a server.
        threading.Thread(target=asyncio.run, args=(self._serve(),), name="resilience-redis", daemon=True).start()
        self._began.result()

    def put(self, job: _Job) -> None:
        """Do a job after those before it."""
        self._loop.call_soon_threadsafe(self._jobs.put_nowait, job)

    def end(self) -> None:
        """End the thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._jobs.put_nowait, None)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._began.set_result(None)
        job = await self._jobs.get()
        while job is not None:
            try:
                address = redis_address(self._url)
                await _reach(address, job.timeout)
                async with _client(address, job.timeout) as client:
                    while job is not None:
                        await _carry_out(job, client)
                        job = await self._jobs.get()
            except Exception as error:  # noqa: BLE001  # told to the one who asked
                if job is not None:
                    _fail(job, error)
                    job = await self._jobs.get()


async def _reach(address: RedisAddress, seconds: float) -> None:
    """Find out whether there is a server; coredis logs an error where there is none."""
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls)
        writer.close()
        # A server that hangs up first says so here.
        with suppress(OSError):
            await writer.wait_closed()


def _client(address: RedisAddress, timeout: float) -> Redis[str]:
    # They take longer to import than everything else here.
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream  # noqa: PLC0415
    from coredis import ConnectionPool, Redis  # noqa: PLC0415
    from coredis.connection import TCPConnection, TCPLocation  # noqa: PLC0415
    from coredis.retry import NoRetryPolicy  # noqa: PLC0415

    class Connection(TCPConnection):
        """A connection that closes its own streams, also where there is no server (coredis 6.9 forgets some)."""

        async def run(self, **options: Any) -> None:
            try:
                await super().run(**options)
            finally:
                for each in tuple(vars(self).values()):
                    if isinstance(each, MemoryObjectReceiveStream | MemoryObjectSendStream):
                        each.close()

    pool: ConnectionPool[Any] = ConnectionPool(
        connection_class=Connection,
        location=TCPLocation(address.host, address.port),
        db=address.db,
        username=address.user,
        password=address.password,
        ssl_context=address.tls,
        decode_responses=True,
        connect_timeout=timeout,
        stream_timeout=timeout,
    )
    return Redis(connection_pool=pool, decode_responses=True, verify_version=False, retry_policy=NoRetryPolicy())


async def _carry_out(job: _Job, client: Redis[str]) -> None:
    left = job.until - time.monotonic()
    if left <= 0 or not job.done.set_running_or_notify_cancel():
        if not job.done.done():
            job.done.set_exception(RedisUnavailableError(_too_late(job.timeout)))
        return
    async with asyncio.timeout(left):
        job.done.set_result(await job.work(client))


def _fail(job: _Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(RedisUnavailableError(_reason(error, job.timeout)))


def _too_late(timeout: float) -> str:
    return f"it has not answered within {timeout:g} s; look whether it is there, and how busy it is"


def _reason(error: BaseException, timeout: float) -> str:
    """Return the problem in our words: a message of the server could show what must not be shown."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return _too_late(timeout)
    if isinstance(error, AddressError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        cure = "check the host, or name the file of the authority: ?ssl_ca_certs=..."
        return f"its certificate is not trusted ({error.verify_message}); {cure}"
    if isinstance(error, ssl.SSLError):
        return (
            "there is no TLS at this port, or another kind of it; check the scheme (redis:// or rediss://) and the port"
        )
    name = type(error).__name__
    if name.startswith(("Cluster", "Moved", "Ask")):
        return "it is a cluster, which keeps on several servers what one question changes; use a single server"
    if name.startswith(("Authentication", "Authorization")):
        return "it refuses the user or the password; check the url and the server's users"
    if isinstance(error, OSError) or name == "ConnectionError":
        return "it cannot be reached; look whether it is there, and check the address"
    return f"it answers with {name}; look into the log of the server"
