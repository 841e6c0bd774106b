"""The machine that a script really runs on: other launchers, other commands, signals, proxies and stopped clocks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from script_runs import Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

ONE_RETRY = "resilience: 1 call, 1 retry; waited 10 ms; policy running"
LAUNCHED = """
    import os, subprocess, sys
    path = os.pathsep.join([os.path.abspath("launcher"), os.environ["PYTHONPATH"]])
    command = [sys.executable, "child.py"]
"""
LAUNCHES = {
    "environment-of-popen": "sys.exit(subprocess.run(command, env={**os.environ, 'PYTHONPATH': path}).returncode)",
    "own-environment": "os.environ['PYTHONPATH'] = path\nsys.exit(subprocess.run(command).returncode)",
    "becomes-it": "os.environ['PYTHONPATH'] = path\nos.execl(sys.executable, *command)",
    "becomes-it-elsewhere": "os.execve(sys.executable, command, {**os.environ, 'PYTHONPATH': path})",
    "path-without-ours": "sys.exit(subprocess.run(command, env={**os.environ, 'PYTHONPATH': 'launcher'}).returncode)",
    "asyncio": (
        "import asyncio\n"
        "async def main():\n"
        "    env = {**os.environ, 'PYTHONPATH': path}\n"
        "    child = await asyncio.create_subprocess_exec(*command, env=env)\n"
        "    return await child.wait()\n"
        "sys.exit(asyncio.run(main()))"
    ),
}


@pytest.fixture
def launcher(clients: Scripts, cloud: Sandbox) -> Scripts:
    """A folder with a sitecustomize that calls no other, and a child that needs a retry."""
    clients.write("launcher/sitecustomize.py", "import os\nos.environ['LAUNCHED'] = '1'\n")
    clients.write("child.py", "import os\nfrom clients import *\nprint(os.environ['LAUNCHED'], make_topic())\n")
    cloud.script("CreateTopic", "RequestLimitExceeded")
    return clients


@pytest.mark.parametrize("launch", LAUNCHES.values(), ids=LAUNCHES)
def test_a_launcher_inside_of_the_run_takes_nothing_out_of_it(launch: str, launcher: Scripts) -> None:
    """Its sitecustomize stands in front, and both have their turn."""
    launcher.write("parent.py", LAUNCHED.replace("\n    ", "\n") + launch + "\n")
    ours = launcher.run("parent.py")
    assert (ours.code, ours.out) == (0, "1 sensors\n")
    assert ours.said() == [ONE_RETRY]


def test_the_environment_that_a_script_hands_over_stays_as_it_is(launcher: Scripts) -> None:
    """What is put in front is put there in a copy, and not where the run's variables are missing."""
    launcher.write(
        "parent.py",
        """
        import os, subprocess, sys
        env = {**os.environ, "PYTHONPATH": "launcher"}
        bare = {"PYTHONPATH": "launcher", "PATH": os.environ["PATH"]}
        show = [sys.executable, "-c", "import os; print('RESILIENCE_RUN' in os.environ, os.environ['PYTHONPATH'])"]
        subprocess.run(show, env=bare, check=True)
        subprocess.run(show, env=env, check=True, stdout=subprocess.DEVNULL)
        print(env["PYTHONPATH"], bare["PYTHONPATH"])
        """,
    )
    assert launcher.run("parent.py").out == "False launcher\nlauncher launcher\n"


def test_a_launcher_around_the_run_has_its_turn(launcher: Scripts) -> None:
    """A sitecustomize that was there before the run is called, as Python would have called it."""
    launcher.environ["PYTHONPATH"] = str(launcher.folder / "launcher")
    assert launcher.run("child.py").out == "1 sensors\n"


NO_EXPORT = ("--traces_exporter", "none", "--metrics_exporter", "none", "--logs_exporter", "none")


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_opentelemetry_instrument_works_on_either_side(side: str, clients: Scripts, cloud: Sandbox) -> None:
    """The script is covered, whichever of the two begins."""
    cloud.script("CreateTopic", "RequestLimitExceeded")
    clients.write("script.py", "from clients import *\nprint(make_topic())\n")
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    if side == "inside":
        ours = clients.run("--", instrument, *NO_EXPORT, sys.executable, "script.py")
    else:
        ours = clients.command([instrument, *NO_EXPORT, *clients.arguments("script.py")])
    assert (ours.code, ours.out) == (0, "sensors\n")
    assert ours.said() == [ONE_RETRY]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param(["sh", "deploy.sh"], 0, id="shell"),
        pytest.param(["--", "sh", "deploy.sh"], 0, id="marked"),
        pytest.param(["--", "sh", "-c", "sh deploy.sh; exit 7"], 7, id="exit-code"),
        pytest.param(["--", "sh", "-c", "sh deploy.sh; kill -TERM $$"], 143, id="signal"),
        pytest.param(["--", "env", "X=1", sys.executable, "script.py"], 0, id="env"),
        pytest.param(["./deploy.sh"], 0, id="executable"),
    ],
)
def test_any_command_runs_under_a_policy(command: list[str], code: int, clients: Scripts, cloud: Sandbox) -> None:
    """The Pythons that it starts are covered, the exit code is its own, and there is one summary."""
    cloud.script("CreateTopic", "RequestLimitExceeded")
    clients.write("script.py", "from clients import *\nprint(make_topic())\n")
    clients.write("deploy.sh", f"#!/bin/sh\nset -e\n{sys.executable} script.py\n").chmod(0o755)
    ours = clients.run(*command)
    assert (ours.code, ours.out) == (code, "sensors\n")
    assert ours.said() == [ONE_RETRY]


def test_a_command_has_its_standard_input(clients: Scripts) -> None:
    """What is piped in arrives."""
    assert clients.run("--", "cat", text="piped").out == "piped"


def test_a_command_without_a_python_is_said(clients: Scripts) -> None:
    """Nobody takes a run that covered nothing for one without calls."""
    assert clients.run("--", "true").said() == [
        "resilience: no management calls; policy running",
        "resilience: the command has started no Python that could be put under the policy",
    ]


def test_a_python_of_another_installation_is_said(clients: Scripts) -> None:
    """It comes past our start, and the summary names it."""
    other = Path(sys.base_prefix) / "bin" / "python3"
    assert sys.prefix != sys.base_prefix, "the tests run in a virtual environment"
    said = clients.run("--", str(other), "-c", "pass").said()
    assert len(said) == 2
    assert said[1].startswith("resilience: a Python of another installation was not under the policy: ")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(["deploy.sh"], "deploy.sh is no Python script, and it cannot be executed", id="shell"),
        pytest.param(["--", "nosuchprogram"], "neither a file nosuchprogram nor a program of that name", id="typo"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_starts(command: list[str], said: str, clients: Scripts) -> None:
    """Exit code 2, and no traceback of Python's about a shell script."""
    clients.write("deploy.sh", "echo deploying\n")
    ours = clients.run(*command)
    assert (ours.code, ours.out) == (2, "")
    assert said in " ".join(ours.err.split())


ENDINGS = {
    "sleep": "import time\ntry:\n    wait(); time.sleep(60)\nfinally:\n    print('cleaned up')",
    "asyncio": (
        "import asyncio\nasync def main():\n    try:\n        wait(); await asyncio.sleep(60)\n"
        "    finally:\n        print('cleaned up')\nasyncio.run(main())"
    ),
    "trio": (
        "import trio\nasync def main():\n    try:\n        wait(); await trio.sleep(60)\n"
        "    finally:\n        print('cleaned up')\ntrio.run(main)"
    ),
    "thread-at-work": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "try:\n    wait(); time.sleep(60)\nfinally:\n    print('cleaned up')"
    ),
}


def terminated(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Send SIGTERM when the script says that it waits; return how it ended."""
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_sigterm_ends_a_script_as_ctrl_c_does(ending: str, clients: Scripts) -> None:
    """It can clean up, the summary is said, and the process dies of the signal: 143 for a shell."""
    clients.write(
        "script.py",
        f"from clients import *\nmake_topic()\ndef wait():\n    print('waiting', flush=True)\n{ending}\n",
    )
    code, out, err = terminated(clients.start("script.py"))
    assert (code, out) == (-signal.SIGTERM, "cleaned up\n")
    assert err == "resilience: 1 call; policy running\n"


LATE = {
    "exit-function": "import atexit\natexit.register(wait)",
    "last-thread": "threading.Thread(target=time.sleep, args=(1,)).start()\nprint('waiting', flush=True)",
}


@pytest.mark.parametrize("end", LATE.values(), ids=LATE)
def test_sigterm_after_the_last_line_of_a_script_is_quiet(end: str, clients: Scripts) -> None:
    """No traceback of an interrupt that nobody has pressed, and the summary all the same."""
    clients.write(
        "script.py",
        f"import threading, time\nfrom clients import *\nmake_topic()\n"
        f"def wait():\n    print('waiting', flush=True)\n    time.sleep(60)\n{end}\n",
    )
    code, _, err = terminated(clients.start("script.py"))
    assert (code, err) == (-signal.SIGTERM, "resilience: 1 call; policy running\n")


def test_a_handler_of_the_scripts_own_decides_what_sigterm_does(clients: Scripts) -> None:
    """As under plain Python."""
    clients.write(
        "script.py",
        """
        import signal, sys, time
        from clients import *
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        make_topic()
        print("waiting", flush=True)
        time.sleep(60)
        """,
    )
    code, _, err = terminated(clients.start("script.py"))
    assert (code, err) == (7, "resilience: 1 call; policy running\n")


def test_sigterm_reaches_what_a_command_has_started(clients: Scripts) -> None:
    """Not the shell alone: the script below it cleans up, and the summary comes after that."""
    clients.write(
        "script.py",
        """
        import time
        from clients import *
        make_topic()
        try:
            print("waiting", flush=True)
            time.sleep(60)
        finally:
            print("cleaned up", flush=True)
        """,
    )
    code, out, err = terminated(clients.start("--", "sh", "-c", f"{sys.executable} script.py; echo not here"))
    assert (code, out) == (143, "cleaned up\n")
    assert err.splitlines()[-1] == "resilience: 1 call; policy running"


@pytest.mark.parametrize("when", ["after-a-call", "twice", "never-asked"])
def test_a_tracer_provider_that_is_set_late_is_the_scripts_own(when: str, clients: Scripts) -> None:
    """It is not refused, it gets the script's spans and those of later calls, and nobody is warned."""
    if when != "never-asked":
        clients.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    clients.write(
        "script.py",
        f"""
        from clients import *
        from opentelemetry import trace, metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        make_topic("first")
        memory, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(provider)
        metrics.set_meter_provider(MeterProvider())
        if {when == "twice"}:
            make_topic("between")
            trace.set_tracer_provider(TracerProvider())
        with trace.get_tracer("script").start_as_current_span("mine"):
            make_topic("second")
        print([span.name for span in memory.get_finished_spans()][-3:], trace.get_tracer_provider() is provider)
        """,
    )
    ours = clients.run("script.py")
    assert ours.out == "['attempt CreateTopic', 'CreateTopic', 'mine'] True\n"
    refused = ours.err.count("Overriding of current TracerProvider is not allowed")
    assert refused == (when == "twice"), ours.err
    assert "Transient error" not in ours.err


def test_a_collector_that_is_away_costs_little_and_comes_after_the_summary(clients: Scripts) -> None:
    """One line says it, and it is the last; without a limit, the exporters would try for ten seconds each."""
    clients.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    clients.write(
        "script.py",
        """
        import atexit, time
        from clients import *
        make_topic()
        print(time.time(), flush=True)
        """,
    )
    ours = clients.run("script.py")
    took = time.time() - float(ours.out)
    assert ours.err.splitlines() == [
        "resilience: 1 call; policy running",
        "resilience: not all telemetry could be sent: nothing answers where the OTEL_ variables point",
    ]
    assert took < 8


PROXIES = {
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "nonsense",
    "ALL_PROXY": "socks5h://127.0.0.1:9",
    "no_proxy": "example.com",
}


def test_proxies_do_not_reach_what_a_sandbox_serves(scripts: Scripts) -> None:
    """A command finds none of them in its environment, and Alibaba's SDK, which knows no exceptions, gets through."""
    scripts.environ.update(PROXIES)
    scripts.write(
        "script.py",
        """
        import os
        from alibabacloud_onsmqtt20200420 import models
        from alibabacloud_onsmqtt20200420.client import Client
        from alibabacloud_tea_openapi.models import Config
        id, secret = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
        keys = dict(access_key_id=id, access_key_secret=secret)
        client = Client(Config(**keys, endpoint=os.environ["ALIBABA_MQTT_ENDPOINT"], protocol="HTTP"))
        request = models.CreateGroupIdRequest(group_id="GID_abc", instance_id=os.environ["ALIBABA_MQTT_INSTANCE"])
        print(client.create_group_id(request).status_code, [name for name in os.environ if "proxy" in name.lower()])
        """,
    )
    ours = scripts.command([sys.executable, "-m", "resilience", "sandbox", "--", sys.executable, "script.py"])
    assert ours.out == "200 ['no_proxy']\n"


def test_a_run_leaves_the_scripts_own_proxies_alone(clients: Scripts) -> None:
    """Who reaches the cloud through a proxy goes on doing so."""
    clients.environ.update(PROXIES)
    clients.write("script.py", f"import os\nprint([os.environ[name] for name in {list(PROXIES)}])\n")
    assert clients.run("script.py").out == f"{list(PROXIES.values())}\n"


def test_a_shell_is_told_to_forget_its_proxies(scripts: Scripts) -> None:
    """The lines to paste would lead nowhere otherwise."""
    scripts.environ.update(PROXIES)
    process = scripts.popen([sys.executable, "-m", "resilience", "sandbox"])
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any(line.startswith("unset http_proxy HTTPS_PROXY ALL_PROXY") for line in lines)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


CLOCKS = {
    "freezegun": "import freezegun\nclock = freezegun.freeze_time('2026-01-01')",
    "freezegun-in-steps": "import freezegun\nclock = freezegun.freeze_time('2026-01-01', auto_tick_seconds=15)",
    "time-machine": "import time_machine\nclock = time_machine.travel('2026-01-01', tick=False)",
}


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
def test_a_stopped_clock_ends_no_call_late(clock: str, scripts: Scripts) -> None:
    """
    Deadlines and limits of attempts are those of the real clock, in threads and on both event loops.

    How many attempts fit in depends on the machine, how long they take at least does not; nothing stops ``os.times``.
    """
    scripts.write(
        "script.py",
        f"""
        import os
        import anyio
        {clock.replace(chr(10), chr(10) + "        ")}
        from resilience import Executor, Policy, ServiceError, SyncExecutor
        policy = Policy.loads('''
        schema = 1
        limits = {{ deadline = "250ms", attempt_timeout = "100ms", max_attempts = 100 }}
        backoff.default = {{ kind = "constant", base = "50ms", jitter = "none" }}
        rules.acme = {{ BUSY = "retry" }}
        rules.transport.acme = {{ lost = "retry" }}
        operations.acme = {{ List = "safe" }}
        ''')
        def fail():
            raise ServiceError("BUSY")
        async def busy():
            raise ServiceError("BUSY")
        async def hang():
            await anyio.sleep_forever()
        def show(outcome, began):
            print(outcome.stop_reason, len(outcome.attempts) <= 6, os.times().elapsed - began > 0.18)
        async def main():
            executor = Executor(policy, provider="acme")
            for function in (busy, hang):
                wrapped = executor.wrap("List", function)
                for _ in range(2):
                    began = os.times().elapsed
                    show(await wrapped.outcome(), began)
        with clock:
            began = os.times().elapsed
            show(SyncExecutor(policy, provider="acme").wrap("List", fail).outcome(), began)
            for backend in ("asyncio", "trio"):
                anyio.run(main, backend=backend)
        """,
    )
    assert scripts.plain("script.py").out == "deadline True True\n" * 9
