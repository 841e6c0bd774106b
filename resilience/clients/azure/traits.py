"""Names of Azure's SDKs, their packages and hosts; this module is cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDER: Final = "azure-iot"

PACKAGES: Final = ("azure.", "msrest.")
"""The names of the SDKs' top-level packages, with a dot, which marks a whole name."""

OWN_MODULES: Final = ("azure.iot.", "msrest.")
"""The beginnings of the modules that are about IoT; every other product of the vendor has the same exceptions."""

_HUB: Final = "azure.iot.hub.protocol.operations"
_PROVISIONING: Final = ("EnrollmentOperations", "EnrollmentGroupOperations", "DeviceRegistrationStateOperations")

# Sources: azure-iot-hub 2.7.0, azure-iot-deviceprovisioning 1.0.0b1; read 2026-11-28. All clients of these packages
# send through a class of operations, so only these classes are wrapped.
HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    f"{_HUB}.devices_operations": ("DevicesOperations",),
    f"{_HUB}.modules_operations": ("ModulesOperations",),
    f"{_HUB}.bulk_registry_operations": ("BulkRegistryOperations",),
    f"{_HUB}.configuration_operations": ("ConfigurationOperations",),
    f"{_HUB}.query_operations": ("QueryOperations",),
    f"{_HUB}.statistics_operations": ("StatisticsOperations",),
    f"{_HUB}.jobs_operations": ("JobsOperations",),
    f"{_HUB}.cloud_to_device_messages_operations": ("CloudToDeviceMessagesOperations",),
    f"{_HUB}.digital_twin_operations": ("DigitalTwinOperations",),
    "azure.iot.deviceprovisioning.operations._operations": _PROVISIONING,
    "azure.iot.deviceprovisioning.aio.operations._operations": _PROVISIONING,
}
"""The modules of the SDKs that have classes of operations, each with their names."""

HOSTS: Final = tuple(
    f".{service}.{domain}"
    for service in ("azure-devices", "azure-devices-provisioning")
    for domain in ("net", "cn", "us", "de")
)
"""The ends of the names of the vendor's hosts, in all its clouds."""

SIGNED: Final = "SharedAccessSignature "
"""The beginning of an ``Authorization`` header that is signed with a key of a hub or of a provisioning service."""
