"""Shows pages in a headless browser."""

from __future__ import annotations

import subprocess
from pathlib import Path

from debian import chromium


def dumped(folder: Path, source: str, *, fragment: str = "") -> str:
    """Return the page as it is when the browser has run what it runs."""
    file = folder / "page.html"
    file.write_text(source, encoding="utf-8")
    command = [
        chromium(),
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=1000",
        "--dump-dom",
        f"file://{file}{fragment}",
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True)  # noqa: S603  # our own page
    return done.stdout
