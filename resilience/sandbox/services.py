"""The services of a sandbox: one line and one port for each."""

from __future__ import annotations

from typing import TypedDict

from resilience.sandbox.alibaba.service import Alibaba
from resilience.sandbox.azure.service import Azure
from resilience.sandbox.emqx.service import Emqx
from resilience.sandbox.keys import TimeSource
from resilience.sandbox.rabbitmq.service import RabbitMq
from resilience.sandbox.service import Service
from resilience.sandbox.tencent.service import Tencent


class Ports(TypedDict, total=False):
    """
    The port of each service; 0 lets the system choose.

    A key is the provider's name and ``_port``, with underscores for hyphens.
    """

    alibaba_port: int
    tencent_port: int
    emqx_port: int
    rabbitmq_port: int
    azure_iot_port: int


class Services:
    """
    The services.

    Attributes:
        alibaba: ApsaraMQ for MQTT.
        tencent: TDMQ for MQTT.
        emqx: EMQX 5.
        rabbitmq: RabbitMQ.
        azure_iot: IoT Hub and the Device Provisioning Service.
    """

    def __init__(self, clock: TimeSource) -> None:
        self.alibaba = Alibaba(clock)
        self.tencent = Tencent(clock)
        self.emqx = Emqx(clock)
        self.rabbitmq = RabbitMq(clock)
        self.azure_iot = Azure(clock)

    @property
    def services(self) -> tuple[Service, ...]:
        """All services."""
        return self.alibaba, self.tencent, self.emqx, self.rabbitmq, self.azure_iot


PROVIDERS = {name: name.removesuffix("_port").replace("_", "-") for name in Ports.__annotations__}
"""The providers of the services, by the names of their ports."""
