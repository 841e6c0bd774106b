"""
The method of a client through which every request goes, and the operation of a call.

botocore makes the class of a client when the client is made. Each of its methods calls ``_make_api_call`` with the
operation and the parameters; so do paginators, waiters and the resources of boto3. Sources: botocore 1.43.117,
client.py, and aiobotocore 3.10.0, client.py; read 2026-11-28.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from resilience.clients.aws.traits import SERVICES
from resilience.clients.common.fields import attribute
from resilience.clients.vendor.facts import Generic

_OPERATION: Final = "operation_name"
_PARAMETERS: Final = "api_params"

# A credential that assumes a role calls the token service while a request is signed. That call is part of the attempt.
_CREDENTIALS: Final = ("botocore.credentials", "aiobotocore.credentials")
_STS: Final = "sts"


def service_of(client: object) -> str | None:
    """Return the service of a client, by the name that makes a client; None for an object that is no client."""
    name = attribute(attribute(attribute(client, "meta"), "service_model"), "service_name")
    return name if isinstance(name, str) else None


def is_foreign(cls: type) -> bool:
    """Tell whether a class has been made for a service without a catalogue; a base class of all clients has not."""
    made = [base for base in cls.__mro__ if vars(base).get("_PY_TO_OP_NAME")]
    return bool(made) and made[-1].__name__ not in SERVICES.values()


def _operation_of(client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    service = client.meta.service_model.service_name
    if service not in SERVICES or (service == _STS and _is_called_by_credentials()):
        return None
    operation = args[0] if args else kwargs.get(_OPERATION)
    return operation if isinstance(operation, str) else None


def _is_called_by_credentials() -> bool:
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") not in _CREDENTIALS:
        frame = frame.f_back
    return frame is not None


def is_read_once(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a parameter is a file, which a second attempt would find at its end."""
    parameters = args[1] if len(args) > 1 else kwargs.get(_PARAMETERS)
    if not isinstance(parameters, Mapping):
        return False
    # Every call asks this, so it is no generator.
    for each in parameters.values():  # noqa: SIM110
        if hasattr(each, "read"):
            return True
    return False


GENERIC: Final[Mapping[str, Generic]] = {"_make_api_call": Generic(_operation_of, "mapping", by_name=True)}
"""The only method: it takes the operation, and the request as a mapping."""
