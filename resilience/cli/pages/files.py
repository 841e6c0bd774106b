"""Writes pages to files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

_PAGE: Final = b"<!DOCTYPE html>"


def write_page(file: Path, text: str) -> None:
    """
    Write a page; it replaces only another page, because a user may name a journal or a policy here by mistake.

    Raises:
        click.UsageError: The file is no page, or cannot be written.
    """
    try:
        if file.exists() and not file.read_bytes().startswith(_PAGE):
            raise click.UsageError(f"{file} exists and is no page; name another file after --html")
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {error.strerror or error}") from None
