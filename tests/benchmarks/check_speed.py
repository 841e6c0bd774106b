"""
What commands cost on very large policies, and how it grows with the policy.

To see it::

    python tests/benchmarks/check_speed.py [--count 10000] [--only ENV] [--commands check,load]

Each family is a policy of many things of one kind: of environments that say something of their own,
of rules, names, unknown keys and findings. Each command runs in a process of its own, once on half as
many things and once on all of them; told are the seconds of processor time (user and system), so that
a machine with other work tells the same, and the ratio of both, which is 2 where nothing grows faster
than the file. What takes more than the goal is marked.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

GOAL: Final = 3.0
"""The seconds that the slowest command may take on 10,000 things."""

HEAD: Final = 'schema = 1\nname = "large"\n\n[limits]\ndeadline = "2m"\n\n'
RULES: Final = '[rules.alibaba]\n"InternalError" = { do = "retry", effect = "none" }\n"SystemOverFlow" = "retry"\n\n'

Family = Callable[[int], str]


def environments(text: str, head: str = RULES) -> Family:
    """Return a family of environments, each with this text; ``{e}`` is the table, ``{n}`` the number."""
    return lambda count: HEAD + head + _each(text, count)


def lines(text: str, before: str = "", after: str = "", head: str = "") -> Family:
    """Return a family of lines in one table; ``{n}`` is the number."""
    return lambda count: HEAD + head + before + "\n" + _each(text, count) + after


def _each(text: str, count: int) -> str:
    return "".join(text.replace("{e}", f"env.e{n}").replace("{n}", str(n)) + "\n" for n in range(count))


def mixed(text: Iterable[str], before: str) -> Family:
    """Return a family of lines of several kinds in turns."""
    kinds = tuple(text)
    return lambda count: (
        HEAD + before + "\n" + "".join(kinds[n % len(kinds)].replace("{n}", str(n)) + "\n" for n in range(count))
    )


_ENVIRONMENTS: Final[Mapping[str, str]] = {
    "nothing": "[{e}]",
    "production": "[{e}]\nproduction = true",
    "limits": '[{e}.limits]\ndeadline = "{n}m"',
    "unknown": '[{e}]\nunknown = "verify"',
    "backoff": '[{e}.backoff.slow]\nbase = "2s"',
    "default backoff": '[{e}.backoff.default]\nbase = "2s"',
    "actions": '[{e}.actions.patient]\ndo = "retry"\nmax = 3',
    "rules": '[{e}.rules.alibaba]\n"Busy" = "retry"',
    "rules that the base has": '[{e}.rules.alibaba]\n"SystemOverFlow" = "fail"',
    "operations": '[{e}.operations.acme]\nDo{n} = "safe"',
    "sources": '[{e}.sources.acme]\ncode = "json:code"',
    "sources with operations": '[{e}.sources.acme.operations]\nMake = "POST /v1/{n}"',
    "credentials": '[{e}.credentials.alibaba]\ncool_down = "6s"',
    "ledger": '[{e}.ledger]\npath = "{n}.db"',
    "telemetry": '[{e}.telemetry]\njournal = "{n}.jsonl"',
    "chaos": '[{e}.chaos.alibaba]\n"InternalError" = { rate = 0.1 }',
    "several tables": (
        '[{e}]\nproduction = true\n[{e}.limits]\ndeadline = "{n}m"\n[{e}.backoff.slow]\nbase = "2s"\n'
        '[{e}.actions.patient]\ndo = "retry"\nbackoff = "slow"\n[{e}.rules.alibaba]\n"Busy" = "patient"\n'
        '[{e}.operations.acme]\nMake = "safe"'
    ),
    # Each of them is a finding.
    "rate": '[{e}.rate.alibaba]\ndefault = "100/s"',
    "lint": '[{e}.lint]\nignore = { RP033 = "so" }',
    "unknown keys": "[{e}]\nspeed = 1",
    "unknown keys in limits": '[{e}.limits]\ndead_line = "2m"',
    "wrong limits": "[{e}.limits]\nmax_attempts = 0",
    "wrong backoffs": '[{e}.backoff.slow]\nbase = "fast"',
    "wrong actions": '[{e}.actions.patient]\ndo = "rety"',
    "wrong rules": '[{e}.rules.alibaba]\n"Busy" = "pateint"',
    "wrong operations": '[{e}.operations.acme]\nMake = "save"',
    "wrong sources": '[{e}.sources.acme]\ncode = "xml:code"',
    "wrong credentials": '[{e}.credentials.alibaba]\ncool_down = "soon"',
    "wrong chaos": '[{e}.chaos.alibaba]\n"InternalError" = { rate = 2 }',
    "the plain value again": '[{e}.limits]\ndeadline = "2m"',
    "loosened limits": "[{e}.limits]\nmax_attempts = 9",
    "unused actions": '[{e}.actions.a{n}]\ndo = "retry"',
    "unknown codes": '[{e}.rules.alibaba]\n"SystemOverFlo" = "retry"',
    "permanent codes": '[{e}.rules.alibaba]\n"InvalidParameter" = "retry"',
    "secrets": '[{e}.credentials.alibaba]\naccess_key_secret = "LTAI1234567890abcdef"',
    "no tables": "[{e}]\nlimits = 1",
}

_FOLLOWERS: Final = '\n[rules.alibaba]\n"InternalError" = "retry"\n'

FAMILIES: Final[Mapping[str, Family]] = {
    **{f"env: {name}": environments(text) for name, text in _ENVIRONMENTS.items()},
    "env: limits, over shipped rules": lambda count: (
        'schema = 1\nname = "large"\nextends = ["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]\n'
        + _each('[{e}.limits]\ndeadline = "{n}m"', count)
    ),
    "env: rules, over shipped rules": lambda count: (
        'schema = 1\nname = "large"\nextends = ["builtin:alibaba-mqtt", "builtin:tencent-mqtt"]\n'
        + _each('[{e}.rules.alibaba]\n"SystemOverFlow" = "fail"', count)
    ),
    "rules": lines('"Code{n}" = "fail"', "[rules.alibaba]"),
    "rules, mixed": mixed(
        (
            '"Code{n}" = "fail"',
            '"CreateGroupId/Code{n}" = "retry"',
            '"Code{n}.Sub" = { do = "retry", backoff = "default", effect = "unknown" }',
            '"Code{n}" = "refresh"',
        ),
        "[rules.alibaba]",
    ),
    "rules, inline": lines('"Code{n}" = { do = "retry", max = {n} }', "[rules.acme]"),
    "rules for retry": lines('"Code{n}" = "retry"', "[rules.acme]"),
    "rules of a provider each": lines('[rules.p{n}]\n"Busy" = "retry"'),
    "rules of a described API": lines(
        '"Code{n}" = "retry"',
        '[sources.acme]\ncode = "json:code"\n[sources.acme.operations]\nMake = "POST /v1/things"\n[rules.acme]',
    ),
    "accepting rules": lines('"Code{n}" = "accept"', "[rules.alibaba]"),
    "renaming rules": lines('"Code{n}" = "rename"', "[rules.alibaba]"),
    "globs": lines('"Create{n}*/Busy" = "retry"', "[rules.acme]"),
    "globs of one code each": lines('"Create*/Code{n}" = "retry"', "[rules.alibaba]"),
    "operations of one code": lambda count: (
        HEAD
        + "[operations.acme]\n"
        + _each('Do{n} = "safe"', count // 2)
        + "[rules.acme]\n"
        + _each('"Do{n}/Busy" = "retry"', count // 2)
    ),
    "transport rules": lines('"Do{n}/lost" = "retry"', "[rules.transport.acme]"),
    "messages": lines('{ message = "text {n}", do = "retry" },', '[rules.alibaba]\n"InternalError" = [', '"fail"]\n'),
    "unknown keys": lines("key{n} = 1"),
    "unknown keys in an action": lines("key{n} = 1", '[actions.x]\ndo = "retry"'),
    "unknown tables": lines("[table{n}]\nkey = 1"),
    "actions": lines('[actions.a{n}]\ndo = "retry"\nmax = 3', after=_FOLLOWERS),
    "actions in use": lambda count: (
        HEAD
        + _each('[actions.a{n}]\ndo = "retry"\nmax = 3', count // 2)
        + "[rules.alibaba]\n"
        + _each('"Code{n}" = "a{n}"', count // 2)
    ),
    "wrong actions": lines('[actions.a{n}]\ndo = "rety"', after=_FOLLOWERS),
    "backoffs": lines('[backoff.b{n}]\nbase = "1s"', after=_FOLLOWERS),
    "backoffs in use": lambda count: (
        HEAD
        + _each('[backoff.b{n}]\nbase = "1s"', count // 2)
        + "[rules.alibaba]\n"
        + _each('"Code{n}" = { do = "retry", backoff = "b{n}" }', count // 2)
    ),
    "operations": lines('Do{n} = "safe"', "[operations.acme]", after=_FOLLOWERS),
    "operations in full": lines(
        'Do{n} = { repeat = "conflict", key = ["name"], requires = ["id"] }', "[operations.acme]", after=_FOLLOWERS
    ),
    "operations of a ledger": lines(
        'Do{n} = "conflict"', '[ledger]\npath = "l.db"\n[operations.acme]', after=_FOLLOWERS
    ),
    "operations of a provider": lines('Do{n} = "safe"', "[operations.alibaba]", after=_FOLLOWERS),
    "wrong operations": lines('Do{n} = "save"', "[operations.acme]", after=_FOLLOWERS),
    "sources": lines('[sources.p{n}]\ncode = "json:code"', after=_FOLLOWERS),
    "templates": lines('Do{n} = "POST /v1/{n}"', "[sources.acme.operations]", after=_FOLLOWERS),
    "credentials": lines('[credentials.p{n}]\ncool_down = "6s"', after=_FOLLOWERS),
    "chaos": lines('"Code{n}" = { rate = 0.0001 }', "[chaos.alibaba]", after=_FOLLOWERS),
    "unknown actions": lines('"Code{n}" = "pateint"', "[rules.alibaba]"),
    "unknown actions, each another": lines('"Code{n}" = "act{n}"', "[rules.alibaba]"),
    "unknown operations": lines('"Creat{n}Id/Busy" = "retry"', "[rules.alibaba]"),
    "wrong codes": lines('"Code{n}.*" = "retry"', "[rules.alibaba]"),
    "secrets": lines('secret{n} = "LTAI1234567890abcdef{n}"', "[credentials.alibaba]"),
    "look-alike codes": lines('"C\u043ede{n}" = "retry"', "[rules.alibaba]"),
    "extends": lambda count: (
        'schema = 1\nextends = ["builtin:common",\n'
        + _each('"gone{n}.toml",', count)
        + ']\n[limits]\ndeadline = "2m"\n'
    ),
    "accepted findings": lines('RP9{n} = "why"', "[lint.ignore]"),
    "comments": lines("# a comment, number {n}", after=_FOLLOWERS),
    "syntax errors": lines("key {n}", "[rules.alibaba]"),
}

_LOAD: Final = (
    "import sys; from resilience.policyfile import Policy, PolicyError\n"
    "try: Policy.load(sys.argv[1], env=sys.argv[2] or None)\n"
    "except PolicyError: pass"
)

COMMANDS: Final[Mapping[str, Callable[[str, str], list[str]]]] = {
    "check": lambda file, _: ["-m", "resilience", "check", file],
    "json": lambda file, _: ["-m", "resilience", "check", "--format", "json", file],
    "load": lambda file, env: ["-c", _LOAD, file, env],
    "diff": lambda file, env: [
        "-m",
        "resilience",
        "diff",
        file,
        *(["--env", env, "--env", "e1"] if env else ["small.toml"]),
    ],
    "explain": lambda file, env: [
        *("-m", "resilience", "explain", "alibaba:InternalError", "--policy", file),
        *(["--env", env] if env else []),
    ],
}


def seconds(arguments: list[str], folder: Path) -> float:
    """Return the processor time of one process of Python, user and system together."""
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([sys.executable, *arguments], stdout=out, stderr=out, cwd=folder)  # noqa: S603  # ours
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print a line for each family and command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="how many things (default %(default)s)")
    parser.add_argument("--only", default="", help="only the families with this in their names")
    parser.add_argument("--commands", default=",".join(COMMANDS), help="which (default %(default)s)")
    parser.add_argument("--goal", type=float, default=GOAL, help="seconds of processor time (default %(default)s)")
    options = parser.parse_args()
    names = options.commands.split(",")
    sys.stdout.write(f"{'family':<32}" + "".join(f"{name:>16}" for name in names) + "\n")
    folder = Path(tempfile.mkdtemp())
    (folder / "small.toml").write_text(HEAD + RULES, encoding="utf-8")
    try:
        for family, make in FAMILIES.items():
            if options.only not in family:
                continue
            env = "e0" if family.startswith("env:") else ""
            cells = []
            for name in names:
                took = []
                for count in (options.count // 2, options.count):
                    file = folder / "policy.toml"
                    file.write_text(make(count), encoding="utf-8")
                    took.append(seconds(COMMANDS[name](file.name, env), folder))
                mark = "!" if took[1] > options.goal else " "
                cells.append(f"{took[1]:9.2f}{mark} {took[1] / took[0]:4.1f}x")
            sys.stdout.write(f"{family:<32}" + "".join(cells) + "\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
