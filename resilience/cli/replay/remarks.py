"""Facts about replayed calls: sums, places of rules, and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import field, frozen

from resilience.core.decision import Decision
from resilience.journal.model import RecordedAttempt, RecordedCall
from resilience.policyfile import Policy
from resilience.simulation.replayed import Assumption, Replayed


@frozen(kw_only=True)
class Totals:
    """
    Sums over calls, before and after.

    Attributes:
        calls: The number of calls.
        changed: The number of calls that change.
        worse: The number of successful calls that would have failed.
        better: The number of failed calls that would have succeeded.
        requests: The attempts, before and after.
        seconds: The durations of all calls that ended, before and after.
        waited: The waits of the same calls, before and after, in seconds.
    """

    calls: int
    changed: int
    worse: int
    better: int
    requests: tuple[int, int]
    seconds: tuple[float, float]
    waited: tuple[float, float]

    @classmethod
    def of(cls, played: Sequence[Replayed]) -> Totals:
        """Add calls up."""
        ended = [each for each in played if each.call.duration is not None]
        return cls(
            calls=len(played),
            changed=sum(is_changed(each) for each in played),
            worse=sum(each.is_worse for each in played),
            better=sum(each.is_better for each in played),
            requests=(sum(len(each.call.attempts) for each in played), sum(each.attempts for each in played)),
            seconds=(sum(each.call.duration or 0.0 for each in ended), sum(each.duration for each in ended)),
            waited=(sum(each.call.waited for each in ended), sum(each.waited for each in ended)),
        )


@frozen(kw_only=True)
class ReplayedRecording:
    """
    All calls of a recording under another policy.

    Attributes:
        played: The calls that could be played.
        skipped: The calls that could not be played, with the reasons.
        undecided: The calls with too few recorded facts, with the reasons.
        endless: The calls that no limit of the policy would end, with the reasons.
    """

    played: tuple[Replayed, ...] = field(repr=False)
    skipped: tuple[tuple[RecordedCall, str], ...] = ()
    undecided: tuple[tuple[RecordedCall, str], ...] = ()
    endless: tuple[tuple[RecordedCall, str], ...] = ()

    @property
    def changed(self) -> list[Replayed]:
        """The calls that change."""
        return [each for each in self.played if is_changed(each)]

    @property
    def worse(self) -> list[Replayed]:
        """The successful calls that would have failed."""
        return [each for each in self.played if each.is_worse]

    @property
    def operations(self) -> list[tuple[str | None, str]]:
        """Provider and name of each operation, in the order of the calls."""
        return list(dict.fromkeys((each.call.provider, each.call.operation) for each in self.played))

    def of(self, operation: str, provider: str | None) -> Totals:
        """Add the calls of one operation up."""
        return Totals.of(
            [each for each in self.played if (each.call.operation, each.call.provider) == (operation, provider)]
        )

    @property
    def total(self) -> Totals:
        """The sums over all calls."""
        return Totals.of(self.played)

    @property
    def assumptions(self) -> list[tuple[Assumption, int]]:
        """The assumptions with the number of their calls, the most first."""
        return Counter(word for each in self.played for word in each.assumptions).most_common()


@frozen
class RulePlace:
    """The id of the deciding rule, and its place as ``file:line``."""

    rule: str | None
    place: str | None


def is_changed(each: Replayed) -> bool:
    """Tell whether a call changes."""
    return bool(each.differences) or each.ends_otherwise


def rule_place(decision: Decision | None) -> RulePlace:
    """Return the rule of a decision, with its place."""
    rule = None if decision is None else decision.rule
    origin = None if rule is None else rule.origin
    return RulePlace(None if rule is None else rule.id, None if origin is None else f"{origin.file}:{origin.line}")


def _hides_backoff(attempt: RecordedAttempt) -> bool:
    return attempt.delay > 0 and attempt.backoff is None


def notes(replays: ReplayedRecording, policy: Policy) -> Iterator[str]:
    """Yield notes: another environment, and abilities that the recording does not show."""
    calls = [each.call for each in replays.played]
    envs = {call.env for call in calls}
    if envs and envs != {policy.env}:
        were, now = " and ".join(sorted(str(env or "no environment") for env in envs)), policy.env or "no environment"
        yield f"recorded under {were}, replayed under {now}; --env chooses"
    if calls and {call.policy_hash for call in calls} == {policy.digest}:
        yield "this is the policy of the recording itself"
    if any(_hides_backoff(each) for call in calls for each in call.attempts):
        yield "spans do not record the draws of waits: a wait that this policy could have drawn is kept"
    ends = {each.stop_reason for each in replays.played if each.ends_otherwise}
    if "unverified" in ends:
        yield "the recording shows no verifier for some of these operations; --verifier if there is one"
    if "no_credentials" in ends:
        yield "the recording shows no refresh of these credentials; --credentials if there is a source"
