"""Policies as data: every valid file loads in every environment, every invalid one earns its exact message."""

from pathlib import Path

import pytest

from resilience.policyfile import TITLES, Policy, PolicyError
from resilience.policyfile.files.policy_file import BUILTIN, builtin_names

DATA = Path(__file__).parents[1] / "data"
VALID = sorted((DATA / "valid").glob("*.toml"))
INVALID = sorted((DATA / "invalid").glob("*.toml"))
SHIPPED = tuple(name.removeprefix("builtin:") for name in sorted(builtin_names()))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_file_loads_in_each_of_its_environments(path: Path) -> None:
    """Every file under valid is a policy, with and without each environment that it defines."""
    plain = Policy.load(path)
    for env in plain.environments:
        assert Policy.load(path, env=env).env == env


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_file_earns_exactly_its_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed for a file under invalid is the text beside it, to the last caret."""
    monkeypatch.chdir(path.parent)
    with pytest.raises(PolicyError) as caught:
        Policy.load(path.name)
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    names = ", ".join(f"{BUILTIN}{name}" for name in SHIPPED)
    assert str(caught.value) + "\n" == expected.replace("{policies of the package}", names)


def test_every_id_is_earned_by_some_file() -> None:
    """Each id of an error has a file that shows it, and each id that a file earns has a title."""
    text = "".join(path.with_suffix(".txt").read_text(encoding="utf-8") for path in INVALID)
    earned = {rule for rule in TITLES if f"error[{rule}]" in text}
    # Two need no file: a warning, and an environment that is asked for.
    assert set(TITLES) - earned == {"RP054", "RP057"}
    assert text.count("error[RP") == sum(text.count(f"error[{rule}]") for rule in TITLES)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_loads_in_each_of_its_environments(name: str) -> None:
    """Each policy of the package loads, without a warning, with and without each environment."""
    plain = Policy.load(f"builtin:{name}")
    assert bool(plain.rules) == (name != "common")
    assert plain.warnings() == ()
    for env in plain.environments:
        assert Policy.load(f"builtin:{name}", env=env).rules


def test_every_policy_of_the_repository_is_shipped() -> None:
    """The list of shipped policies in these tests is the folder's."""
    names = sorted(path.stem for path in (DATA.parents[1] / "policies").glob("*.toml"))
    assert tuple(name for name in names if not name.endswith(".test")) == SHIPPED
