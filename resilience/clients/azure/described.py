"""
The methods of the SDKs' classes of operations, and the operation of each.

``PUT`` makes a resource or changes it: with the header ``If-Match`` it changes one that is there, and without it the
service refuses one that is there. So the same method is one of two operations.
Sources: azure-iot-hub 2.7.0, azure-iot-deviceprovisioning 1.0.0b1; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

CONDITION: Final = "if_match"
"""The parameter of every method for the header ``If-Match``."""

HUB: Final = "hub"
"""The field for the host of a hub: two hubs may have devices of one name."""

SERVICE: Final = "dps"
"""The field for the host of a provisioning service."""


@frozen
class Described:
    """
    One method.

    Attributes:
        operation: Its operation, without a condition.
        names: The request fields in its first parameters.
        body: The parameter with the body of the request; None if there is none.
        changing: The operation with a condition; None if that is the same.
        finds: The method of the same class that returns what this one has made; None if there is none.
        host: The field for the host.
    """

    operation: str
    names: tuple[str, ...] = ()
    body: str | None = None
    changing: str | None = None
    finds: str | None = None
    host: str = HUB

    def operation_of(self, *, is_conditional: bool) -> str:
        """Return the operation of a call."""
        return self.changing if self.changing is not None and is_conditional else self.operation


_DEVICE: Final = ("deviceId",)
_MODULE: Final = ("deviceId", "moduleId")
_CONFIGURATION: Final = ("id",)
_JOB: Final = ("jobId",)


def _enrollments(name: str, body: str, field: str) -> Mapping[str, Described]:
    """Return the methods for enrollments of one kind."""
    named = (field,)
    return {
        "get": Described(f"Get{name}", named, host=SERVICE),
        "create_or_update": Described(
            f"Create{name}", named, body, changing=f"Update{name}", finds="get", host=SERVICE
        ),
        "delete": Described(f"Delete{name}", named, host=SERVICE),
        "get_attestation_mechanism": Described(f"Get{name}Attestation", named, host=SERVICE),
        "run_bulk_operation": Described(f"Run{name}BulkOperation", body="bulk_operation", host=SERVICE),
    }


METHODS: Final[Mapping[str, Mapping[str, Described]]] = {
    "DevicesOperations": {
        "get_devices": Described("ListDevices"),
        "get_identity": Described("GetDevice", _DEVICE),
        "create_or_update_identity": Described(
            "CreateDevice", _DEVICE, "device", changing="UpdateDevice", finds="get_identity"
        ),
        "delete_identity": Described("DeleteDevice", _DEVICE),
        "get_twin": Described("GetDeviceTwin", _DEVICE),
        "replace_twin": Described("ReplaceDeviceTwin", _DEVICE, "device_twin_info"),
        "update_twin": Described("UpdateDeviceTwin", _DEVICE, "device_twin_info"),
        "invoke_method": Described("InvokeDeviceMethod", _DEVICE),
    },
    "ModulesOperations": {
        "get_modules_on_device": Described("ListModules", _DEVICE),
        "get_identity": Described("GetModule", _MODULE),
        "create_or_update_identity": Described(
            "CreateModule", _MODULE, "module", changing="UpdateModule", finds="get_identity"
        ),
        "delete_identity": Described("DeleteModule", _MODULE),
        "get_twin": Described("GetModuleTwin", _MODULE),
        "replace_twin": Described("ReplaceModuleTwin", _MODULE, "device_twin_info"),
        "update_twin": Described("UpdateModuleTwin", _MODULE, "device_twin_info"),
        "invoke_method": Described("InvokeModuleMethod", _MODULE),
    },
    "BulkRegistryOperations": {"update_registry": Described("UpdateRegistry")},
    "ConfigurationOperations": {
        "get": Described("GetConfiguration", _CONFIGURATION),
        "get_configurations": Described("ListConfigurations"),
        "create_or_update": Described(
            "CreateConfiguration", _CONFIGURATION, "configuration", changing="UpdateConfiguration", finds="get"
        ),
        "delete": Described("DeleteConfiguration", _CONFIGURATION),
        "test_queries": Described("TestConfigurationQueries"),
        "apply_on_edge_device": Described("ApplyConfiguration", _DEVICE),
    },
    "QueryOperations": {"get_twins": Described("QueryTwins")},
    "StatisticsOperations": {
        "get_device_statistics": Described("GetDeviceStatistics"),
        "get_service_statistics": Described("GetServiceStatistics"),
    },
    "JobsOperations": {
        "create_import_export_job": Described("CreateImportExportJob"),
        "get_import_export_jobs": Described("ListImportExportJobs"),
        "get_import_export_job": Described("GetImportExportJob", _JOB),
        "cancel_import_export_job": Described("CancelImportExportJob", _JOB),
        "create_scheduled_job": Described("CreateScheduledJob", _JOB, finds="get_scheduled_job"),
        "get_scheduled_job": Described("GetScheduledJob", _JOB),
        "cancel_scheduled_job": Described("CancelScheduledJob", _JOB),
        "query_scheduled_jobs": Described("QueryScheduledJobs"),
    },
    "CloudToDeviceMessagesOperations": {
        "purge_cloud_to_device_message_queue": Described("PurgeMessageQueue", _DEVICE),
    },
    "DigitalTwinOperations": {
        "get_digital_twin": Described("GetDigitalTwin", _DEVICE),
        "update_digital_twin": Described("UpdateDigitalTwin", _DEVICE),
        "invoke_root_level_command": Described("InvokeCommand", _DEVICE),
        "invoke_component_command": Described("InvokeComponentCommand", _DEVICE),
    },
    "EnrollmentOperations": _enrollments("Enrollment", "enrollment", "registrationId"),
    "EnrollmentGroupOperations": _enrollments("EnrollmentGroup", "enrollment_group", "enrollmentGroupId"),
    "DeviceRegistrationStateOperations": {
        "get": Described("GetDeviceRegistration", ("registrationId",), host=SERVICE),
        "delete": Described("DeleteDeviceRegistration", ("registrationId",), host=SERVICE),
    },
}
"""The methods of each class of operations, by name."""

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "IoTHubRegistryManager": ("protocol",),
    "IoTHubConfigurationManager": ("protocol",),
    "IoTHubJobManager": ("protocol",),
    "IoTHubHttpRuntimeManager": ("protocol",),
    "DigitalTwinClient": ("protocol",),
    "IotHubGatewayServiceAPIs": (
        "devices",
        "modules",
        "bulk_registry",
        "configuration",
        "query",
        "statistics",
        "jobs",
        "cloud_to_device_messages",
        "digital_twin",
    ),
    "DeviceProvisioningClient": ("enrollment", "enrollment_group", "device_registration_state"),
}
"""The attributes of the SDKs' clients that have a class of operations, or another client."""
