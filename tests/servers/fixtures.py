"""The servers of tests, one of each kind for all tests of a process; each test has a place of its own in them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import psycopg
import pytest

from servers.pgbouncer import pgbouncer
from servers.postgres import PostgresServer, postgres_server
from servers.rabbitmq import RabbitMqServer, rabbitmq_server
from servers.redis import RedisServer, redis_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server, which a test may not end."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def new_postgres_url(postgres: PostgresServer) -> Callable[[], str]:
    """Return what makes a place in the server, and returns its address."""

    def new() -> str:
        name = f"place{next(_numbers)}"
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{postgres.url()}?options=-csearch_path%3D{name}"

    return new


@pytest.fixture(scope="session")
def pooled_postgres(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """Run a PgBouncer in transaction mode before the PostgreSQL server."""
    with pgbouncer(postgres) as pool:
        yield pool


@pytest.fixture
def new_pgbouncer_url(postgres: PostgresServer, pooled_postgres: PostgresServer) -> Callable[[], str]:
    """Return what makes a database, and returns its address at the pool; a pool passes no search path on."""

    def new() -> str:
        name = f"pooled{next(_numbers)}"
        postgres.database(name)
        return pooled_postgres.url(name)

    return new


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """Run a Redis server that keeps what it is told, which a test may not end."""
    with redis_server("--databases", "1000", appendonly=True) as server:
        yield server


@pytest.fixture
def new_redis_url(redis: RedisServer) -> Callable[[], str]:
    """Return what makes a place in the server, and returns its address."""
    return lambda: f"redis://:hunter2@127.0.0.1:{redis.port}/{next(_numbers)}"


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMqServer]:
    """Run a RabbitMQ server, which a test may not end; each test has virtual hosts and users of its own."""
    with rabbitmq_server() as server:
        yield server
