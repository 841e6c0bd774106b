"""
How do I provision a broker that has a REST API and no SDK?

The policy is ``emqx.toml``, beside this file: it extends the shipped policy of EMQX and says where the broker is. That
policy holds no Python either: where an answer has its error code, and what to do about which code; what the requests
are called stands in the catalogue. An API that the library does not know is described in a policy alike, with its
requests under ``[sources.NAME.operations]``. The rest is an HTTP client (httpx here; a ``requests.Session`` goes as
well) that ``wrap_client`` puts under the policy. What is decided is logged, so switching logging on shows it. Offline,
against a sandbox that has a bad day (two of the five users cannot be made, so the exit code is 1)::

    python examples/emqx_users.py --sandbox

Against a real broker the script reads ``EMQX_URL`` (such as ``https://emqx.example.com:18083``, a host of the policy),
``EMQX_API_KEY`` and ``EMQX_API_SECRET``.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from resilience import Policy, SyncExecutor, wrap_client
from resilience.sandbox import Sandbox, without_proxies

VARIABLES = ("EMQX_URL", "EMQX_API_KEY", "EMQX_API_SECRET")
POLICY = Path(__file__).with_name("emqx.toml")
USERS = "/api/v5/authentication/password_based%3Abuilt_in_database/users"
DEVICES = ("dev-busy", "dev-away", "dev-lost", "dev-there", "")


def run(environ: Mapping[str, str]) -> bool:
    """Make the users, print how each request ended, and return whether all are there."""
    auth = (environ["EMQX_API_KEY"], environ["EMQX_API_SECRET"])
    with httpx.Client(base_url=environ["EMQX_URL"], auth=auth, timeout=5) as plain:
        client = wrap_client(plain, SyncExecutor(Policy.load(POLICY)))
        is_done = True
        for device in DEVICES:
            try:
                # An answer as always: the last one of the service, or a 200 where the policy accepts.
                answer = client.post(USERS, json={"user_id": device, "password": secrets.token_urlsafe(16)})
            except httpx.TransportError as error:
                print(f"{device or '(no name)':10} {type(error).__name__}", flush=True)
                is_done = False
            else:
                print(f"{device or '(no name)':10} {answer.status_code} {answer.reason_phrase}", flush=True)
                is_done = is_done and answer.is_success
    return is_done


def rehearse(sandbox: Sandbox) -> dict[str, str]:
    """Let some calls of the sandbox's broker fail, and return the variables for it."""
    environ = sandbox.emqx.environment()
    with httpx.Client(base_url=environ["EMQX_URL"], auth=(sandbox.emqx.api_key, sandbox.emqx.api_secret)) as another:
        another.post(USERS, json={"user_id": "dev-there", "password": "of somebody else"}).raise_for_status()
    # In turn: too fast, away for a moment, made with its answer lost, and as the broker itself says.
    sandbox.script("emqx:CreateUser", "429, ok, SERVICE_UNAVAILABLE, ok, applied lost, ok*")
    return environ


def main() -> int:
    """Run against the server of this file, or against what the environment names."""
    logging.basicConfig(format="    %(message)s", level=logging.INFO, stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if sys.argv[1:] == ["--sandbox"]:
        with without_proxies(), Sandbox() as sandbox:
            environ = rehearse(sandbox)
            asked = sandbox.asked("emqx:CreateUser")
            is_done = run(environ)
            print(f"{sandbox.asked('emqx:CreateUser') - asked} requests for {len(DEVICES)} users")
        return 0 if is_done else 1
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing or sys.argv[1:]:
        print(f"give --sandbox to try this offline, or set {', '.join(missing or VARIABLES)}", file=sys.stderr)
        return 2
    return 0 if run(os.environ) else 1


if __name__ == "__main__":
    sys.exit(main())
