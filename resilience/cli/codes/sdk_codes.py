"""Reads the error codes of an installed SDK from its source, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

from resilience.clients import registry
from resilience.clients.sdk import CodeList


def lists() -> dict[str, CodeList]:
    """Return the SDKs' lists of codes, by provider."""
    return {sdk.provider: sdk.code_list for sdk in registry.sdks() if sdk.code_list is not None}


@frozen(kw_only=True)
class SdkCodes:
    """
    The error codes of an installed SDK.

    Attributes:
        distribution: The name of the SDK's distribution.
        version: The version of the distribution.
        codes: The codes.
    """

    distribution: str
    version: str
    codes: frozenset[str]


def installed(provider: str, api_version: str) -> SdkCodes | None:
    """
    Return the codes of the installed SDK of a provider; None without an SDK or a list.

    Args:
        provider: One of :func:`lists`.
        api_version: The version of the API in the catalogue.
    """
    listed = lists()[provider]
    spec = find_spec(listed.package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        files = list(_files(Path(folder), listed, api_version.replace("-", "")))
        if files:
            read = listed.codes or _constants
            codes = frozenset(code for file in files for code in read(file.read_bytes()))
            return SdkCodes(distribution=listed.distribution, version=_version(listed.distribution), codes=codes)
    return None


def _files(folder: Path, listed: CodeList, version: str) -> Iterator[Path]:
    """Yield the last file that each path stands for; nothing for a path without a file."""
    for path in listed.paths:
        yield from sorted(folder.glob(path.format(version=version)))[-1:]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        # A distribution with the SDKs of all services has the same files under another name.
        return "of unknown version"


def _constants(source: bytes) -> list[str]:
    """Return the texts that a module assigns to names."""
    return [
        str(node.value.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
