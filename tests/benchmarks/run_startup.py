"""
What ``resilience run`` adds to the start of a script.

To see it::

    python tests/benchmarks/run_startup.py [--rounds 15]

Each script is run by plain Python and under a policy in turns, in an order that
changes, so that noise meets both alike. Shown are the medians of wall time and of
processor time, the median of the rounds' own differences, and how far the quickest
rounds of both are apart: what is left of it on a machine that does nothing else.
The import of an SDK is in both, so the difference leaves it out. Byte code is
written to a folder of its own first, as it is where a package is installed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attrs import frozen

SCRIPTS = {
    "nothing": "",
    "old Alibaba SDK": "import aliyunsdkcore.client",
    "Tencent SDK": "import tencentcloud.mqtt.v20240516.mqtt_client",
    "new Alibaba SDK": "import alibabacloud_onsmqtt20200420.client",
}

UNDER_A_POLICY = ["-m", "resilience", "run", "--quiet", "--policy", "builtin:provisioning", "--env", "prod"]


@frozen
class Took:
    """Seconds that a process took, by the clock and of a processor."""

    wall: float
    processor: float


def run(arguments: list[str], environ: dict[str, str]) -> Took:
    """Run Python to its end."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], env=environ)  # noqa: S603  # this very interpreter
    _, status, usage = os.wait4(child.pid, 0)
    took = Took(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(arguments)}: exit code {child.returncode}")
    return took


def measure(folder: Path, rounds: int) -> None:
    """Print a line for each script."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(folder / "cache")
    subjects = []
    for name, text in SCRIPTS.items():
        script = folder / f"{name.replace(' ', '_')}.py"
        script.write_text(text, encoding="utf-8")
        subjects.append((name, str(script)))
    ways = [(name, way) for name, script in subjects for way in ([script], [*UNDER_A_POLICY, script])]
    took: dict[tuple[str, int], list[Took]] = {}
    for number in range(rounds + 1):
        for name, way in random.sample(ways, len(ways)):
            one = run(way, environ)
            if number:  # the first writes byte code
                took.setdefault((name, len(way)), []).append(one)
    columns = f"{'plain':>16} {'run':>16} {'added':>16} {'at best':>16}"
    sys.stdout.write(f"{'script':<17} {columns}   wall, processor (ms)\n")
    for name, _ in subjects:
        plain, ours = took[name, 1], took[name, 1 + len(UNDER_A_POLICY)]
        best = differences([quickest(ours)], [quickest(plain)])
        sys.stdout.write(f"{name:<17} {line(plain)} {line(ours)} {line(differences(ours, plain))} {line(best)}\n")


def differences(ours: list[Took], plain: list[Took]) -> list[Took]:
    """Return what each round took more."""
    pairs = zip(ours, plain, strict=True)
    return [Took(one.wall - other.wall, one.processor - other.processor) for one, other in pairs]


def quickest(took: list[Took]) -> Took:
    """Return the least of both times."""
    return Took(min(each.wall for each in took), min(each.processor for each in took))


def line(took: list[Took]) -> str:
    """Return both medians in milliseconds."""
    wall, processor = (statistics.median(getattr(each, name) for each in took) for name in ("wall", "processor"))
    return f"{wall * 1e3:7.0f} {processor * 1e3:8.0f}"


def main() -> None:
    """Measure in a folder of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        measure(folder, options.rounds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
