"""Paths in a policy: ``~`` and variables are expanded, and a relative path starts at the policy file's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")


class UnsetVariableError(Exception):
    """A path names an environment variable that is not set."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def resolved(text: str, base: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """
    Return the absolute path that a text of a policy means.

    Args:
        text: The path as the file has it.
        base: The folder of the policy file; None or empty for the working directory.
        environ: The environment variables.

    Raises:
        UnsetVariableError: The path names a variable that is not set.
    """
    # Without a known home folder ~ stays in the path, and opening the file fails.
    path = os.path.expanduser(expanded(text, environ))  # noqa: PTH111  # of any user, as a shell does
    return os.path.abspath(os.path.join(base or "", path))  # noqa: PTH100, PTH118  # .. is not to follow links


def expanded(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """
    Return a text with the values of the environment variables that it names.

    Raises:
        UnsetVariableError: One of them is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or ""
        if name not in environ:
            raise UnsetVariableError(name)
        return environ[name]

    return _VARIABLE.sub(value, text)
