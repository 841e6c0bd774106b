"""
How do I provision ten thousand devices, as fast as the service allows, and again at no cost?

The sandbox plays the service in a process of its own, and refuses what comes faster than the vendor documents. Then
the commands are those that a user types, with the function in ``devices.py`` and the policy in ``fleet.toml``: what
would be made and how long it takes, the fleet, the fleet again, and a report. Needs the extra ``examples``, and a
minute or two::

    python examples/fleet/ten_thousand.py
    python examples/fleet/ten_thousand.py --devices 500

The service allows 500 credentials per second, and one address 300 calls per second before it is blocked, so the policy
sends 280. Nothing is written beside this file. With the real service, set the variables that ``devices.py`` reads, and
type the commands without the sandbox.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent


def main() -> int:
    """Play the service around this script, or run the commands under it."""
    parser = ArgumentParser(description="Provision devices in the sandbox.")
    parser.add_argument("--devices", type=int, default=10_000)
    devices = parser.parse_args().devices
    if "ALIBABA_MQTT_ENDPOINT" not in os.environ:
        again = [sys.executable, str(Path(__file__).resolve()), "--devices", str(devices)]
        return resilience("sandbox", "--documented-limits", "--", *again)
    with TemporaryDirectory() as folder:
        return provision(Path(folder), devices)


def resilience(*words: str) -> int:
    """Run a command beside this file; return its exit code."""
    return subprocess.run([sys.executable, "-m", "resilience", *words], cwd=HERE, check=False).returncode  # noqa: S603  # our own


def provision(folder: Path, devices: int) -> int:
    """Run the commands; return the first exit code that is not 0."""
    rows, ledger, journal = folder / "devices.csv", folder / "ledger.db", folder / "first.jsonl"
    names = (f"GID_sensors@@@device-{number:05}" for number in range(devices))
    rows.write_text("\n".join(["client_id", *names, ""]), encoding="utf-8")
    os.environ["CREDENTIALS"] = str(folder / "credentials.jsonl")
    fleet = ("devices:register", str(rows), "--policy", "fleet.toml", "--ledger", str(ledger))
    commands = (
        ("plan", *fleet),
        ("fleet", *fleet, "--journal", str(journal)),
        ("fleet", *fleet),
        ("plan", *fleet),
        ("report", str(journal)),
    )
    for command in commands:
        print(f"$ resilience {shlex.join(command).replace(f'{folder}/', '')}", flush=True)
        code = resilience(*command)
        if code:
            return code
    kept = {line.split('"')[3] for line in (folder / "credentials.jsonl").read_text(encoding="utf-8").splitlines()}
    print(f"{len(kept):,} devices have a credential")
    return 0


if __name__ == "__main__":
    sys.exit(main())
