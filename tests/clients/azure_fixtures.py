"""
Fixtures: a running sandbox, and the vendor's own clients pointed at it.

A plugin that the test modules name, and no conftest: type checkers take two files of that name for one module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.iot.deviceprovisioning import DeviceProvisioningClient
from azure.iot.hub import IoTHubRegistryManager
from azure_clients import POLICY

from resilience import Executor, SyncExecutor
from resilience.sandbox import Sandbox


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as running:
        for name, value in running.azure_iot.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def manager(sandbox: Sandbox) -> Any:
    """Return a client of the registry as a script makes it: over https."""
    return IoTHubRegistryManager.from_connection_string(sandbox.azure_iot.hub_connection_string)


@pytest.fixture
def provisioning(sandbox: Sandbox) -> Iterator[Any]:
    """Return a client of the provisioning service."""
    with DeviceProvisioningClient.from_connection_string(sandbox.azure_iot.dps_connection_string) as client:
        yield client


@pytest.fixture
def executor() -> SyncExecutor:
    return SyncExecutor(POLICY, provider="azure-iot")


@pytest.fixture
def async_executor() -> Executor:
    return Executor(POLICY, provider="azure-iot")
