"""Read and write the fields of a request by their wire names, in every form that a request may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from resilience.clients.common import naming
from resilience.clients.common.calls import Arguments
from resilience.clients.common.renaming import NameReferences, Renaming, renamed_fields

# The names of the request's parameter in the SDKs' methods.
_PARAMETERS: Final = ("request", "params", "acs_request", "api_params")


@frozen
class RequestCodec:
    """
    Reads and writes one form of a request.

    Attributes:
        fits: Tells whether a value has this form.
        read: Returns its fields.
        write: Returns a copy with other values for some fields.
    """

    fits: Callable[[Any], bool]
    read: Callable[[Any], Mapping[str, Any]]
    write: Callable[[Any, Mapping[str, Any]], Any]


RequestCodecs = tuple[RequestCodec, ...]
"""The codecs of an SDK's requests; the first that fits a value is used."""


def fields_of(codecs: RequestCodecs, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return the fields that are set in the request among these arguments; empty if no readable request is there.

    Args:
        codecs: The codecs of the request; the first that fits is used.
        args: The arguments of an SDK's method, without the client.
        kwargs: The arguments by name.
    """
    found = _find(codecs, args, kwargs)
    if found is None:
        return {}
    key, codec = found
    try:
        fields = codec.read(_argument(args, kwargs, key))
    except Exception:  # noqa: BLE001  # the SDK cannot read such a request either, and will raise its own exception
        return {}
    return {name: value for name, value in fields.items() if value is not None}


def with_fields(
    codecs: RequestCodecs, args: tuple[Any, ...], kwargs: Mapping[str, Any], changes: Mapping[str, Any]
) -> Arguments:
    """
    Return the arguments with other values for some fields of the request, which is copied.

    Args:
        codecs: The codecs of the request; the first that fits is used.
        args: The arguments of an SDK's method, without the client.
        kwargs: The arguments by name.
        changes: The new values, by wire name.

    Raises:
        LookupError: There is no request, or it has no such field.
    """
    if not changes:
        return args, dict(kwargs)
    found = _find(codecs, args, kwargs)
    if found is None:
        raise LookupError(", ".join(changes))
    key, codec = found
    fresh = codec.write(_argument(args, kwargs, key), changes)
    written = codec.read(fresh)
    missing = [name for name, value in changes.items() if written.get(name) != value]
    if missing:
        raise LookupError(", ".join(missing))
    if isinstance(key, int):
        return (*args[:key], fresh, *args[key + 1 :]), dict(kwargs)
    return args, {**kwargs, key: fresh}


def request_in(codecs: RequestCodecs, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the request among the arguments of an SDK's method; the first argument if none is a readable request."""
    found = _find(codecs, args, kwargs)
    return next(iter((*args, *kwargs.values())), None) if found is None else _argument(args, kwargs, found[0])


def _find(
    codecs: RequestCodecs, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[int | str, RequestCodec] | None:
    """Return the position or name of the request, and its codec; headers and options, also mappings, come later."""
    for key in [*(name for name in _PARAMETERS if name in kwargs), *range(len(args))]:
        value = _argument(args, kwargs, key)
        for codec in codecs:
            if codec.fits(value):
                return key, codec
    return None


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], key: int | str) -> Any:
    return args[key] if isinstance(key, int) else kwargs[key]


@frozen
class RequestFields:
    """
    Reads and replaces request fields in the arguments of an SDK's method.

    Attributes:
        provider: The provider of the method.
        codecs: The codecs of its requests.
        references: The fields of the provider's requests that name resources.
    """

    provider: str
    codecs: RequestCodecs
    references: NameReferences

    def can_hold(self, _: str, /) -> bool:
        """Return True: any request may have the field."""
        return True

    def may_name(self) -> tuple[str, ...]:
        """Return no field: the fields of a request are known only in a call."""
        return ()

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the request."""
        return dict(fields_of(self.codecs, args, kwargs))

    def get(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field; None if it is missing or no string."""
        value = fields_of(self.codecs, args, kwargs).get(field_name)
        return value if isinstance(value, str) else None

    def text(self, field_name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str | None:
        """Return the value of a field of any type as text for a ledger's key; None if it is missing or has no text."""
        return naming.text_of(naming.at(fields_of(self.codecs, args, kwargs), field_name))

    def replace(self, field_name: str, value: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Arguments:
        """
        Return the arguments with another value for a field; the request is copied, not changed.

        Raises:
            LookupError: The request has no such field.
        """
        if self.get(field_name, args, kwargs) is None:
            raise LookupError(field_name)
        return with_fields(self.codecs, args, kwargs, {field_name: value})

    def under_new_names(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], changes: Mapping[Renaming, str], created: str | None
    ) -> Arguments:
        """Return the arguments with the new names of what this run has renamed."""
        changed = renamed_fields(self.references, self.provider, fields_of(self.codecs, args, kwargs), changes)
        # A call that creates a resource starts with the name that the script asks for.
        changed.pop(created or "", None)
        return with_fields(self.codecs, args, kwargs, changed) if changed else (args, kwargs)
