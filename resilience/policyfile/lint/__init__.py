"""
Checks policies that load for settings that surprise, cannot work, or are probably mistakes.

Each lint rule has a stable id; ``resilience rule RP014`` explains it. A lint rule sees the values of one environment,
matches faults with the code of the executor, and knows file and line of each value. A setting that the executor makes
safe is no finding.
"""

from resilience.policyfile.lint.inspection import inspect, inspect_text
from resilience.policyfile.lint.registry import LINT_TITLES

__all__ = ["LINT_TITLES", "inspect", "inspect_text"]
