"""A package of a third party brings a provider: its SDK works like those that come with us, without an edit of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parents[1] / "data" / "third_party"


def python(*arguments: str, path: Path = PACKAGE, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with the package on its path, in a process of its own: what there is to load is looked for once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RESILIENCE", "OTEL_"))}
    return subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def printed(code: str, path: Path = PACKAGE) -> str:
    """Return what a program prints."""
    ran = python("-c", dedent(code), path=path)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def resilience(*arguments: str, path: Path = PACKAGE, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run our command."""
    return python("-m", "resilience", *arguments, path=path, folder=folder)


def test_a_wrapped_function_follows_its_policy() -> None:
    """The exception is read by the package's adapter, and the operation is known by its catalogue."""
    code = """
        from acme_sdk.client import Client
        from resilience import Policy, SyncExecutor
        client = Client(["Busy"])
        executor = SyncExecutor(Policy.load("builtin:acme"))
        outcome = executor.wrap("CreateThing")(client.CreateThing).outcome({"Name": "ada"})
        print(outcome.ended, outcome.attempts[0].fault.label, outcome.attempts[0].fault.request_id)
    """
    assert printed(code) == "success_after_retry Busy acme-1"


def test_a_client_is_put_under_its_policy() -> None:
    """Its methods are found, its requests are read and written."""
    code = """
        from acme_sdk.client import Client
        from resilience import Executor, Policy, wrap_client
        client = Client(["Busy", "NameTaken"])
        wrapped = wrap_client(client, Executor(Policy.load("builtin:acme")))
        print(wrapped.CreateThing({"Name": "ada"}), [each["Name"] for each in client.sent])
    """
    assert printed(code) == "{'Name': 'ada-2', 'RequestId': 'acme-2'} ['ada', 'ada', 'ada-2']"


def test_a_client_that_nobody_knows_is_told_which_are_known() -> None:
    """The message names the clients of the package, too."""
    code = """
        from resilience import Executor, Policy, wrap_client
        try:
            wrap_client(object(), Executor(Policy.load("builtin:acme")))
        except TypeError as error:
            print(error)
    """
    assert "Acme's SDK" in printed(code)


def test_an_unmodified_script_runs_under_its_policy(tmp_path: Path) -> None:
    """``resilience run`` waits for the import of the package's SDK, also in the script's children."""
    script = """
        import subprocess, sys
        from acme_sdk.client import Client
        print(Client(["Busy", "Busy"]).CreateThing({"Name": "ada"})["Name"])
        if sys.argv[1:] != ["child"]:
            subprocess.run([sys.executable, __file__, "child"], check=True)
    """
    (tmp_path / "script.py").write_text(dedent(script), encoding="utf-8")
    ran = resilience("run", "--policy", "builtin:acme", "script.py", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "ada\nada\n"), ran.stderr
    assert "2 calls" in ran.stderr


def test_commands_know_its_policy_and_its_codes(tmp_path: Path) -> None:
    """Its policy is found as builtin, and is checked against its catalogue."""
    assert resilience("check", "--strict", "builtin:acme").returncode == 0
    (tmp_path / "own.toml").write_text('schema = 1\nextends = ["builtin:acme"]\n[rules.acme]\n"Bsy" = "retry"\n')
    found = resilience("check", "own.toml", folder=tmp_path)
    assert '"Busy"' in found.stdout + found.stderr
    assert "too many calls" in resilience("explain", "--policy", "builtin:acme", "Busy").stdout
    assert resilience("init", "first.toml", "--provider", "acme", folder=tmp_path).returncode == 0
    assert resilience("check", "first.toml", folder=tmp_path).returncode == 0
    assert "builtin:acme for Acme Users (Acme)" in (tmp_path / "first.toml").read_text(encoding="utf-8")


def test_spans_name_its_cloud() -> None:
    """What OpenTelemetry calls it stands in its catalogue."""
    code = """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from acme_sdk.client import Client
        from resilience import Policy, SyncExecutor
        kept = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(kept))
        trace.set_tracer_provider(provider)
        SyncExecutor(Policy.load("builtin:acme")).wrap("CreateThing")(Client().CreateThing)({"Name": "ada"})
        print({span.attributes.get("cloud.provider") for span in kept.get_finished_spans()} - {None})
    """
    assert printed(code) == "{'acme_cloud'}"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param("resilience_acme.missing:AcmeSdk", "there is no module resilience_acme.missing", id="module"),
        pytest.param("resilience_acme.sdk:Missing", "AttributeError", id="name"),
        pytest.param("resilience_acme.sdk:Fault", "expected a resilience.clients.sdk.Sdk, found Fault", id="class"),
        pytest.param("resilience_acme:__doc__", "expected a resilience.clients.sdk.Sdk, found str", id="no-object"),
    ],
)
def test_a_package_that_cannot_be_used_is_named(tmp_path: Path, value: str, why: str) -> None:
    """An executor says which package it is, and why, before any call; so does a run, before the script."""
    shutil.copytree(PACKAGE, tmp_path / "path", ignore=shutil.ignore_patterns("__pycache__"))
    broken = tmp_path / "path" / "resilience_acme-1.0.dist-info" / "entry_points.txt"
    broken.write_text(f"[resilience.sdks]\nacme = {value}\n", encoding="utf-8")
    code = """
        from resilience import Executor, Policy
        from resilience.catalog.plugins import PluginError
        try:
            Executor(Policy.load("builtin:alibaba-mqtt"))
        except PluginError as error:
            print(error)
    """
    said = printed(code, tmp_path / "path")
    assert said.startswith(f"entry point acme = {value} of resilience-acme 1.0 (resilience.sdks): ")
    assert why in said
    assert said.endswith("; repair or uninstall that package")
    (tmp_path / "script.py").write_text("print('ran')", encoding="utf-8")
    ran = resilience("run", "--policy", "builtin:alibaba-mqtt", "script.py", path=tmp_path / "path", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert why in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_command_says_which_package_cannot_be_used(tmp_path: Path) -> None:
    """Where a catalogue cannot be found, nothing can be checked against it."""
    shutil.copytree(PACKAGE, tmp_path / "path", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(tmp_path / "path" / "resilience_acme")
    ran = resilience("check", "builtin:alibaba-mqtt", path=tmp_path / "path")
    assert ran.returncode == 2
    assert "entry point acme = resilience_acme.sdk:AcmeSdk of resilience-acme 1.0" in ran.stderr
    assert "Traceback" not in ran.stderr
