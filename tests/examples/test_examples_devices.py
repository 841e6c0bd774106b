"""The example that ends where devices begin: at a broker that checks what was provisioned."""

from __future__ import annotations

import re
from subprocess import CompletedProcess

from example_runs import run

pytest_plugins = ("broker_fixtures",)


def _check(shown: CompletedProcess[str]) -> None:
    assert shown.returncode == 0
    assert re.sub(r"DC\.\w+", "DC", shown.stdout).splitlines() == [
        "GID_sensors@@@dev-0001: 5 requests have made 1 group and 1 key",
        "the broker lets in DeviceCredential|DC|mqtt-cn-sandbox and delivers 21.5 on sensors/temperature",
        "with another secret the broker says [code:135] Not authorized",
    ]


def test_a_device_talks_through_a_broker_in_python() -> None:
    """The credential whose answer was lost opens a real broker, and another secret does not."""
    shown = run("connect_device.py")
    assert shown.stderr == ""
    _check(shown)


def test_a_device_talks_through_mosquitto(mosquitto: dict[str, str]) -> None:
    """The same with a broker that knows nothing of us: a password file holds what was provisioned."""
    shown = run("connect_device.py", "--broker", "mosquitto", **mosquitto)
    # It warns those who start it as root.
    assert [line for line in shown.stderr.splitlines() if "should not be run as root" not in line] == []
    _check(shown)


def test_without_mosquitto_the_example_says_so() -> None:
    """A broker that is asked for and not there is wrong use."""
    shown = run("connect_device.py", "--broker", "mosquitto", PATH="")
    assert (shown.returncode, shown.stderr) == (2, "mosquitto is not installed\n")


def test_devices_on_aws_are_set_up_exactly_once() -> None:
    """Three things, each with one active certificate, and one policy, although answers get lost and calls throttled."""
    result = run("aws_things.py", "--sandbox")
    assert result.returncode == 0, result.stderr
    *devices, last = result.stdout.splitlines()
    assert [each.partition(":")[0] for each in devices] == ["pump-1", "pump-2", "pump-3"]
    assert last == "3 things, 3 certificates, 1 policy"


def test_a_lost_certificate_is_not_repeated_blindly() -> None:
    """Plain boto3 leaves two active ones; a policy leaves one, or one and the lost one deactivated."""
    result = run("aws_certificates.py")
    assert result.returncode == 0, result.stderr
    there = re.findall(r"certificates now: (.*)", result.stdout)
    assert there == ["2 ACTIVE", "1 ACTIVE", "1 ACTIVE, 1 INACTIVE"]
    assert "stop reason: unverified" in result.stdout
    assert "PRIVATE KEY" not in result.stdout + result.stderr
