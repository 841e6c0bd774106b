"""Finds the differences in effect between two policies."""

from __future__ import annotations

from attrs import frozen

from resilience.cli.diff.rule_changes import RuleChange, rule_changes
from resilience.cli.diff.setting_changes import SettingChange, setting_changes
from resilience.policyfile import Policy


@frozen(kw_only=True)
class PolicyDifference:
    """All differences between two policies."""

    settings: tuple[SettingChange, ...]
    changes: tuple[RuleChange, ...]

    def __bool__(self) -> bool:
        """Tell whether the policies differ."""
        return bool(self.settings or self.changes)


def compare(before: Policy, after: Policy) -> PolicyDifference:
    """Return the differences between two policies, for every known operation and code."""
    return PolicyDifference(settings=tuple(setting_changes(before, after)), changes=tuple(rule_changes(before, after)))
