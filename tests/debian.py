"""Programs that tests need and PyPI does not have: taken from the machine, or from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

_QUIETLY = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}


@cache
def program(name: str, package: str) -> str:
    """
    Return the path of a program, installing its package where it is not there.

    A test that cannot have what it needs fails: a skip would look like a success.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    said = ""
    # Without lists of packages, a first attempt finds nothing.
    for command in (("install",), ("update",), ("install",)):
        arguments = [
            "apt-get",
            "-qq",
            "-y",
            *command,
            *(["--no-install-recommends", package] * (command[0] == "install")),
        ]
        try:
            done = subprocess.run(arguments, capture_output=True, check=False, env=_QUIETLY, text=True, timeout=600)  # noqa: S603
        except OSError as error:
            said = str(error)
            continue
        said = done.stderr
        found = shutil.which(name)
        if found is not None:
            return found
    raise AssertionError(f"{name} is not there, and apt-get cannot install {package}: {said}")
