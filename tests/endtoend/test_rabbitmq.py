"""A real RabbitMQ: the example sets it up, also where answers are lost, and its devices sign in over MQTT."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import aiomqtt
import anyio
import httpx
import pytest
from servers.plays import served
from servers.rabbitmq import RabbitMqServer

from resilience.cli.demo.examples import folder, load

pytest_plugins = ("servers.fixtures",)

SEED = "of these tests"
VHOST = "/api/vhosts/plant%2F1"
WRITES = {"PUT", "POST", "DELETE"}


@contextmanager
def losing(server: RabbitMqServer) -> Iterator[tuple[str, list[str]]]:
    """
    Pass requests on, and hang up in place of the first answer to each request that changes something.

    Yields:
        The address, and the list of all requests.
    """
    asked: list[str] = []

    class Passes(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = f"{self.command} {self.path}"
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            asked.append(name)
            if self.command in WRITES and asked.count(name) == 1:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type") or "text/plain")
            if answer.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET = do_DELETE = do_PUT  # noqa: N815  the names that http.server looks for

    with served(Passes) as port:
        yield f"http://127.0.0.1:{port}", asked


@pytest.fixture
def administrator(rabbitmq: RabbitMqServer) -> Iterator[httpx.Client]:
    """Yield a client of the real server, which is empty after the test."""
    with httpx.Client(base_url=rabbitmq.url, auth=("guest", "guest"), trust_env=False) as client:
        yield client
        for path in (VHOST, "/api/users/pump-1", "/api/users/pump-2"):
            client.delete(path)


def set_up(url: str) -> subprocess.CompletedProcess[str]:
    """Run the example as its docstring says."""
    variables = {"RABBITMQ_URL": url, "RABBITMQ_USER": "guest", "RABBITMQ_PASSWORD": "guest", "DEVICE_SEED": SEED}
    command = [sys.executable, "rabbitmq_broker.py"]
    return subprocess.run(  # noqa: S603  # our own example
        command, cwd=folder(), env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=60
    )


def definitions(client: httpx.Client) -> dict[str, Any]:
    """Return all that is set in the virtual host, and the users."""
    found = client.get("/api/definitions/plant%2F1").json()
    users = {row["name"]: row["tags"] for row in client.get("/api/users").json()}
    return {**found, "users": users}


def messages(client: httpx.Client) -> list[tuple[str, str]]:
    """Return routing key and payload of what is in the queue."""
    body = {"count": 10, "ackmode": "ack_requeue_false", "encoding": "auto"}
    found = client.post("/api/queues/plant%2F1/readings/get", json=body).json()
    return [(each["routing_key"], each["payload"]) for each in found]


async def publish(server: RabbitMqServer, device: str, topic: str, *, patience: float = 10) -> None:
    """Sign in over MQTT as a device, and publish; a broker that refuses does not answer."""
    password = load("rabbitmq_broker").password_of(device, SEED)
    user = f"plant/1:{device}"
    async with aiomqtt.Client("127.0.0.1", server.mqtt, username=user, password=password, timeout=10) as client:
        await client.publish(topic, "21.5", qos=1, timeout=patience)


def test_lost_answers_change_nothing(rabbitmq: RabbitMqServer, administrator: httpx.Client) -> None:
    """The answer to the first request of each kind is lost: each is sent twice, and the broker is as it should be."""
    assert set_up(rabbitmq.url).returncode == 0
    there = definitions(administrator)
    administrator.delete(VHOST).raise_for_status()
    with losing(rabbitmq) as (url, asked):
        run = set_up(url)
    assert run.returncode == 0, run.stdout + run.stderr
    assert definitions(administrator) == there
    assert len(asked) == 2 * len(set(asked)) == 2 * len(list(load("rabbitmq_broker").setup(SEED)))


def test_a_queue_with_other_arguments_stays_as_it_is(rabbitmq: RabbitMqServer, administrator: httpx.Client) -> None:
    """The broker refuses another declaration, and the example says so and goes on."""
    administrator.put(VHOST, json={}).raise_for_status()
    administrator.put("/api/queues/plant%2F1/readings", json={"durable": False}).raise_for_status()
    run = set_up(rabbitmq.url)
    assert run.returncode == 1
    assert "400 PUT /api/queues/plant%2F1/readings" in run.stdout
    assert "DeclareQueue: failed: a rule says fail, after 1 attempt (bad_request, http 400)" in run.stdout
    assert "201 PUT /api/topic-permissions/plant%2F1/pump-2" in run.stdout


def test_a_script_of_httpx_under_run_survives_lost_answers(rabbitmq: RabbitMqServer, tmp_path: Path) -> None:
    """An unmodified script, whose deletes find nothing the second time, ends well under ``resilience run``."""
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = 1\nextends = ["builtin:rabbitmq"]\nsources.rabbitmq.hosts = ["127.0.0.1"]\n'
        'backoff.default = { base = "1ms" }\n',
        encoding="utf-8",
    )
    script = str(Path(__file__).with_name("rabbitmq_script.py"))
    with losing(rabbitmq) as (url, asked):
        command = [sys.executable, "-m", "resilience", "run", "--policy", str(policy), script, url]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603  # ours
    assert run.returncode == 0, run.stderr
    assert run.stdout == "done\n"
    assert len(asked) == 2 * len(set(asked)) == 14


def test_a_broker_is_set_up_twice_and_its_devices_publish(
    rabbitmq: RabbitMqServer, administrator: httpx.Client
) -> None:
    """A second run changes nothing; a device publishes below its own topic, and nowhere else."""
    first = set_up(rabbitmq.url)
    assert first.returncode == 0, first.stdout + first.stderr
    there = definitions(administrator)
    second = set_up(rabbitmq.url)
    assert second.returncode == 0, second.stdout + second.stderr
    assert definitions(administrator) == there
    assert [row["name"] for row in there["queues"]] == ["readings"]
    assert {"pump-1", "pump-2"} < set(there["users"])

    rabbitmq.wait_for_mqtt()
    anyio.run(publish, rabbitmq, "pump-1", "devices/pump-1/temperature")
    assert messages(administrator) == [("devices.pump-1.temperature", "21.5")]
    with pytest.raises(aiomqtt.MqttError):
        anyio.run(partial(publish, patience=2), rabbitmq, "pump-1", "devices/pump-2/temperature")
    assert messages(administrator) == []
