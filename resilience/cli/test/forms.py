"""The results of tests as text, for the formats of ``resilience check``, and as JUnit XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import click
from attrs import frozen

from resilience.cli.check.findings import as_github, as_json, as_sarif, as_text
from resilience.policyfile import Problem
from resilience.scenarios import Coverage, ScenarioResult
from resilience.scenarios.coverage import Uncovered

FAILED: Final = "PT001"
"""The id of a test that fails."""

UNMET: Final = "PT002"
"""The id of something that no test meets."""

# A call that the policy does not end for long has hundreds of decisions; a table shows the first and the last ones.
_FIRST: Final = 8
_LAST: Final = 4

TITLES: Final = {FAILED: "a test of a policy fails", UNMET: "no test meets this part of a policy"}


@frozen(kw_only=True)
class TimedResult:
    """
    A test that has run.

    Attributes:
        result: What came of it.
        took: How long it took, in seconds.
    """

    result: ScenarioResult
    took: float


ResultForm = Callable[[Sequence[Problem], Sequence[TimedResult], Sequence[Coverage]], str]


def findings(results: Iterable[TimedResult], reports: Iterable[Coverage]) -> Iterator[Problem]:
    """Yield a finding for each difference, and for each part of a policy that no test meets."""
    for each in results:
        scenario = each.result.scenario
        for difference in each.result.differences:
            yield scenario.file.problem(difference.path, FAILED, f"{scenario}: {difference}")
    for report in reports:
        for missing in report.missing:
            yield Problem(
                file=report.policy if missing.place is None else missing.place.file,
                line=1 if missing.place is None else missing.place.line,
                column=1 if missing.place is None else missing.place.column,
                rule=UNMET,
                severity="warning",
                message=_unmet(missing),
            )


def _unmet(missing: Uncovered) -> str:
    return f"no test meets the {missing.kind} {missing.name}"


def _as_text(problems: Sequence[Problem], results: Sequence[TimedResult], _: Sequence[Coverage]) -> str:
    parts = [as_text(problems)] if problems else []
    parts += ["\n".join(_failure(each.result)) for each in results if each.result.differences]
    return "\n\n".join(parts)


def _failure(result: ScenarioResult) -> Iterator[str]:
    """Yield a failed test: its place, each difference, and the call with what was expected and what was found."""
    scenario = result.scenario
    place = scenario.file.origin((*scenario.path, "name"))
    yield f"{click.style(f'{place}:', bold=True)} {click.style('failed', fg='red', bold=True)} {scenario}"
    if scenario.story:
        yield f"  {scenario.story}"
    for difference in result.differences:
        at = scenario.file.origin(difference.path)
        yield f"  {click.style(str(difference), fg='red')}  ({at.file}:{at.line}:{at.column})"
    if scenario.faults is not None:
        plan = scenario.plan
        yield f"  {plan.operation} ({plan.provider}), repeat {plan.repeat}, faults: {scenario.faults or 'none'}"
    yield from _table(result)


def _table(result: ScenarioResult) -> Iterator[str]:
    rows = result.table
    if not rows:
        return
    cells = [
        (f"{row.at:.3f}".rstrip("0").rstrip(".") + " s", row.met, row.expected, row.found, row.rule) for row in rows
    ]
    head = ("at", "met", "expected", "found", "rule")
    widths = [max(len(line[index]) for line in [head, *cells]) for index in range(len(head))]
    for index, (line, row) in enumerate(zip([head, *cells], [None, *rows], strict=True)):
        if _FIRST < index <= len(rows) - _LAST:
            if index == _FIRST + 1:
                yield click.style(f"    ... {len(rows) - _LAST - _FIRST} more", dim=True)
            continue
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        is_wrong = row is not None and row.differs
        text = f"  {'>' if is_wrong else ' '} {text}"
        yield click.style(text, fg="red") if is_wrong else click.style(text, dim=row is None)


def coverage_lines(reports: Iterable[Coverage]) -> Iterator[str]:
    """Yield what tests meet of each policy, and what they do not."""
    for report in reports:
        counts = ", ".join(
            f"{met} of {click.style(str(whole), bold=True)} {word}"
            for word, (whole, met) in (
                ("rules", report.rules),
                ("actions", report.actions),
                ("environments", report.environments),
            )
            if whole
        )
        yield f"{click.style(report.policy, bold=True)}: tests meet {counts or 'nothing that it says itself'}"
        for missing in report.missing:
            where = "" if missing.place is None else f"{missing.place}: "
            yield f"  {where}{_unmet(missing)}"


def _as_json(problems: Sequence[Problem], results: Sequence[TimedResult], reports: Sequence[Coverage]) -> str:
    return as_json([*problems, *findings(results, reports)])


def _as_github(problems: Sequence[Problem], results: Sequence[TimedResult], reports: Sequence[Coverage]) -> str:
    return as_github([*problems, *findings(results, reports)])


def _as_sarif(problems: Sequence[Problem], results: Sequence[TimedResult], reports: Sequence[Coverage]) -> str:
    return as_sarif([*problems, *findings(results, reports)], titles=TITLES)


def as_junit(problems: Sequence[Problem], results: Sequence[TimedResult], reports: Sequence[Coverage]) -> str:
    """Return JUnit XML: a suite for each file, a case for each test, an error for each file with a mistake."""
    del reports  # the format has no place for what no test meets
    files = dict.fromkeys([*(each.file for each in problems), *(each.result.scenario.file.name for each in results)])
    suites = "\n".join(_suite(file, problems, results) for file in files)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n{suites}\n</testsuites>\n'


def _suite(file: str, problems: Sequence[Problem], results: Sequence[TimedResult]) -> str:
    errors = [each for each in problems if each.file == file]
    own = [each for each in results if each.result.scenario.file.name == file]
    failures = sum(bool(each.result.differences) for each in own)
    took = sum(each.took for each in own)
    counts = f'tests="{len(own) + len(errors)}" failures="{failures}" errors="{len(errors)}" skipped="0"'
    lines = [f'  <testsuite name={_attribute(file)} {counts} time="{took:.6f}">']
    for error in errors:
        lines += [
            f'    <testcase classname={_attribute(file)} name="line {error.line}" time="0">',
            f"      <error message={_attribute(error.message)}>{_text(str(error))}</error>",
            "    </testcase>",
        ]
    for each in own:
        lines += _case(each)
    return "\n".join([*lines, "  </testsuite>"])


def _case(result: TimedResult) -> Iterator[str]:
    scenario = result.result.scenario
    head = (
        f"    <testcase classname={_attribute(scenario.file.name)} name={_attribute(str(scenario))} "
        f'line="{scenario.line}" time="{result.took:.6f}"'
    )
    if not result.result.differences:
        yield f"{head}/>"
        return
    yield f"{head}>"
    message = "; ".join(map(str, result.result.differences))
    whole = click.unstyle("\n".join(_failure(result.result)))
    yield f"      <failure message={_attribute(message)}>{_text(whole)}</failure>"
    yield "    </testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_allowed(text))


def _text(text: str) -> str:
    return escape(_allowed(text))


def _allowed(text: str) -> str:
    """Return a text without the characters that XML cannot have."""
    return "".join(each if each in "\t\n" or (each >= " " and each not in "\ufffe\uffff") else "?" for each in text)


FORMATS: Final[dict[str, ResultForm]] = {
    "text": _as_text,
    "json": _as_json,
    "github": _as_github,
    "sarif": _as_sarif,
    "junit": as_junit,
}
"""The choices of ``--format``."""
