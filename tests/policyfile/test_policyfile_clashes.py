"""Two bases that know nothing of each other cannot change what the other one's rules mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.policyfile import Policy, PolicyError

TOP = 'schema = 1\nlimits.deadline = "1m"\n'
FEW = '[actions.few]\ndo = "retry"\nmax = 2\n'
MANY = '[actions.few]\ndo = "retry"\nmax = 9\n'
SLOW = '[backoff.slow]\nbase = "5s"\n'
BASED = 'extends = ["base.toml"]\n'
OWN = '[rules.acme]\nBUSY = "retry"\n'


def load(folder: Path, **texts: str) -> Policy:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(
            (TOP if "extends" not in text else "schema = 1\n") + text, encoding="utf-8"
        )
    return Policy.load(folder / "root.toml")


BOTH = 'extends = ["one.toml", "two.toml"]\n'


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(FEW, MANY, id="actions"),
        pytest.param(SLOW, SLOW.replace("5s", "6s"), id="backoffs"),
        pytest.param(FEW, '[actions.few]\ndo = "fail"\n', id="verbs"),
        pytest.param(FEW + "[env.prod.actions.few]\nmax = 1\n", FEW, id="in-an-environment"),
        pytest.param(BASED + "[actions.few]\nmax = 7\n", BASED, id="over-a-base"),
    ],
)
def test_two_bases_that_clash_are_an_error_that_names_both_places(one: str, two: str, tmp_path: Path) -> None:
    """Neither extends the other, and each means something else by the name."""
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, base=FEW, one=one, two=two, root=BOTH)
    (problem,) = caught.value.problems
    assert (problem.rule, problem.line, problem.column) == ("RP059", 2, 24)
    assert "differently, at " in problem.message
    assert problem.message.count(".toml:") == 2


@pytest.mark.parametrize(
    ("one", "two", "root"),
    [
        pytest.param(FEW, FEW, BOTH, id="the-same"),
        pytest.param(FEW, 'extends = ["one.toml"]\n' + MANY, BOTH, id="one-extends-the-other"),
        pytest.param(FEW, SLOW, BOTH, id="other-names"),
        pytest.param('extends = ["base.toml"]\n', 'extends = ["base.toml"]\n' + SLOW, BOTH, id="a-base-of-both"),
        pytest.param(FEW, OWN, BOTH + MANY, id="the-file-itself"),
        pytest.param('[rules.acme]\nX = "retry"\n', '[rules.acme]\nX = "fail"\n', BOTH, id="rules"),
    ],
)
def test_bases_that_agree_are_no_error(one: str, two: str, root: str, tmp_path: Path) -> None:
    """What is said once, said alike, or said by a file about what it extends, is what merging is for."""
    assert load(tmp_path, base=FEW, one=one, two=two, root=root).rules is not None
