"""
Runs the examples of engines that are too heavy for all tests: each in an environment of its own, from PyPI.

    python tests/examples/engines.py [celery] [ray] [temporal] [--folder FOLDER]

Celery's broker is a real redis-server, from the machine or from Debian's packages. Ray runs as one cluster on this
machine, and a worker of it is killed. Temporal has no server here: its activity runs in its SDK's test environment.
Prints a line for each; the exit code is 0 if each made everything once. ``--folder`` keeps the environments.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from servers.redis import redis_server  # noqa: E402  # the path is set above

EXAMPLES: Final = ROOT / "examples" / "engines"
PACKAGES: Final = {"celery": ("celery", "redis"), "ray": ("ray",), "temporal": ("temporalio",)}


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


def temporal(python: str, environ: Mapping[str, str]) -> int:
    """Run the activities."""
    return call(python, environ, "temporal_activity.py")


def call(python: str, environ: Mapping[str, str], *words: str) -> int:
    """Run an example; return its exit code."""
    return subprocess.run([python, *words], cwd=EXAMPLES, env=environ, check=False, timeout=300).returncode  # noqa: S603


RUNS: Final[Mapping[str, Callable[[str, Mapping[str, str]], int]]] = {
    "celery": celery,
    "ray": ray,
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
