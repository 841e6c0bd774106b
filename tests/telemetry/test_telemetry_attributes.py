from __future__ import annotations

from functools import partial

from attrs import evolve
from scripted_calls import THROTTLED

from resilience.core.fault import Origin
from resilience.telemetry.attributes import rule_attributes


def test_where_a_rule_stands_is_found_once() -> None:
    """To find a line takes longer than all else that is told of a rule, and what is told of one call stays its own."""
    asked = []

    def locate() -> Origin:
        asked.append(1)
        return Origin("policies/prod.toml", 12, 5)

    located = evolve(THROTTLED, locate=locate)
    for _ in range(3):
        attributes = rule_attributes(located)
        assert attributes.pop("resilience.rule.origin") == "policies/prod.toml:12"
    assert len(asked) == 1


def test_rules_without_end_are_each_told_as_what_they_are() -> None:
    """Policies that come and go give each rule its own line, also where a new rule takes the place of an old one."""
    for line in range(1, 3000):
        moved = evolve(THROTTLED, locate=partial(Origin, "policies/prod.toml", line, 1))
        assert rule_attributes(moved)["resilience.rule.origin"] == f"policies/prod.toml:{line}"
