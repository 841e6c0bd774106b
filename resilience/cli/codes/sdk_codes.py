"""Which error codes an installed SDK knows, read from its source without importing it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import frozen

_CODES: Final[Mapping[str, tuple[str, str, str]]] = {
    # Alibaba's SDK has no such list. The path has the version of the API in it.
    "tencent": ("tencentcloud-sdk-python-mqtt", "tencentcloud", "mqtt/v{version}/errorcodes.py"),
}
"""For each provider whose SDK lists its codes: the distribution, the package, and the file in it."""

PROVIDERS: Final = tuple(_CODES)


@frozen(kw_only=True)
class SdkCodes:
    """
    The error codes of an installed SDK.

    Attributes:
        distribution: Its name.
        version: Its version.
        codes: The codes.
    """

    distribution: str
    version: str
    codes: frozenset[str]


def installed(provider: str, api_version: str) -> SdkCodes | None:
    """
    Return the codes that the installed SDK of a provider lists; None where it is not installed, or lists none.

    Args:
        provider: One of :data:`PROVIDERS`.
        api_version: The version of the API, as the catalogue has it.
    """
    distribution, package, path = _CODES[provider]
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        file = Path(folder) / path.format(version=api_version.replace("-", ""))
        if file.is_file():
            codes = frozenset(_constants(ast.parse(file.read_text(encoding="utf-8"))))
            return SdkCodes(distribution=distribution, version=_version(distribution), codes=codes)
    return None


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        # The whole SDK in one distribution has the same files.
        return "of unknown version"


def _constants(module: ast.Module) -> list[str]:
    """Return the texts that the module gives to names in capitals."""
    return [
        str(node.value.value)
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
