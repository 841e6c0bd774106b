"""
How do I set up a RabbitMQ for MQTT devices, so that a second run does no harm?

A virtual host, its limits, a queue for what the devices publish, and a user for each device, who may publish below its
own topic and nowhere else. The management API has no SDK: the requests go out with requests (an httpx.Client goes as
well), which ``wrap_client`` puts under the policy in ``rabbitmq.toml``, beside this file. Nearly everything here is set
as a whole, so a second run changes nothing, and a lost answer is followed by the same request. Only a queue that is
there with other arguments is refused, and stays as it is. A device signs in over MQTT as ``VHOST:NAME``; its password
is made from a seed, so that each run sets the same one. What is decided is logged, so switching logging on shows it.
Offline, against a sandbox that has a bad day, twice::

    python examples/rabbitmq_broker.py --sandbox

Against a real broker, with its plugins rabbitmq_management and rabbitmq_mqtt, the script reads ``RABBITMQ_URL`` (such
as ``http://rabbitmq.example.com:15672``, a host of the policy), ``RABBITMQ_USER``, ``RABBITMQ_PASSWORD`` and
``DEVICE_SEED``, a long random text.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from resilience import Policy, SyncExecutor, wrap_client
from resilience.sandbox import Sandbox, without_proxies

VARIABLES = ("RABBITMQ_URL", "RABBITMQ_USER", "RABBITMQ_PASSWORD", "DEVICE_SEED")
POLICY = Path(__file__).with_name("rabbitmq.toml")
VHOST, QUEUE, DEVICES = "plant/1", "readings", ("pump-1", "pump-2")


def password_of(device: str, seed: str) -> str:
    """Return the password of a device."""
    return hmac.digest(seed.encode(), device.encode(), hashlib.sha256).hex()


def setup(seed: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each request: method, path and body. The slash in the name of the virtual host is %2F in a path."""
    vhost = quote(VHOST, safe="")
    yield "PUT", f"/api/vhosts/{vhost}", {"description": "the devices of plant 1"}
    yield "PUT", f"/api/vhost-limits/{vhost}/max-connections", {"value": 1000}
    yield "PUT", f"/api/queues/{vhost}/{QUEUE}", {"durable": True, "arguments": {}}
    # MQTT publishes to amq.topic; the slashes of a topic are dots in a routing key.
    yield "POST", f"/api/bindings/{vhost}/e/amq.topic/q/{QUEUE}", {"routing_key": "devices.#", "arguments": {}}
    limits = {"pattern": f"^{QUEUE}$", "apply-to": "queues", "definition": {"max-length": 100_000}}
    yield "PUT", f"/api/policies/{vhost}/readings-limit", limits
    for device in DEVICES:
        topic = f"^devices\\.{device}\\."
        yield "PUT", f"/api/users/{device}", {"password": password_of(device, seed), "tags": ""}
        yield "PUT", f"/api/permissions/{vhost}/{device}", {"configure": "^$", "write": r"^amq\.topic$", "read": "^$"}
        own = {"exchange": "amq.topic", "write": topic, "read": "^$"}
        yield "PUT", f"/api/topic-permissions/{vhost}/{device}", own


def run(environ: Mapping[str, str]) -> bool:
    """Send the requests, print how each ended, and return whether all is set up."""
    plain = requests.Session()
    plain.auth = (environ["RABBITMQ_USER"], environ["RABBITMQ_PASSWORD"])
    is_done = True
    with wrap_client(plain, SyncExecutor(Policy.load(POLICY))) as session:
        for method, path, body in setup(environ["DEVICE_SEED"]):
            try:
                answer = session.request(method, f"{environ['RABBITMQ_URL']}{path}", json=body, timeout=5)
            except requests.RequestException as error:
                print(f"{type(error).__name__} {method} {path}", flush=True)
                is_done = False
            else:
                print(f"{answer.status_code} {method} {path}", flush=True)
                is_done = is_done and answer.ok
    return is_done


def rehearse(sandbox: Sandbox) -> dict[str, str]:
    """Let some calls of the sandbox's broker fail, and return the variables for it."""
    # Done with its answer lost, away for a moment, and a node that does not know the user yet.
    sandbox.script("rabbitmq:DeclareQueue", "applied lost, ok*")
    sandbox.script("rabbitmq:PutPolicy", "503, ok*")
    sandbox.script("rabbitmq:PutPermissions", 'bad_request("vhost_or_user_not_found"), ok*')
    return {**sandbox.rabbitmq.environment(), "DEVICE_SEED": "of this rehearsal"}


def main() -> int:
    """Run against the server of this file, or against what the environment names."""
    logging.basicConfig(format="    %(message)s", level=logging.INFO, stream=sys.stdout)
    if sys.argv[1:] == ["--sandbox"]:
        with without_proxies(), Sandbox() as sandbox:
            environ = rehearse(sandbox)
            is_done = run(environ)
            before = sandbox.rabbitmq.state()
            print("the second run:")
            is_done = run(environ) and is_done
            print("nothing has changed" if sandbox.rabbitmq.state() == before else "something has changed")
        return 0 if is_done else 1
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing or sys.argv[1:]:
        print(f"give --sandbox to try this offline, or set {', '.join(missing or VARIABLES)}", file=sys.stderr)
        return 2
    return 0 if run(os.environ) else 1


if __name__ == "__main__":
    sys.exit(main())
