"""
One character or one line of a sound policy is damaged: everything else that is wrong in it is told all the same.

The test beside this module does so for a moment. For as long as you like::

    python tests/fuzz/policy_damage.py --count 100000 --seed 1
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

from resilience.policyfile import Policy, PolicyError

ROOT = Path(__file__).parents[2]
SECRET = "hunter2Secret!x"
PLANTED = f"""
[rules.planted]
Misspelled = "retyr"
Hidden = "{SECRET}"
[backoff.planted]
base = "planted-base"
"""
CHARACTERS = [*"\"'[]{}=,#.:;\\ \t$%<", "\x00", "\r", "\u00a0", "\u201c", '"""', "'''", "[[", "//", "ab", "1"]
LINES = ["[open", "x = [", 'x = "', "x = {", "prose in a line", "<<<<<<< HEAD", "}", 'x = """', "x: 1", "= 1", "@@@"]


def texts() -> list[str]:
    """Return the shipped policies, those of the tests and that of the README, each with what is planted."""
    policies = [path for path in (ROOT / "policies").glob("*.toml") if not path.name.endswith(".test.toml")]
    files = [*sorted(policies), ROOT / "tests" / "data" / "valid" / "everything.toml"]
    found = [file.read_text(encoding="utf-8") for file in files]
    found += re.findall(r"```toml\n(.*?schema = 1.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [text.rstrip() + "\n" + PLANTED for text in found]


def damaged(text: str, chance: random.Random) -> str:
    """Return a text of which one character or line before what is planted is lost, put in or replaced."""
    size = len(text) - len(PLANTED)
    if chance.random() < 1 / 3:
        lines = text[:size].split("\n")
        at = chance.randrange(len(lines))
        new: list[str] = chance.choice([[], [chance.choice(LINES)]])
        lines[at : at + chance.choice([0, 1])] = new
        return "\n".join(lines) + text[size:]
    at = chance.randrange(size)
    put_in: str = chance.choice(["", chance.choice(CHARACTERS)])
    return text[:at] + put_in + text[at + chance.choice([0, 1]) :]


def examine(text: str) -> None:
    """
    Hold a damaged text against what must be told of it.

    Raises:
        AssertionError: Something is not told, stands outside of the text, or is shown.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    try:
        Policy.loads(text, base=ROOT / "tests" / "data" / "valid")
    except PolicyError as error:
        found, said = error.problems, str(error)
    else:
        raise AssertionError("it was loaded")
    assert SECRET not in said, "a secret is shown"
    for problem in found:
        assert 1 <= problem.line <= len(lines), problem
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, problem
    told = {(each.line, each.rule) for each in found}
    # A name may come from a base that is not found.
    is_complete = not any(
        each.rule in {"RP046", "RP047"} or "xten" in lines[each.line - 1] or "builtin" in lines[each.line - 1]
        for each in found
    )
    for words, rule in (('"retyr"', "RP040"), (SECRET, "RP040"), ("planted-base", "RP042")):
        line = next(number for number, each in enumerate(lines, 1) if words in each)
        assert (line, rule) in told or (rule == "RP040" and not is_complete), f"{rule} in line {line} is not told"


def run(count: int, seed: int) -> None:
    """Examine so many damaged texts; the first that breaks a promise is written to ``damaged.toml``."""
    chance, sound = random.Random(seed), texts()  # noqa: S311  # repeatable, not secret
    for number in range(count):
        text = damaged(chance.choice(sound), chance)
        try:
            examine(text)
        except Exception as error:
            Path("damaged.toml").write_text(text, encoding="utf-8", errors="surrogateescape")
            raise AssertionError(f"text {number} of seed {seed}") from error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    run(arguments.count, arguments.seed)
