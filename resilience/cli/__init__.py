"""The command line. It needs the extra ``cli``, and names it if it is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_NEEDED = ("click", "rich")


def main() -> None:
    """Run the command that the arguments name; exit with 0 if all is well, 1 if work failed, 2 for wrong use."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        sys.exit(_complain(missing))
    # Only the command needs click, which is no dependency of the library.
    from resilience.cli.app import app  # noqa: PLC0415

    app(prog_name="resilience")


def _complain(missing: list[str]) -> int:
    print(  # noqa: T201  # click is missing
        f"resilience: the command needs {' and '.join(missing)}; install them with: "
        f"{sys.executable} -m pip install 'mqtt-resilience[cli]'",
        file=sys.stderr,
    )
    return 2
