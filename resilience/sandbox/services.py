"""The services of a sandbox: one line and one port for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, TypedDict

from attrs import frozen

from resilience.sandbox.alibaba.service import Alibaba
from resilience.sandbox.aws.service import AwsIot
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
    aws_iot_port: int


class ServiceOptions(Ports, total=False):
    """
    Ports, and services that are played only if they are asked for.

    A port for such a service asks for it as well.
    """

    aws: bool


@frozen
class ExtraService:
    """
    A service that needs a package of its own.

    Attributes:
        provider: Its provider.
        words: What it is, for users.
    """

    provider: str
    words: str


EXTRAS: Final[Mapping[str, ExtraService]] = {"aws": ExtraService("aws-iot", "AWS IoT Core; needs moto (extra sandbox)")}
"""The services that are played only if they are asked for, by their option."""


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

    def __init__(self, clock: TimeSource, *, extras: Collection[str] = ()) -> None:
        self.alibaba = Alibaba(clock)
        self.tencent = Tencent(clock)
        self.emqx = Emqx(clock)
        self.rabbitmq = RabbitMq(clock)
        self.azure_iot = Azure(clock)
        self._aws_iot = AwsIot(clock) if "aws" in extras else None

    @property
    def aws_iot(self) -> AwsIot:
        """
        AWS IoT Core.

        Raises:
            AttributeError: The sandbox does not play it; ``Sandbox(aws=True)`` does.
        """
        if self._aws_iot is None:
            raise AttributeError("this sandbox does not play AWS; make it with Sandbox(aws=True)")
        return self._aws_iot

    @property
    def services(self) -> tuple[Service, ...]:
        """All services."""
        others = self.alibaba, self.tencent, self.emqx, self.rabbitmq, self.azure_iot
        return others if self._aws_iot is None else (*others, self._aws_iot)


PROVIDERS = {name: name.removesuffix("_port").replace("_", "-") for name in Ports.__annotations__}
"""The providers of the services, by the names of their ports."""
