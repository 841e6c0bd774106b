"""
What loading a policy costs, against parsing the same text.

To see it::

    python tests/benchmarks/policy_load.py [--rounds 200]

Policies and their texts are timed in turns, so that noise meets both alike. Each line
shows the best time of both, the ratio of these, and the median of the rounds' own ratios.
The three shipped files stand for "the same text" of the policy that extends two of them.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import tomli
from attrs import frozen

from resilience.policyfile import Policy

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = ("alibaba-mqtt", "tencent-mqtt", "provisioning")

HEAD = 'schema = 1\nname = "benchmark"\n\n[limits]\ndeadline = "2m"\n\n[rules.alibaba]\n'
COMMENT = (
    "# Why this code is answered as it is, in as many words as an operator needs at night.\n"
    '# Source: ApsaraMQ for MQTT, "Error codes", read 2026-11-21.\n'
)
ANSWERS = ('"fail"', '"retry"', '{ do = "retry", backoff = "default", effect = "unknown" }', '"refresh"')


@frozen
class Subject:
    """One policy: how it is loaded, and the texts that it is made of."""

    name: str
    load: Callable[[], Policy]
    texts: tuple[str, ...]
    rounds: float = 1.0


def rules(count: int, *, comment: str = "", mixed: bool = False) -> str:
    """Return a policy of so many rules; mixed ones have operations, dots and tables."""
    entries = []
    for number, answer in enumerate(islice(cycle(ANSWERS if mixed else ANSWERS[:1]), count)):
        code = f"Code{number}"
        if mixed:
            code = f"CreateGroupId/{code}" if number % 3 == 0 else f"Code.Sub{number}"
        entries.append(f'{comment}"{code}" = {answer}\n')
    return HEAD + "".join(entries)


def subjects(folder: Path) -> list[Subject]:
    """Return what is measured; files are written to a folder."""
    shipped = tuple((POLICIES / f"{name}.toml").read_text(encoding="utf-8") for name in SHIPPED)
    fifty = rules(50, comment=COMMENT, mixed=True)
    bare, mixed = rules(10_000), rules(10_000, mixed=True)
    (folder / "fifty.toml").write_text(fifty, encoding="utf-8")
    for name, text in zip(SHIPPED, shipped, strict=True):
        local = text.replace('"builtin:alibaba-mqtt"', '"alibaba-mqtt.toml"')
        (folder / f"{name}.toml").write_text(local.replace('"builtin:tencent-mqtt"', '"tencent-mqtt.toml"'), "utf-8")
    provisioning = folder / "provisioning.toml"
    return [
        Subject(f"50 rules, {len(fifty) / 1024:.0f} KiB, text", partial(Policy.loads, fifty), (fifty,)),
        Subject(f"50 rules, {len(fifty) / 1024:.0f} KiB, file", partial(Policy.load, folder / "fifty.toml"), (fifty,)),
        Subject("builtin:provisioning, prod", partial(Policy.load, "builtin:provisioning", env="prod"), shipped),
        Subject("the same as own files", partial(Policy.load, provisioning, env="prod"), shipped),
        Subject("10,000 bare rules", partial(Policy.loads, bare), (bare,), 1 / 20),
        Subject("10,000 mixed rules", partial(Policy.loads, mixed), (mixed,), 1 / 20),
    ]


def seconds(action: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(subject: Subject, rounds: int) -> str:
    """Return the line about one policy."""
    ours, theirs = [], []
    gc.collect()
    for _ in range(max(5, int(rounds * subject.rounds))):
        ours.append(seconds(subject.load))
        theirs.append(seconds(lambda: [tomli.loads(text) for text in subject.texts]))
    best = min(theirs)
    median = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    return f"{subject.name:<28} {min(ours) * 1e3:8.3f} ms {best * 1e3:8.3f} ms {min(ours) / best:6.2f} {median:6.2f}"


def main() -> None:
    """Print one line for each policy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200, help="rounds for small policies (default %(default)s)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        sys.stdout.write(f"{'policy':<28} {'load':>11} {'tomli':>11} {'ratio':>6} {'median':>6}\n")
        for subject in subjects(folder):
            sys.stdout.write(measure(subject, options.rounds) + "\n")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
