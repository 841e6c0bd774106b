"""``resilience test``: checks that policies do what their tests say."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

import click

from resilience.cli.check.command import TEST_SUFFIX
from resilience.cli.screen import FINDINGS, WRONG_USE, times
from resilience.cli.test.forms import FORMATS, TimedResult, as_junit, coverage_lines
from resilience.scenarios import Scenario, ScenarioFile, check, coverage, read


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--only", metavar="WORDS", help="Only the tests with these words in their name.")
@click.option(
    "--coverage", "covers", is_flag=True, help="Also say which rules, actions and environments no test meets."
)
@click.option("--strict", is_flag=True, help="With --coverage: exit with 1 for what no test meets.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the results as JUnit XML.",
)
@click.option("--format", "form", type=click.Choice([*FORMATS]), default="text", show_default=True)
def test(  # noqa: PLR0913  # a parameter for each option
    files: tuple[str, ...], only: str | None, junit: Path | None, form: str, *, covers: bool, strict: bool
) -> None:
    """
    Check that policies do what their tests say.

    FILE is a test file, such as mqtt.test.toml beside mqtt.toml, or a directory with such files. A test says what a
    call meets, and what the policy is to do: decisions, waits, requests, the end. The executor's own code makes the
    decisions, on a virtual clock. "resilience init --tests" writes a first file. The exit code is 0 if all tests pass,
    1 if one fails, and 2 for a file that cannot be read.
    """
    if strict and not covers:
        raise click.UsageError("--strict needs --coverage")
    began = perf_counter()
    read_files = [read(path) for path in _found(files)]
    chosen = [each for file in read_files for each in file.scenarios if only is None or only in str(each)]
    results = [_result(each) for each in chosen]
    reports = coverage(each.result for each in results) if covers else ()
    problems = [problem for file in read_files for problem in file.problems]
    text = FORMATS[form](problems, results, reports)
    if text:
        click.echo(text)
    if form == "text":
        for line in coverage_lines(reports):
            click.echo(line)
    if junit is not None:
        try:
            junit.write_text(as_junit(problems, results, reports), encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"cannot write {junit}: {error.strerror or error}") from None
    click.echo(_summary(read_files, results, perf_counter() - began), err=True)
    if problems or not results:
        sys.exit(WRONG_USE)
    is_missing = strict and any(report.missing for report in reports)
    sys.exit(FINDINGS if is_missing or any(each.result.differences for each in results) else 0)


def _found(files: Sequence[str]) -> Iterator[Path]:
    """Yield the test files; of a directory all that are in it."""
    for name in dict.fromkeys(files):
        path = Path(name)
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.rglob(f"*{TEST_SUFFIX}"))
        if not inside:
            raise click.UsageError(f"{name}: no file in this directory ends with {TEST_SUFFIX}")
        yield from inside


def _result(scenario: Scenario) -> TimedResult:
    began = perf_counter()
    result = check(scenario)
    return TimedResult(result=result, took=perf_counter() - began)


def _summary(files: Iterable[ScenarioFile], results: Sequence[TimedResult], took: float) -> str:
    names = list(files)
    failed = sum(bool(each.result.differences) for each in results)
    where = f"in {times(len(names), 'file')}, {took:.2f} s"
    bad = sum(bool(file.problems) for file in names)
    unread = f"; {times(bad, 'file')} with mistakes" if bad else ""
    if not results:
        return f"no test {where}{unread}"
    if failed:
        return f"{failed} of {times(len(results), 'test')} failed {where}{unread}"
    return f"{times(len(results), 'test')} passed {where}{unread}"
