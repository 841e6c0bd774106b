"""
How do I use a policy with a REST API that the library does not know?

The policy is ``emqx.toml``, beside this file: it says where an answer has its error code, what the requests are called,
and what to do about which code. The rest is an HTTP client (httpx here; a ``requests.Session`` goes as well) that
``wrap_client`` puts under that policy. What is decided is logged, so switching logging on shows it. Offline, against a
small server that plays a bad day (two of the five users cannot be made, so the exit code is 1)::

    python examples/emqx_users.py --sandbox

Against a real broker the script reads ``EMQX_URL`` (such as ``https://emqx.example.com:18083``, a host of the policy),
``EMQX_API_KEY`` and ``EMQX_API_SECRET``.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

import httpx

from resilience import Policy, SyncExecutor, wrap_client
from resilience.sandbox import without_proxies

VARIABLES = ("EMQX_URL", "EMQX_API_KEY", "EMQX_API_SECRET")
POLICY = Path(__file__).with_name("emqx.toml")
USERS = "/api/v5/authentication/password_based%3Abuilt_in_database/users"
DEVICES = ("dev-busy", "dev-away", "dev-lost", "dev-there", "dev 5")


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
                print(f"{device:10} {type(error).__name__}", flush=True)
                is_done = False
            else:
                print(f"{device:10} {answer.status_code} {answer.reason_phrase}", flush=True)
                is_done = is_done and answer.is_success
    return is_done


class Broker(ThreadingHTTPServer):
    """Plays EMQX on a free port of this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.users = {"dev-there"}
        self.asked: Counter[str] = Counter()

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Answer until the end of the block."""
        with self:
            Thread(target=self.serve_forever, args=(0.05,)).start()
            try:
                yield self
            finally:
                self.shutdown()


class Answers(BaseHTTPRequestHandler):
    """Answers requests for users; the name of a device says what goes wrong."""

    server: Broker

    def do_POST(self) -> None:  # the name that http.server calls
        """Make a user, or not."""
        user = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["user_id"]
        users, asked = self.server.users, self.server.asked
        asked[user] += 1
        if user == "dev-busy" and asked[user] == 1:
            self.answer(HTTPStatus.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", {"Retry-After": "1"})
        elif user == "dev-away" and asked[user] == 1:
            self.answer(HTTPStatus.SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE")
        elif " " in user:
            self.answer(HTTPStatus.BAD_REQUEST, "BAD_REQUEST")
        elif user in users:
            self.answer(HTTPStatus.CONFLICT, "ALREADY_EXISTS")
        else:
            users.add(user)
            if user != "dev-lost":  # that one is made too, but the answer is lost
                self.answer(HTTPStatus.CREATED)

    def answer(self, status: HTTPStatus, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps({"code": code, "message": status.description} if code else {}).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing: what the client does is shown."""


def main() -> int:
    """Run against the server of this file, or against what the environment names."""
    logging.basicConfig(format="    %(message)s", level=logging.INFO, stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if sys.argv[1:] == ["--sandbox"]:
        with without_proxies(), Broker().running() as broker:
            is_done = run({"EMQX_URL": broker.url, "EMQX_API_KEY": "key", "EMQX_API_SECRET": "secret"})
        print(f"{broker.asked.total()} requests for {len(DEVICES)} users")
        return 0 if is_done else 1
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing or sys.argv[1:]:
        print(f"give --sandbox to try this offline, or set {', '.join(missing or VARIABLES)}", file=sys.stderr)
        return 2
    return 0 if run(os.environ) else 1


if __name__ == "__main__":
    sys.exit(main())
