"""
Judges policies that load: what will surprise, what cannot work, what no person would mean.

Each rule has a stable id; ``resilience rule RP014`` explains it. A rule looks at one environment
of a policy, as values and through the very matching code that answers faults, and knows for
each value the file and the line that set it. What the machine makes safe is no finding.
"""

from resilience.policyfile.lint.inspection import inspect, inspect_text
from resilience.policyfile.lint.registry import LINT_TITLES

__all__ = ["LINT_TITLES", "inspect", "inspect_text"]
