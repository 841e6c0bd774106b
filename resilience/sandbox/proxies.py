"""
Proxy variables, which lead away from a sandbox on this machine.

A proxy cannot reach this machine's loopback, and not every client knows of exceptions: Alibaba's SDK reads
``http_proxy`` and not ``no_proxy`` (alibabacloud-tea-openapi 0.4, darabonba 0.0.4; read 2026-11-28), and httpx needs a
further package as soon as a SOCKS proxy is named. So who speaks to a sandbox has no such variable.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

# Of urllib (``getproxies_environment``), requests, httpx and aiohttp, in either case.
_NAMES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "ws_proxy", "wss_proxy"})


def proxies(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the variables that send requests to a proxy."""
    return [name for name in environ if name.lower() in _NAMES]


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without proxies."""
    away = set(proxies(environ))
    return {name: value for name, value in environ.items() if name not in away}


@contextmanager
def without_proxies() -> Iterator[None]:
    """Take the proxies out of this process's own environment, for as long as it speaks to a sandbox."""
    before = {name: os.environ.pop(name) for name in proxies()}
    try:
        yield
    finally:
        os.environ.update(before)
