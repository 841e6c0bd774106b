"""What no call can reach is found, and what a later file or an environment tightens on purpose is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.policyfile.lint import inspect

COUNTED = 'rules.alibaba.InternalError = { do = "retry", max = 10 }\n'
STEADY = '[backoff.steady]\nkind = "constant"\nbase = "10s"\njitter = "none"\n'
FREE = '[actions.free]\ndo = "retry"\nbackoff = "steady"\ncounts = false\n'
THROTTLED = '[rules.alibaba]\nThrottling = "free"\n'
SLOW = '[backoff.slow]\nkind = "constant"\nbase = "3m"\ncap = "4m"\n'
LATER = '[rules.alibaba]\nThrottling = { do = "retry", backoff = "slow" }\n'


def found(folder: Path, *texts: str) -> list[tuple[str, str, str]]:
    """Write files that extend each other; return id, severity and message of what the last one earns."""
    for number, text in enumerate(texts):
        extends = f'extends = ["file{number - 1}.toml"]\n' if number else 'limits.deadline = "2m"\n'
        (folder / f"file{number}.toml").write_text("schema = 1\n" + extends + text, encoding="utf-8")
    problems = inspect(folder / f"file{len(texts) - 1}.toml")
    return [(each.rule, each.severity, each.message) for each in problems]


def test_a_max_past_max_attempts_says_how_many_retries_are_left(tmp_path: Path) -> None:
    """Five attempts leave four retries, so ten uses are never reached; the message says what to change."""
    ((rule, severity, message),) = found(tmp_path, f"limits.max_attempts = 5\n{COUNTED}")
    assert (rule, severity) == ("RP069", "warning")
    assert "max_attempts = 5 leaves 4 retries" in message
    assert "counts = false" in message


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([f"limits.max_attempts = 11\n{COUNTED}"], id="just-enough-attempts"),
        pytest.param([f"limits.max_attempts = 11\n{COUNTED}[env.dev.limits]\nmax_attempts = 3\n"], id="environment"),
        pytest.param([f"limits.max_attempts = 11\n{COUNTED}", "limits.max_attempts = 3\n"], id="child"),
        pytest.param([COUNTED.replace("}", ", counts = false }")], id="not-counted"),
        pytest.param([STEADY + FREE + "max = 11\n" + THROTTLED], id="waits-that-fit"),
        pytest.param([STEADY.replace('"none"', '"full"') + FREE + "max = 500\n" + THROTTLED], id="waits-by-chance"),
        pytest.param(
            [STEADY + FREE + "max = 11\n" + THROTTLED + '[env.dev.limits]\ndeadline = "30s"\nsettle = "10s"\n'],
            id="environment-with-less-time",
        ),
        pytest.param([SLOW + LATER.replace("}", ", max = 2 }")], id="a-long-wait-that-may-be-short"),
    ],
)
def test_a_max_that_can_be_reached_somewhere_is_no_finding(texts: list[str], tmp_path: Path) -> None:
    """Where the numbers fit, where chance decides, or where a limit is tightened later, nothing is said."""
    assert [each for each in found(tmp_path, *texts) if each[0] in {"RP069", "RP070"}] == []


@pytest.mark.parametrize(
    ("then", "severity"),
    [pytest.param("", "info", id="for-show"), pytest.param('then = "verify"\n', "warning", id="with-a-then")],
)
def test_a_free_action_whose_waits_reach_the_deadline_first(then: str, severity: str, tmp_path: Path) -> None:
    """Twelve waits of ten seconds never fit into two minutes; it matters more where something should follow."""
    ((rule, found_as, message),) = found(tmp_path, STEADY + FREE + "max = 12\n" + then + THROTTLED)
    assert (rule, found_as) == ("RP069", severity)
    assert "after 11 of them" in message


def test_half_of_an_equal_jitter_is_certain(tmp_path: Path) -> None:
    """Waits of at least five seconds: twenty-three fit before two minutes, and a twenty-fourth never."""
    text = STEADY.replace('"none"', '"equal"') + FREE
    assert found(tmp_path, text + "max = 23\n" + THROTTLED) == []
    assert [each[0] for each in found(tmp_path, text + "max = 24\n" + THROTTLED)] == ["RP069"]


@pytest.mark.parametrize(
    "wait",
    [
        pytest.param(SLOW + 'jitter = "none"\n', id="constant"),
        pytest.param(SLOW.replace("constant", "exponential") + 'jitter = "decorrelated"\n', id="decorrelated"),
        pytest.param('[backoff.slow]\nkind = "list"\ndelays = ["2m"]\njitter = "none"\n', id="list-at-the-deadline"),
    ],
)
def test_a_wait_as_long_as_the_call_is_said_once(wait: str, tmp_path: Path) -> None:
    """No retry is ever made, and neither the server's hint nor the number of attempts is blamed for it."""
    ((rule, severity, message),) = found(tmp_path, wait + LATER)
    assert (rule, severity) == ("RP070", "warning")
    assert "no retry is ever made" in message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("prod", "prd", id="a-letter-is-missing"),
        pytest.param("prod", "pord", id="two-letters-are-swapped"),
        pytest.param("staging", "stagin", id="the-last-letter-is-missing"),
        pytest.param("staging", "stageng", id="a-letter-is-wrong"),
        pytest.param("prod-eu", "prdo-eu", id="in-a-part"),
        pytest.param("prod", "Prod", id="capitals"),
    ],
)
def test_environments_that_differ_by_a_slip_are_told(first: str, second: str, tmp_path: Path) -> None:
    """The environment that says less is blamed, whichever comes first, and the other one suggested."""
    more = f'[env.{first}.limits]\ndeadline = "3m"\nsettle = "20s"\n'
    less = f'[env.{second}.limits]\nsettle = "10s"\n'
    for text in (more + less, less + more):
        ((rule, severity, message),) = found(tmp_path, text)
        assert (rule, severity) == ("RP071", "warning")
        assert message.endswith(f'did you mean "{first}"?')


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("prod1", "prod2", id="numbered"),
        pytest.param("prod", "prod2", id="a-second-one"),
        pytest.param("dev", "dev-eu", id="one-more-part"),
        pytest.param("shop-a", "shop-b", id="lettered"),
        pytest.param("shopa", "shopb", id="lettered-in-one-word"),
        pytest.param("east", "west", id="other-words"),
        pytest.param("qa", "qb", id="short"),
        pytest.param("prod", "preprod", id="a-prefix"),
    ],
)
def test_a_series_of_environments_is_no_slip(first: str, second: str, tmp_path: Path) -> None:
    """Names that are numbered, lettered or longer by a part are meant."""
    text = "".join(f'[env.{name}.limits]\nsettle = "10s"\n' for name in (first, second))
    assert found(tmp_path, text) == []


def test_a_slip_in_a_child_is_found_against_its_parent(tmp_path: Path) -> None:
    """The environments of all files are compared, and the finding stands in the file with the slip."""
    parent = '[env.prod.limits]\ndeadline = "3m"\n'
    found(tmp_path, parent, '[env.prd.limits]\nsettle = "10s"\n')
    (problem,) = inspect(tmp_path / "file1.toml")
    assert (problem.rule, problem.file.endswith("file1.toml"), problem.line) == ("RP071", True, 3)


def test_a_code_of_another_service_says_whose_it_is(tmp_path: Path) -> None:
    """A code that only the other catalogue has is sent to the table of its own service."""
    ((rule, _, message),) = found(tmp_path, 'rules.tencent.GroupIdAlreadyExsited = "fail"\n')
    assert rule == "RP023"
    assert "it is a code of alibaba, so its rule belongs in [rules.alibaba]" in message
