"""The values of a test file: scenarios, expectations and results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from resilience.core.decision import Decision, MachineEvent
from resilience.core.plan import Plan
from resilience.policyfile import Policy, Problem
from resilience.policyfile.files.policy_file import PolicyFile
from resilience.policyfile.files.positions import KeyPath
from resilience.simulation import Environment, Played, Scripted


@frozen
class Exactly:
    """
    An expected number of seconds.

    Attributes:
        seconds: The number.
        tolerance: The largest difference that does not count, in seconds. A duration in words is as exact as a
            millisecond.
    """

    seconds: float
    tolerance: float


@frozen(kw_only=True)
class ScenarioStep:
    """
    An event of a story that is told event by event.

    Attributes:
        event: The event.
        at: When it came, in seconds after the beginning of the call.
        draw: The number in [0, 1) from which jitter is taken.
        expected: What is expected of the decision, by name.
    """

    event: MachineEvent
    at: float
    draw: float
    expected: Mapping[str, Any]


@frozen(kw_only=True)
class Scenario:
    """
    A story of one call, in one environment.

    Attributes:
        name: Its name, with the text of ``each``.
        story: What it is about, or an empty text.
        policy: The policy.
        plan: The policy for the operation, with what the call can do.
        ours: Whether an earlier run has started the call.
        environment: What surrounds the call besides faults.
        latency: The duration of an attempt, in seconds.
        faults: The text of its script; None for a scenario with steps.
        script: The results of its attempts.
        steps: Its events.
        draws: The numbers from which jitter is taken; the last one repeats.
        expected: What is expected of the whole call, by name.
        path: Its place in the file.
        file: Its file.
    """

    name: str
    story: str = ""
    policy: Policy = field(repr=False)
    plan: Plan = field(repr=False)
    ours: bool = False
    environment: Environment = field(repr=False)
    latency: float
    faults: str | None = None
    script: tuple[Scripted, ...] = ()
    steps: tuple[ScenarioStep, ...] = ()
    draws: tuple[float, ...] = (0.5,)
    expected: Mapping[str, Any] = field(factory=dict)
    path: KeyPath = ()
    file: PolicyFile = field(repr=False)

    def __str__(self) -> str:
        """Return the name, with the environment if there is one."""
        return f"{self.name} ({self.policy.env})" if self.policy.env else self.name

    @property
    def line(self) -> int:
        """The line of its name in the file."""
        return self.file.origin((*self.path, "name")).line


@frozen(kw_only=True)
class ScenarioFile:
    """
    A test file.

    Attributes:
        name: Its name, as the user wrote it.
        scenarios: The scenarios, in the order of the file.
        problems: What is wrong with the file; a scenario with a problem is not among the scenarios.
    """

    name: str
    scenarios: tuple[Scenario, ...] = ()
    problems: tuple[Problem, ...] = ()


@frozen(kw_only=True)
class Mismatch:
    """
    Something that is not as expected.

    Attributes:
        what: The key of the expectation.
        expected: What is expected, in words.
        found: What was found, in words.
        path: The place of the expectation in the file.
        step: The number of the step, from 1; None for something about the whole call.
    """

    what: str
    expected: str
    found: str
    path: KeyPath
    step: int | None = None

    def __str__(self) -> str:
        """Return the difference in one line."""
        where = "" if self.step is None else f"step {self.step}: "
        return f"{where}{self.what}: expected {self.expected}, found {self.found}"


@frozen(kw_only=True)
class ScenarioResult:
    """
    What came of a scenario.

    Attributes:
        scenario: The scenario.
        differences: What is not as expected; empty if it goes as it is told.
        played: The whole call; None for a scenario with steps, or one that does not end.
        decisions: The decisions that were made.
        table: What was expected and what was found, side by side: rows for a reader.
    """

    scenario: Scenario = field(repr=False)
    differences: tuple[Mismatch, ...] = ()
    played: Played | None = field(default=None, repr=False)
    decisions: tuple[Decision, ...] = field(default=(), repr=False)
    table: tuple[ComparedRow, ...] = field(default=(), repr=False)


@frozen(kw_only=True)
class ComparedRow:
    """
    One decision of a call beside the expected one.

    Attributes:
        at: When it was made, in seconds after the beginning of the call.
        met: What it answers, in words.
        expected: The expected decision; empty where nothing is expected of it.
        found: The decision that was made; empty after a success.
        rule: The id of the rule that decided, and its place; empty without a rule.
    """

    at: float
    met: str
    expected: str = ""
    found: str = ""
    rule: str = ""

    @property
    def differs(self) -> bool:
        """Whether the decision is another one than expected."""
        return bool(self.expected) and self.expected != self.found
