"""A policy can be copied, pickled and handed to another process, and still answers where each value comes from."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from attrs import evolve

from resilience.core.policy import PolicyValues
from resilience.policyfile import Policy, PolicyError

DATA = Path(__file__).parents[1] / "data"
SOURCES = [*sorted((DATA / "valid").glob("*.toml")), "builtin:provisioning"]

T = TypeVar("T")


def pickled(value: T, *, protocol: int = pickle.DEFAULT_PROTOCOL) -> T:
    copied: T = pickle.loads(pickle.dumps(value, protocol))  # noqa: S301 - our own pickle
    return copied


COPIES = pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        *(
            pytest.param(partial(pickled, protocol=each), id=f"pickle-{each}")
            for each in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)


@COPIES
@pytest.mark.parametrize("source", SOURCES, ids=lambda each: Path(each).stem)
def test_a_copy_is_the_same_policy(copied: Callable[[Policy], Policy], source: str) -> None:
    """Values, origins, overridden values, warnings and digest are those of the policy, before and after a scan."""
    policy = Policy.load(source)
    for original in (policy, evolve(policy, name="another")):
        for twin in (copied(original), copied(copied(original))):
            assert twin == original
            assert twin.digest == original.digest
            assert [each.origin for each in twin.rules] == [each.origin for each in original.rules]
            assert [each.origin for each in twin.chaos.injections] == [
                each.origin for each in original.chaos.injections
            ]
            assert twin.origin("limits", "deadline") == original.origin("limits", "deadline")
            assert twin.overridden("limits", "deadline") == original.overridden("limits", "deadline")
            assert twin.warnings() == original.warnings()
            assert repr(twin) == repr(original)


@COPIES
def test_a_copy_cannot_be_changed_either(copied: Callable[[Policy], Policy]) -> None:
    """What nobody can change in a policy, nobody can change in its copy."""
    twin = copied(Policy.load("builtin:alibaba-mqtt"))
    with pytest.raises(TypeError):
        twin.actions["few"] = twin.unknown  # type: ignore[index]  # that is the point
    with pytest.raises(AttributeError):
        twin.name = "x"  # type: ignore[misc]  # that is the point


def test_a_policy_built_in_python_can_be_copied() -> None:
    """The values alone, which have no file, are no exception."""
    loaded = Policy.load("builtin:alibaba-mqtt")
    values = PolicyValues(name="own", limits=loaded.limits, unknown=loaded.unknown, actions=loaded.actions)
    assert pickled(values) == copy.deepcopy(values) == values


def test_an_error_can_be_pickled() -> None:
    """What a worker process finds wrong reaches the process that asked, with every problem."""
    with pytest.raises(PolicyError) as caught:
        Policy.loads('schema = 1\nlimits.deadline = "soon"\nnmae = 1\n')
    twin = pickled(caught.value)
    assert twin.problems == caught.value.problems
    assert str(twin) == str(caught.value)


def test_another_process_gets_the_policy() -> None:
    """A spawned process, which shares no memory, reads the same policy and the same place from it."""
    policy = Policy.load("builtin:provisioning", env="prod")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        digest, origin = pool.apply(_seen, (policy,))
    assert (digest, origin) == (policy.digest, str(policy.rules[0].origin))


def _seen(policy: Policy) -> tuple[str, str]:
    return policy.digest, str(policy.rules[0].origin)
