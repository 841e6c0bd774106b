"""Work grows with the size of a file and not faster: counted in calls of functions, so no clock decides."""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from pathlib import Path

import pytest

from resilience.policyfile import Policy, PolicyError
from resilience.policyfile.lint import inspect

TOP = 'schema = 1\nlimits.deadline = "1m"\n'
FEW, SMALL, LARGE = 10, 60, 240


def _each(count: int, line: str) -> str:
    """Return a line for each number: ``@`` stands for the number, ``#`` for five digits of it."""
    return "".join(line.replace("@", str(number)).replace("#", f"{number:05d}") for number in range(count))


def _named(head: str, line: str) -> Callable[[int], str]:
    return lambda count: TOP + head + _each(count, line)


CHAINED = _named(
    '[rules.acme]\nX = "a0"\n', '[actions.a@]\ndo = "retry"\nmax = 2\nthen = "b@"\n[actions.b@]\ndo = "fail"\n'
)
BROKEN = {
    "statement": '"K@" "retry"',
    "list": '"K@" = [{ do = "retry",',
    "table": "A@ = { x = @,",
    "text": '"K@" = """x',
    "header": "[rules.a@",
    "word": "foo @",
    "merge": "<<<<<<< @",
}
FILES: dict[str, Callable[[int], str]] = {
    "environments": _named("", "[env.site@.limits]\nmax_attempts = 3\n"),
    "environments-alike": _named("", "[env.customer-#-production.limits]\nmax_attempts = 3\n"),
    "environments-wrong": _named("", "[env.site@.limits]\nmax_atempts = 3\n"),
    "environments-and-one-mistake": lambda count: FILES["environments"](count) + "nmae = 1\n",
    "environments-with-rules": _named("[rules.acme]\nX = 'fail'\n", '[env.site@.rules.acme]\nX = "retry"\n'),
    "globs": _named("[rules.alibaba]\n", '"*#T*/InternalError" = "fail"\n'),
    "globs-that-meet": _named("[rules.alibaba]\n", '"Cre*#*/InternalError" = "fail"\n"Cr*teG*/C@" = "fail"\n'),
    "globs-of-own-operations": lambda count: (
        TOP
        + "[operations.acme]\n"
        + _each(count, 'Op#T = "safe"\n')
        + "[rules.acme]\n"
        + _each(count, '"*#T*/X" = "fail"\n')
    ),
    "transport-globs": _named("[rules.transport]\n", '"*#T*/lost" = "fail"\n'),
    "unknown-keys": _named("[backoff.a]\n", 'bsae@ = "1s"\n'),
    "unknown-keys-at-the-top": _named("", "lmits@ = 1\n"),
    "unknown-actions": lambda count: (
        TOP + _each(count, '[actions.act#]\ndo = "fail"\n') + "[rules.acme]\n" + _each(count, 'X@ = "atc#"\n')
    ),
    "unknown-operations": _named("[rules.alibaba]\n", '"CreateGropuId@/X" = "fail"\n'),
    "unknown-codes": _named("[rules.alibaba]\n", '"InternalEror@" = "retry"\n'),
    "rules": _named("[rules.acme]\n", 'X@ = "retry"\n'),
    "rules-with-tables": _named("[rules.acme]\n", 'X@ = { do = "retry", max = 2 }\n'),
    "rules-wrong": _named("[rules.acme]\n", "X@ = { do = 'retry', maxx = 3 }\n"),
    "rules-for-operations": lambda count: (
        TOP
        + "[operations.acme]\n"
        + _each(count, 'Op@ = "safe"\n')
        + "[rules.acme]\n"
        + _each(count, '"Op@/X" = "retry"\n')
    ),
    "named-actions": CHAINED,
    "backoffs": _named("", '[backoff.b@]\nbase = "1s"\n'),
    "templates": _named("[sources.acme.operations]\n", 'A@ = "GET /a@/{x}"\nB@ = "GET /{x}/b@"\n'),
    "chaos": _named("[chaos.acme]\n", '"Op@/X@" = { rate = 0.1 }\n'),
    "secrets": _named("", "password@ = 'hunter'\n"),
    "delays": lambda count: TOP + "[backoff.a]\nkind = 'list'\ndelays = [" + _each(count, "1, ") + "]\n",
    "a-long-line": lambda count: TOP + "x = [" + _each(count, "{ y@ = 1 }, ") + "]\n",
    **{f"broken-{name}": _named("[rules.acme]\n", line + "\n") for name, line in BROKEN.items()},
    "missing-files": lambda count: "schema = 1\nextends = [" + _each(count, '"no-@.toml", ') + "]\n",
}


def _calls(task: Callable[[], object]) -> int:
    profile = cProfile.Profile()
    profile.enable()
    try:
        task()
    except PolicyError as error:
        str(error)
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("name", FILES)
def test_a_line_costs_as_much_in_a_large_file_as_in_a_small_one(name: str, tmp_path: Path) -> None:
    """Loading a file, and finding and showing everything in it, costs no more for a line when there are more lines."""
    scale = 3 if name in {"unknown-keys", "unknown-actions"} else 1
    for task in (Policy.load, lambda file: [str(problem) for problem in inspect(file)]):
        spent = []
        # The first one fills caches of the catalogue, which do not grow; a name is compared with some hundred at most.
        for count in (FEW, FEW, SMALL * scale, LARGE * scale):
            file = tmp_path / "large.toml"
            file.write_text(FILES[name](count), encoding="utf-8")
            spent.append(_calls(lambda file=file, task=task: task(file)))  # type: ignore[misc]  # bound now
        in_small = (spent[2] - spent[1]) / (SMALL * scale - FEW)
        in_large = (spent[3] - spent[2]) / (LARGE - SMALL) / scale
        assert in_large < in_small * 1.2, f"{in_small} calls for a line became {in_large}"
