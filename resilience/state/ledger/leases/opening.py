"""Open a ledger by its address; the library for its server is imported only then."""

from __future__ import annotations

from typing import Final

from resilience.state.ledger.errors import LedgerError
from resilience.state.ledger.leases.address import POSTGRES, REDIS, SCHEMES, scheme_of, without_secrets
from resilience.state.ledger.leases.backend import LeasedBackend
from resilience.state.ledger.leases.redis import RedisLedgerStore
from resilience.state.redis_client import RedisClient, RedisUnavailableError

LEAST_LEASE: Final = 1.0
"""In seconds. A sign of life comes after a third of a lease, and a server on another continent answers in 0.3 s."""

# Of a lease: how long to wait for an answer, so that two signs of life may get lost.
_PATIENCE: Final = 0.25
_LONGEST_PATIENCE: Final = 5.0


def leased(url: str, lease: float) -> LeasedBackend:
    """
    Return the ledger on a server; nothing is sent to it before its first use.

    Args:
        url: The address.
        lease: How long a claim lasts without a sign of life, in seconds.

    Raises:
        ValueError: It is the address of no server that can keep a ledger.
        LedgerError: The library for the server is not installed.
    """
    scheme, name = scheme_of(url), without_secrets(url)
    patience = min(lease * _PATIENCE, _LONGEST_PATIENCE)
    if scheme in POSTGRES:
        try:
            from resilience.state.ledger.leases.postgres import PostgresStore  # noqa: PLC0415  # few runs need it
        except ImportError as error:
            raise _missing(name, "psycopg", "postgres") from error
        return LeasedBackend(lambda: PostgresStore(url, name, patience=patience), name, lease)
    if scheme in REDIS:
        # The client imports its library itself, at once.
        try:
            RedisClient(url)
        except RedisUnavailableError:
            raise _missing(name, "coredis", "redis") from None
        return LeasedBackend(lambda: RedisLedgerStore(url, name, patience=patience), name, lease)
    raise ValueError(f"ledger {name}: expected a path, or an address that begins with {_listed()}")


def _missing(name: str, library: str, extra: str) -> LedgerError:
    return LedgerError(name, f"it needs {library}, which is not installed: pip install 'mqtt-resilience[{extra}]'")


def _listed() -> str:
    return " or ".join(f"{scheme}://" for scheme in SCHEMES)
