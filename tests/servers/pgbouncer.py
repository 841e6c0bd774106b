"""PgBouncer before a PostgreSQL server, in transaction mode: each transaction may go to another of its processes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import debian

from servers.postgres import PostgresServer
from servers.processes import as_other_user, free_port, is_open, until

_SETTINGS = """\
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
server_idle_timeout = 5
"""


@contextmanager
def pgbouncer(server: PostgresServer, *, size: int = 4) -> Iterator[PostgresServer]:
    """Run a pool with so many connections; give a server whose addresses lead to it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        settings = path / "pgbouncer.ini"
        # With "any" the name of the user is not passed on.
        text = _SETTINGS.format(server=f"{server.port} user=ledger", port=port, size=size)
        settings.write_text(text, encoding="utf-8")
        environment = {**os.environ, **debian.pgbouncer()}
        running = subprocess.Popen(  # noqa: S603  # our own command
            ["pgbouncer", str(settings)],  # noqa: S607  # found in the environment
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=path,
            **as_other_user(),
        )
        try:
            until(lambda: is_open(port), running)
            yield PostgresServer(port, server.folder)
        finally:
            running.kill()
            running.wait()
