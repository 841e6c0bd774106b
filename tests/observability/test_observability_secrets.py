"""No secret of a faulty day is in anything that we export, log, write or show."""

from __future__ import annotations

import http.client
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import anyio
import pytest
from alibabacloud_onsmqtt20200420 import models as alibaba
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from attrs import frozen
from faulty_day import ALIBABA_INSTANCE, PASSWORD, Day, spoil
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resilience import Journal, Ledger, Outcome
from resilience.cli.demo.examples import folder
from resilience.core.events import CallStarted
from resilience.core.observer import Sink, Slot
from resilience.sandbox import Sandbox
from resilience.telemetry import Logs, Metrics, Spans, build_tree

# Headers that authorise, or hold what does.
_HEADERS = frozenset({"authorization", "x-acs-security-token", "x-acs-accesskey-id", "x-tc-token"})
_QUERY = frozenset({"Signature", "SecurityToken", "AccessKeyId"})
_BY_HAND = "Signature=S1GNATUREmarker%2Babc&SecurityToken=ST5TOKENmarker"
_SIGNATURE = re.compile(r"Signature=([0-9a-f]{16,})")


class _Reprs:
    """Keeps the repr of all that observers are told."""

    idle_slot: Slot | None = None

    def __init__(self) -> None:
        self.seen: list[str] = []

    def watch(self, started: CallStarted) -> Sink:
        """Take every event."""
        self.seen.append(f"{started.operation} {started.provider}")
        return lambda event: self.seen.append(repr(event))


class _Sent:
    """Keeps what authorises the requests that leave this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secrets: set[str] = set()
        header, request = http.client.HTTPConnection.putheader, http.client.HTTPConnection.putrequest

        def putheader(connection: Any, name: Any, *values: Any) -> None:
            for value in values if _text(name).lower() in _HEADERS else ():
                self.secrets |= {_text(value), *_SIGNATURE.findall(_text(value))}
            header(connection, name, *values)

        def putrequest(connection: Any, method: str, url: str, *more: Any, **options: Any) -> None:
            for name, value in parse_qsl(urlsplit(url).query):
                if name in _QUERY:
                    self.secrets |= {value, quote(value, safe="")}
            request(connection, method, url, *more, **options)

        monkeypatch.setattr(http.client.HTTPConnection, "putheader", putheader)
        monkeypatch.setattr(http.client.HTTPConnection, "putrequest", putrequest)


@frozen
class Seen:
    """What may be seen of a day, by the place where it is seen; and the secrets, by their kind."""

    places: dict[str, str]
    secrets: dict[str, set[str]]


_PLACES = (
    "spans",
    "tree",
    "metrics",
    "log records",
    "events",
    "outcomes",
    "notes",
    "credentials",
    "keys",
    "journal",
    "ledger",
    "report",
    "report as JSON",
    "page",
)


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def seen(patched: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Have a faulty day with everything that watches, connections that cannot be made, and the older SDK."""
    place = tmp_path_factory.mktemp("secrets")
    log, sent, reprs = io.StringIO(), _Sent(patched), _Reprs()
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider([reader], shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    ours = logging.getLogger("resilience")
    handler = logging.StreamHandler(log)
    handler.setFormatter(_Everything())
    patched.setattr(ours, "level", logging.DEBUG)
    ours.addHandler(handler)
    journal = Journal(str(place / "run.jsonl"))
    with Sandbox() as sandbox, Ledger(place / "ledger.db") as ledger:
        watching = [Metrics(meters), Logs(), Spans(tracers), journal, reprs]
        day = Day(spoil(sandbox), ledger, observers=watching)
        outcomes = anyio.run(_everything, day, sandbox)
        service = sandbox.alibaba
        issued = [(key.key_id, key.secret, key.token) for key in service.keys._issued.values()]
        secrets = {
            "access keys": {service.access_key_id, service.access_key_secret},
            "Tencent's keys": {sandbox.tencent.secret_id, sandbox.tencent.secret_key},
            "STS keys and tokens": {each for triple in issued for each in triple},
            "MQTT tokens": {str(row["Token"]) for row in service.tokens},
            "device secrets": _device_secrets(sandbox),
            "passwords": {PASSWORD},
            "signatures": sent.secrets,
            "texts of errors": {"S1GNATUREmarker", "ST5TOKENmarker", "LTAIsecret", "MESSAGEmarker"},
        }
    ours.removeHandler(handler)
    report = [sys.executable, "-m", "resilience", "report", str(place / "run.jsonl")]
    text = subprocess.run(  # noqa: S603  # our own command
        [*report, "--html", str(place / "page.html")], capture_output=True, text=True, timeout=120, check=True
    )
    data = subprocess.run([*report, "--format", "json"], capture_output=True, text=True, timeout=120, check=True)  # noqa: S603
    metrics = reader.get_metrics_data()
    assert metrics is not None
    places = {
        "spans": "\n".join(span.to_json() for span in spans.get_finished_spans()),
        "tree": repr(build_tree(spans.get_finished_spans())),
        "metrics": metrics.to_json(),
        "log records": log.getvalue(),
        "events": "\n".join(reprs.seen),
        "outcomes": "\n".join(f"{outcome!r} {outcome.attempts!r}" for outcome in outcomes),
        "notes": "\n".join(note for outcome in outcomes for note in getattr(outcome.error, "__notes__", ())),
        "credentials": f"{day.credentials!r} {day.ours!r} {ledger!r} {journal!r}",
        # A user's own value: it tells which key it is, and no more.
        "keys": repr(day.credentials.current()).replace(day.credentials.current().access_key_id, "ID"),
        "journal": (place / "run.jsonl").read_text(encoding="utf-8"),
        "ledger": "".join(path.read_bytes().decode("latin-1") for path in place.glob("ledger.db*")),
        "report": text.stdout + text.stderr,
        "report as JSON": data.stdout,
        "page": (place / "page.html").read_text(encoding="utf-8"),
    }
    return Seen(places, secrets)


class _Everything(logging.Formatter):
    """Shows a record with all of its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the sentence, the fields and the traceback."""
        return f"{super().format(record)} {vars(record)!r}"


async def _everything(day: Day, sandbox: Sandbox) -> list[Outcome[Any]]:
    outcomes = await day.run()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{free.getsockname()[1]}"
        # Its error's text has the URL, in which the signature stands.
        older = AcsClient(sandbox.alibaba.access_key_id, sandbox.alibaba.access_key_secret, "cn-hangzhou", timeout=1)

        def ask(endpoint: str) -> Any:
            request = RpcRequest("OnsMqtt", "2020-04-20", "ListGroupId")
            request.set_endpoint(endpoint)
            request.set_protocol_type("http")
            request.add_query_param("InstanceId", ALIBABA_INSTANCE)
            return older.do_action_with_exception(request)

        list_groups = day.ours.wrap("ListGroupId", ask)
        # A rule looks at this message, and so does the one behind it that every other message is for.
        for words in ("MESSAGEmarker is NOT READY yet", "MESSAGEmarker is gone"):
            sandbox.script("alibaba:ListGroupId", f'InvalidParameter("{words}")')
            outcomes.append(await list_groups.outcome(sandbox.alibaba.endpoint))
        assert [outcome.ended for outcome in outcomes[-2:]] == ["success_after_retry", "failed"]
        outcomes.append(await list_groups.outcome(sandbox.alibaba.endpoint))
        outcomes.append(await list_groups.outcome(closed))
        day.alibaba._endpoint = closed
        groups = alibaba.ListGroupIdRequest(instance_id=ALIBABA_INSTANCE)
        outcomes.append(await day.ours.wrap("ListGroupId", day.alibaba.list_group_id).outcome(groups))

    def hang_up() -> None:
        raise ConnectionResetError(f"http://{closed}/?{_BY_HAND}")

    outcomes.append(await day.ours.wrap("ListGroupId", hang_up).outcome())
    assert [outcome.ended for outcome in outcomes[-4:]] == ["success", "exhausted", "exhausted", "exhausted"]
    return outcomes


def _device_secrets(sandbox: Sandbox) -> set[str]:
    return {str(row["DeviceAccessKeySecret"]) for row in sandbox.alibaba.state()["device_credentials"]}


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("place", _PLACES)
def test_no_secret_is_seen(place: str, seen: Seen) -> None:
    """Whatever failed, and however: of nothing that opens a door there is a trace, here or anywhere."""
    text = seen.places[place]
    found = {kind for kind, secrets in seen.secrets.items() for secret in secrets if secret in text}
    assert found == set()


def test_the_places_are_all_there_are(seen: Seen) -> None:
    """Every place is one that a test looks at, and calls or keys are really told of in each."""
    assert seen.places.keys() == set(_PLACES)
    words = {"notes": "attempts", "credentials": "Executor", "keys": "KeyTriple"}
    assert {place for place, text in seen.places.items() if words.get(place, "CreateGroupId") not in text} == set()


@pytest.mark.parametrize("kind", ["access keys", "STS keys and tokens", "MQTT tokens", "device secrets", "signatures"])
def test_the_secrets_are_real(kind: str, seen: Seen) -> None:
    """Each kind of secret was really there, and long enough to be told from other words."""
    secrets = seen.secrets[kind]
    assert secrets
    assert all(len(secret) >= 16 for secret in secrets)


def test_every_way_of_signing_was_used(seen: Seen) -> None:
    """Both generations of Alibaba's SDK, one of which signs in the URL, and Tencent's, have really sent requests."""
    signed = seen.secrets["signatures"]
    assert any(secret.startswith("ACS3-HMAC-SHA256 ") for secret in signed)
    assert any(secret.startswith("TC3-HMAC-SHA256 ") for secret in signed)
    assert any(re.fullmatch(r"[0-9a-f]{64}", secret) for secret in signed)
    assert any(secret.endswith("%3D") for secret in signed)


def test_a_run_says_nothing_secret(tmp_path: Path) -> None:
    """``resilience run`` with a script of both SDKs: not in its summary, its journal, its ledger or its page."""
    with Sandbox() as sandbox:
        sandbox.script("alibaba:CreateGroupId", "SystemOverFlow, ok, applied lost, ok, GroupIdAlreadyUsedByOtherUsers")
        keys = {sandbox.alibaba.access_key_id, sandbox.alibaba.access_key_secret}
        keys |= {sandbox.tencent.secret_id, sandbox.tencent.secret_key}
        environ = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": sandbox.alibaba.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": sandbox.alibaba.access_key_secret,
            "ALIBABA_MQTT_ENDPOINT": sandbox.alibaba.endpoint,
            "ALIBABA_MQTT_INSTANCE": sandbox.alibaba.instances[0]["InstanceId"],
            "TENCENTCLOUD_SECRET_ID": sandbox.tencent.secret_id,
            "TENCENTCLOUD_SECRET_KEY": sandbox.tencent.secret_key,
            "TENCENT_MQTT_ENDPOINT": sandbox.tencent.endpoint,
            "TENCENT_MQTT_INSTANCE": "mqtt-sandbox",
            "TENCENT_MQTT_REGION": "ap-guangzhou",
        }
        command = [sys.executable, "-m", "resilience", "run", "--policy", "builtin:provisioning", "--env", "dev"]
        own = ["--journal", str(tmp_path / "run.jsonl"), "--ledger", str(tmp_path / "run.db")]
        ran = subprocess.run(  # noqa: S603  # our own command
            [*command, *own, str(Path(folder()) / "existing_script.py")],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        secrets = keys | _device_secrets(sandbox)
    assert ran.returncode == 0, ran.stderr
    assert "1 rename" in ran.stderr
    written = "".join(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir())
    assert "GID_sensors" in written
    assert json.loads((tmp_path / "run.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert {secret for secret in secrets if secret in ran.stdout + ran.stderr + written} == set()
