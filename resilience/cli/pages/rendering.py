"""Makes pages from their templates."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from resilience import __version__
from resilience.cli.screen import seconds, times

_FOLDER: Final = Path(__file__).parent / "templates"


def render(template: str, *, filters: Mapping[str, Callable[..., Any]] | None = None, **values: Any) -> str:
    """
    Return a page.

    Jinja escapes every text among the values. Only a filter of the caller may return markup, of type ``Markup``.

    Args:
        template: The name of the file.
        filters: More filters than those of every page: ``seconds``, ``times``, ``grouped`` (thousands), ``asset``
            (the text of a style sheet or script).
        values: The values of the template by name.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "seconds": seconds,
        "times": times,
        "grouped": lambda number: f"{number:,}",
        "asset": asset,
        **(filters or {}),
    }
    return environment.get_template(template).render(version=__version__, **values)


def asset(name: str) -> str:
    """Return the text of a style sheet or script from ``templates``."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def only_script(script: str) -> str:
    """Return the content security policy of a page that loads nothing, and runs only this script."""
    name = b64encode(sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
        f"script-src 'sha256-{name}'"
    )
