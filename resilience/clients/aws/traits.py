"""Names of boto3, botocore and aiobotocore, and of the services; this module is cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDER: Final = "aws-iot"

ASYNC_PACKAGE: Final = "aiobotocore."
"""The package of the asynchronous clients; its classes extend those of botocore."""

PACKAGES: Final = ("botocore.", "boto3.", ASYNC_PACKAGE)
"""The names of the top-level packages, with a dot, which marks a whole name."""

BASE: Final = "botocore.client"
"""The module of the base class of all clients, and of the classes that boto3 makes at run time."""

ASYNC_BASE: Final = "aiobotocore.client"
"""The same for aiobotocore."""

# botocore 1.43.117 and aiobotocore 3.10.0, read 2026-11-28.
HOOKS: Final[Mapping[str, tuple[str, ...]]] = {BASE: ("BaseClient",), ASYNC_BASE: ("AioBaseClient",)}
"""The modules that have the base classes of clients, each with their names."""

SERVICES: Final[Mapping[str, str]] = {"iot": "IoT", "iot-data": "IoTDataPlane", "sts": "STS"}
"""The services that the catalogue describes, by the name that makes a client, with the names of their classes."""

MODELS: Final = tuple(f"data/{service}/*/service-2.json*" for service in SERVICES)
"""The files of botocore with the errors of these services; the last one of a service is that of its newest version."""

SIGNED: Final = frozenset({"iot", "iotdata", "sts"})
"""The names of these services in a signature."""

HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu")
"""The ends of the names of the vendor's hosts."""
