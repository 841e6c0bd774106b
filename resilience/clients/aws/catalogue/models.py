"""Reads the models of services from the installed botocore; nothing is imported of it, and nothing is asked."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

PACKAGE: Final = "botocore"

_MODEL: Final = "service-2.json"
_PACKED: Final = b"\x1f\x8b"


@frozen
class ModelledError:
    """
    An error of an operation.

    Attributes:
        code: The code in answers.
        status: The HTTP status, or None.
    """

    code: str
    status: int | None


@frozen(kw_only=True)
class ModelledOperation:
    """
    An operation of a service.

    Attributes:
        name: Its name.
        required: The required fields of its requests.
        fields: All fields of its requests.
        answer: The fields of its answers.
        errors: Its errors.
    """

    name: str
    required: tuple[str, ...]
    fields: tuple[str, ...]
    answer: tuple[str, ...]
    errors: tuple[ModelledError, ...]


@frozen
class ServiceModel:
    """
    The model of one service.

    Attributes:
        service: Its name in botocore, such as ``iot``.
        version: The version of its API.
        document: The model as botocore has it.
        operations: The operations, by name.
    """

    service: str
    version: str
    document: Mapping[str, Any] = field(repr=False)
    operations: Mapping[str, ModelledOperation] = field(repr=False)

    def text_rule(self, shape: str) -> tuple[str, int, int | None]:
        """
        Return the rule for texts of a shape: its pattern, and the fewest and the most characters.

        Raises:
            ValueError: The model has no such shape, or the shape has no pattern.
        """
        found = self.document["shapes"].get(shape)
        if found is None or "pattern" not in found:
            raise ValueError(f"{self.service}: expected a shape with a pattern, got {shape!r}")
        return _in_ascii(found["pattern"]), found.get("min", 1), found.get("max")


def service_model(service: str) -> ServiceModel:
    """
    Read the newest model of a service.

    Raises:
        ValueError: botocore is not installed, or it has no such service.
    """
    folder = _data() / service
    versions = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if not versions:
        raise ValueError(f"{PACKAGE} has no service {service!r}")
    document = _document(folder / versions[-1])
    return ServiceModel(
        service,
        document["metadata"]["apiVersion"],
        document,
        {name: _operation(document, name) for name in sorted(document["operations"])},
    )


def modelled_codes(model: bytes) -> frozenset[str]:
    """Return the codes of all operations of a model, packed or not."""
    document = _read(model)
    return frozenset(
        error.code for described in document["operations"].values() for error in _errors(document["shapes"], described)
    )


def installed_version() -> str:
    """Return the version of botocore."""
    return metadata.version(PACKAGE)


def _data() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ValueError(f"{PACKAGE} is not installed; pip install 'mqtt-resilience[aws]'")
    return Path(spec.origin).parent / "data"


def _document(folder: Path) -> dict[str, Any]:
    """Return a model; botocore ships it packed or not."""
    packed = folder / f"{_MODEL}.gz"
    return _read((packed if packed.exists() else folder / _MODEL).read_bytes())


def _read(model: bytes) -> dict[str, Any]:
    text = gzip.decompress(model) if model.startswith(_PACKED) else model
    document: dict[str, Any] = json.loads(text)
    return document


def _operation(document: Mapping[str, Any], name: str) -> ModelledOperation:
    shapes, described = document["shapes"], document["operations"][name]
    request = shapes[described["input"]["shape"]] if "input" in described else {}
    answer = shapes[described["output"]["shape"]] if "output" in described else {}
    return ModelledOperation(
        name=name,
        required=tuple(request.get("required", ())),
        fields=tuple(request.get("members", ())),
        answer=tuple(answer.get("members", ())),
        errors=tuple(_errors(shapes, described)),
    )


def _errors(shapes: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[ModelledError]:
    for each in described.get("errors", ()):
        error = shapes[each["shape"]].get("error", {})
        yield ModelledError(error.get("code", each["shape"]), error.get("httpStatusCode"))


def _in_ascii(pattern: str) -> str:
    r"""Return a pattern of a whole name; the service's ``\w`` has no letters beyond ASCII, and Python's has."""
    return re.sub(r"^\^|\$$", "", pattern).replace(r"\w", "A-Za-z0-9_")
