"""
Proxy variables of the environment, which keep clients from a sandbox on this machine.

A proxy cannot reach this machine's loopback. Some clients have no exceptions for it: Alibaba's SDK reads ``http_proxy``
but not ``no_proxy`` (alibabacloud-tea-openapi 0.4, darabonba 0.0.4; read 2026-11-28), and httpx needs another package
for a SOCKS proxy. So a client of a sandbox must have no such variable.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

# Of urllib (``getproxies_environment``), requests, httpx and aiohttp, in either case.
_NAMES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "ws_proxy", "wss_proxy"})


def proxies(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the proxy variables."""
    return [name for name in environ if name.lower() in _NAMES]


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without proxies."""
    away = set(proxies(environ))
    return {name: value for name, value in environ.items() if name not in away}


@contextmanager
def without_proxies() -> Iterator[None]:
    """Remove the proxy variables from this process's environment, until the end of the block."""
    before = {name: os.environ.pop(name) for name in proxies()}
    try:
        yield
    finally:
        os.environ.update(before)
