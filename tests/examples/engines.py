"""
Runs the examples of engines that are too heavy for all tests: each in an environment of its own, from PyPI.

    python tests/examples/engines.py [celery] [ray] [restate] [temporal] [--folder FOLDER]

Celery's broker is a real redis-server, from the machine or from Debian's packages. Ray runs as one cluster on this
machine, and a worker of it is killed. Restate's server comes from npm; its worker is killed in the middle, and started
again. Temporal has no server here: its activity runs in its SDK's test environment.
Prints a line for each; the exit code is 0 if each made everything once. ``--folder`` keeps the environments.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from servers.processes import free_port, is_open, until  # noqa: E402  # the path is set above
from servers.redis import redis_server  # noqa: E402  # likewise

EXAMPLES: Final = ROOT / "examples" / "engines"
PACKAGES: Final = {
    "celery": ("celery", "redis", "packaging"),
    "ray": ("ray",),
    "restate": ("restate-sdk", "hypercorn"),
    "temporal": ("temporalio",),
}
SERVER: Final = "@restatedev/restate-server"


def python_with(engine: str, folder: Path) -> str:
    """Return a Python that has an engine and this library."""
    python = folder / engine / "bin" / "python"
    if not python.exists():
        venv.create(folder / engine, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-q", "-e", str(ROOT), *PACKAGES[engine]]
        subprocess.run(install, check=True, stderr=subprocess.DEVNULL)  # noqa: S603  # pip
    return str(python)


def celery(python: str, environ: Mapping[str, str]) -> int:
    """Run a worker with two processes, and give it the chunks."""
    with redis_server() as server:
        env = {**environ, "BROKER": server.url}
        words = ["-m", "celery", "--app", "celery_tasks", "worker", "--concurrency", "2", "--loglevel", "WARNING"]
        with subprocess.Popen([python, *words], cwd=EXAMPLES, env=env) as worker:  # noqa: S603  # the example
            try:
                return call(python, env, "celery_tasks.py")
            finally:
                worker.terminate()


def ray(python: str, environ: Mapping[str, str]) -> int:
    """Start a cluster, and kill a worker."""
    return call(python, {**environ, "RAY_AUTH_MODE": "disabled"}, "ray_tasks.py", "--kill")


def restate(python: str, environ: Mapping[str, str]) -> int:
    """Run a server and a worker, and kill the worker when it has made some of the bridges."""
    folder = Path(python).parents[1]
    npm = ["npm", "install", "--silent", "--no-save", "--prefix", str(folder), SERVER]
    subprocess.run(npm, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # npm
    ingress, admin, node, port = (free_port() for _ in range(4))
    env = {
        **environ,
        "RESTATE": f"http://127.0.0.1:{ingress}",
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{node}",
        "RESTATE_BASE_DIR": f"{environ['BRIDGES']}.restate",
        "RESTATE_LOG_FILTER": "error",
    }
    work = [python, "-m", "hypercorn", "--bind", f"127.0.0.1:{port}", "restate_service:app"]
    words: Any = {"cwd": EXAMPLES, "env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with ExitStack() as stack:

        def start(command: list[str]) -> subprocess.Popen[bytes]:
            running = stack.enter_context(subprocess.Popen(command, start_new_session=True, **words))  # noqa: S603
            stack.callback(end, running)
            return running

        server = start([str(folder / "node_modules" / ".bin" / "restate-server")])
        worker = start(work)
        for each, process in ((admin, server), (ingress, server), (port, worker)):
            until(partial(is_open, each), process)
        about = json.dumps({"uri": f"http://127.0.0.1:{port}"}).encode()
        urlopen(Request(f"http://127.0.0.1:{admin}/deployments", about, {"content-type": "application/json"})).close()
        made = Path(environ["BRIDGES"])
        with subprocess.Popen([python, "restate_service.py"], cwd=EXAMPLES, env=env) as asking:  # noqa: S603
            while asking.poll() is None and not (made.exists() and made.read_bytes().count(b"\n") > 5):
                time.sleep(0.01)
            end(worker)
            start(work)
            return asking.wait(timeout=120)


def end(running: subprocess.Popen[bytes]) -> None:
    """Kill a process and its own."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def temporal(python: str, environ: Mapping[str, str]) -> int:
    """Run the activities."""
    return call(python, environ, "temporal_activity.py")


def call(python: str, environ: Mapping[str, str], *words: str) -> int:
    """Run an example; return its exit code."""
    return subprocess.run([python, *words], cwd=EXAMPLES, env=environ, check=False, timeout=300).returncode  # noqa: S603


RUNS: Final[Mapping[str, Callable[[str, Mapping[str, str]], int]]] = {
    "celery": celery,
    "ray": ray,
    "restate": restate,
    "temporal": temporal,
}


def main() -> int:
    """Run them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("engines", nargs="*", choices=[*RUNS, []], default=[])
    parser.add_argument("--folder", type=Path)
    wanted = parser.parse_args()
    codes = {}
    with tempfile.TemporaryDirectory(prefix="engines-") as name:
        for engine in wanted.engines or RUNS:
            python = python_with(engine, wanted.folder or Path(name))
            codes[engine] = RUNS[engine](python, {**os.environ, "BRIDGES": str(Path(name) / f"{engine}-bridges")})
            print(f"{engine}: exit code {codes[engine]}", flush=True)  # noqa: T201  # a report
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(main())
