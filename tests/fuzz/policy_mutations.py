"""
Damage of all kinds done to policies, and what must hold for each damaged text.

The tests beside this module do so for a moment. For as long as you like::

    python tests/fuzz/policy_mutations.py --count 1000000 --seed 1

It ends with the number of mutants by outcome, or with the first text that
breaks a promise, written to ``mutant.toml`` in the current directory.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.format.shared_limits import BREAKER, BUDGET, RATE
from resilience.policyfile.format.tables import (
    ACTION,
    BACKOFF,
    CREDENTIALS,
    FILE_ONLY,
    LIMITS,
    NAMED,
    RULE,
    SOURCE,
    TABLES,
    TELEMETRY,
    TOP,
)
from resilience.policyfile.messages.problems import Problem

ROOT = Path(__file__).parents[2]

WORDS = sorted(
    {
        *(*ACTION, *BACKOFF, *CREDENTIALS, *FILE_ONLY, *LIMITS, *NAMED, *RULE, *SOURCE, *TABLES, *TELEMETRY),
        *(*BREAKER, *BUDGET, *RATE, *TOP),
    }
)
KEYS = [
    *WORDS,
    *(
        "alibaba",
        "tencent",
        "transport",
        "acme",
        "acme",
        "POST",
        "default",
        "retry",
        "a",
        "A",
        "lost",
        "0",
        "http-503",
        "prod",
    ),
    *('""', '"A.B"', '"Create*/A"', '"*Group*/A"', '"*/*"', '"alibaba:CreateGroupId/A"', '"CreateGroupId/A"', '"/"'),
    *('"http-5xx"', '":"', '"%s"', '"A.*"', '"A..B"', "'lit'", '"\\u0041"', '"\\u4e2d"', '"secret"', '"a b"'),
]
VALUES: list[str] = [
    *(
        '"fail"',
        '"retry"',
        '"patient"',
        '"accept"',
        '"verify"',
        '"30s"',
        '"none"',
        '"list"',
        '"default"',
        '""',
        '"ours"',
    ),
    *("0", "-1", "1", "2", "2.5", "0.5", "nan", "-inf", "true", "false", "[]", "{}", "[[]]", '["1s"]', '["1s", 1]'),
    *('"json:code"', '"header:x"', '"POST /a/{b}"', '"GET /a/{b}"', '"GET /a"', '["a:80"]', '"json:"', '"GET a"'),
    *('"10/s"', '"0/s"', '"60/m"', '"ratio"', '"shadow"'),
    *("07:32:00", "07:32", "1979-05-27", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "0xff", "1_000", "1e999"),
    *("9" * 30, "0x" + "f" * 5000, "9" * 5000, '"' + "9" * 500 + 's"', '"""\nx"""', "'''x'''", '"\\u0000"', '"\\e"'),
    *('{ do = "retry" }', '{ do = "patient" }', "{ do = 1 }", '{ do = "accept", if = "always", as = "dry_run" }'),
    *('{ do = "retry", max = 1, counts = true }', '{ do = "retry", max = true }', '{ do = "retry", counts = 1 }'),
    *(
        '{ do = "rename", pattern = "{n}" }',
        '{ do = "rename", pattern = {} }',
        "{ B = { C = { D = 1 } } }",
        "{ a = 1, }",
    ),
    *(
        '{ do = "fail", effect = "unknown" }',
        '{ effect = "none" }',
        '"LTAI5tAbCdEfGh1234567890"',
        '["builtin:nothing"]',
    ),
]
CHARACTERS: list[str] = [
    *"ab.=[]{}\"'\\\n\r\t\x00\x1b\x7f# 1,-_:/*%",
    "\r\n",
    "\ufeff",
    "\u6d4b",
    "\U0001f600",
    "\u202e",
    "\u0301",
]
ODD: list[str] = [*CHARACTERS, "\ud800", "\u2028", "\x85", '"""', "'''", "[[", "]]", "\\u12", "\\"]

_TOKEN = re.compile(r'"[^"\n]*"|[\w.+-]+|[=\[\]{},]')
_ENTRY = re.compile(r"^([^#=\n]+?)( *= *)([^\n]+)$", re.MULTILINE)
_HEADER = re.compile(r"^\[+([^\]\n]*)\]+$", re.MULTILINE)

Mutator = Callable[[str, random.Random], str]


@frozen
class Seed:
    """A text to start from, and the directory that it extends from."""

    name: str
    text: str
    base: Path


def seeds() -> tuple[Seed, ...]:
    """Return the shipped policies and everything under ``tests/data``."""
    policies = [path for path in (ROOT / "policies").glob("*.toml") if not path.name.endswith(".test.toml")]
    files = [*policies, *(ROOT / "tests" / "data").glob("*valid/*.toml")]
    return tuple(Seed(path.stem, path.read_text(encoding="utf-8"), path.parent) for path in sorted(files))


def _somewhere(text: str, chance: random.Random) -> int:
    return chance.randrange(len(text) + 1)


def flip(text: str, chance: random.Random) -> str:
    """Change one bit of one byte; what is no UTF-8 then becomes a replacement character."""
    content = bytearray(text.encode("utf-8", "replace") or b" ")
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content.decode("utf-8", "replace")


def cut(text: str, chance: random.Random) -> str:
    """Lose some characters."""
    start = _somewhere(text, chance)
    return text[:start] + text[start + chance.choice([1, 1, 2, 5, 20, 100]) :]


def double(text: str, chance: random.Random) -> str:
    """Repeat some characters."""
    start = _somewhere(text, chance)
    stop = start + chance.choice([1, 2, 5, 20, 100])
    return text[:stop] + text[start:stop] + text[stop:]


def insert(text: str, chance: random.Random) -> str:
    """Put something odd anywhere."""
    start = _somewhere(text, chance)
    times: int = chance.choice([1, 1, 1, 2, 3])
    return text[:start] + chance.choice(ODD) * times + text[start:]


def swap_tokens(text: str, chance: random.Random) -> str:
    """Exchange two words."""
    tokens = list(_TOKEN.finditer(text))
    if not tokens:
        return text
    one, two = sorted(chance.choices(tokens, k=2), key=lambda match: match.start())
    if one.end() > two.start():
        return text
    return text[: one.start()] + two.group() + text[one.end() : two.start()] + one.group() + text[two.end() :]


def _replace(text: str, chance: random.Random, pattern: re.Pattern[str], group: int, words: list[str]) -> str:
    matches = list(pattern.finditer(text))
    if not matches:
        return text + "\n" + chance.choice(words)
    match = chance.choice(matches)
    return text[: match.start(group)] + chance.choice(words) + text[match.end(group) :]


def retype(text: str, chance: random.Random) -> str:
    """Give a key a value of any type."""
    return _replace(text, chance, _ENTRY, 3, VALUES)


def rename(text: str, chance: random.Random) -> str:
    """Give a value another key."""
    return _replace(text, chance, _ENTRY, 1, KEYS)


def rehead(text: str, chance: random.Random) -> str:
    """Put entries under another table."""
    return _replace(text, chance, _HEADER, 0, [header(chance) for _ in range(3)])


def header(chance: random.Random) -> str:
    """Return a header for a table that may mean something."""
    path = ".".join(chance.choices(KEYS, k=chance.choice([1, 2, 2, 3, 4])))
    path = f"env.{chance.choice(['prod', 'dev', 'new'])}.{path}" if chance.random() < 1 / 3 else path
    return f"[[{path}]]" if chance.random() < 1 / 10 else f"[{path}]"


def line(chance: random.Random) -> str:
    """Return an entry, with a dotted key now and then."""
    key = ".".join(chance.choices(KEYS, k=chance.choice([1, 1, 1, 2, 3])))
    return f"{key} = {chance.choice(VALUES)}"


def _with_lines(text: str, chance: random.Random, change: Callable[[list[str], int], None]) -> str:
    lines = text.split("\n")
    change(lines, chance.randrange(len(lines)))
    return "\n".join(lines)


def lose_line(text: str, chance: random.Random) -> str:
    """Lose a line."""
    return _with_lines(text, chance, lambda lines, number: lines.__delitem__(number))


def move_line(text: str, chance: random.Random) -> str:
    """Put a line into another place."""
    return _with_lines(
        text, chance, lambda lines, number: lines.insert(chance.randrange(len(lines)), lines.pop(number))
    )


def double_line(text: str, chance: random.Random) -> str:
    """Write a line twice, in two places: a table or a key that comes again."""
    return _with_lines(
        text, chance, lambda lines, number: lines.insert(chance.randrange(len(lines) + 1), lines[number])
    )


def add_line(text: str, chance: random.Random) -> str:
    """Add an entry or a header."""
    new = header(chance) if chance.random() < 1 / 2 else line(chance)
    return _with_lines(text, chance, lambda lines, number: lines.insert(number, new))


def add_table(text: str, chance: random.Random) -> str:
    """Add a table at the end, which often redefines what is there."""
    return "\n".join([text, header(chance), *(line(chance) for _ in range(chance.randrange(4)))])


def into_environment(text: str, chance: random.Random) -> str:
    """Move a table into an environment, so that it redefines what is left."""
    headers = list(_HEADER.finditer(text))
    if not headers:
        return text
    match = chance.choice(headers)
    return text[: match.start(1)] + f"env.{chance.choice(['prod', 'dev'])}." + text[match.start(1) :]


def everything_again(text: str, _chance: random.Random) -> str:
    """Add an environment that says everything again."""
    first = _HEADER.search(text)
    tables = "" if first is None else text[first.start() :]
    return text + "\n" + re.sub(r"^\[(?!env\b|\[)", "[env.again.", tables, flags=re.MULTILINE)


def other_ends(text: str, chance: random.Random) -> str:
    """Write the ends of lines, or the end of the file, as others do."""
    texts = [
        text.replace("\n", "\r\n"),
        text.replace("\n", "\r"),
        "\ufeff" + text,
        "\ufeff\ufeff" + text,
        text.rstrip("\n"),
        text + "\n\n\r\n",
        text[: _somewhere(text, chance)],
        text.replace("\n", "\n\n"),
    ]
    return chance.choice(texts)


MUTATORS: tuple[Mutator, ...] = (
    *(flip, cut, double, insert, swap_tokens, retype, retype, retype, rename, rename, rehead, lose_line, move_line),
    *(double_line, add_line, add_line, add_table, into_environment, everything_again, other_ends),
)


def mutant(seed: Seed, chance: random.Random) -> str:
    """Return a text with one to four kinds of damage."""
    text = seed.text
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 4])):
        text = chance.choice(MUTATORS)(text, chance)
    return text


def outcome(text: str, base: Path, env: str | None) -> Policy | tuple[Problem, ...]:
    """Return what loading a text comes to; any other exception leaves."""
    try:
        return Policy.loads(text, env=env, base=base)
    except PolicyError as error:
        return error.problems


def examine(text: str, base: Path, env: str | None) -> str:
    """
    Hold a text against every promise, and return what became of it: ``policy`` or ``problems``.

    Raises:
        AssertionError: A promise is broken. Any other exception breaks the first one.
    """
    found = outcome(text, base, env)
    if isinstance(found, Policy):
        return "policy"
    assert found, "no problem is named"
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    # Where nothing else ends a line, carriage returns do.
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    for problem in found:
        str(problem).encode("utf-8", "surrogatepass")
        if problem.file == "<string>":
            assert 1 <= problem.line <= len(lines), problem
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, problem
    return "problems"


def mutants(count: int, seed: int) -> Iterator[tuple[Seed, str, str | None]]:
    """Yield damaged texts, each with the environment to load it for; small files more often than large ones."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    starts = seeds()
    # A text that was wrong before it was damaged says less.
    weights = [(1 if start.base.name == "invalid" else 40) / (200 + len(start.text)) for start in starts]
    for start in chance.choices(starts, weights, k=count):
        yield start, mutant(start, chance), chance.choice([None, None, "prod", "dev", "again"])


def main() -> int:
    """Examine as many mutants as asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="how many mutants (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another number damages otherwise (default %(default)s)")
    options = parser.parse_args()
    os.environ.pop("RESILIENCE_ENV", None)
    counts: collections.Counter[str] = collections.Counter()
    for number, (start, text, env) in enumerate(mutants(options.count, options.seed)):
        try:
            counts[examine(text, start.base, env)] += 1
            if number % 16 == 0:
                assert outcome(text, start.base, env) == outcome(text, start.base, env), "another answer each time"
        except Exception as error:
            Path("mutant.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
            sys.stderr.write(f"mutant {number} of {start.name}, env {env}: {error!r}; see mutant.toml\n")
            raise
    sys.stdout.write(f"{options.count} mutants, seed {options.seed}: {dict(counts)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
