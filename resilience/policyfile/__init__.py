"""
Reads policies: TOML files in, one checked :class:`Policy` out.

A file is judged by tomli; positions come from a scanner of our own that runs only
when there is something to point at. All problems of all files are reported at once.
"""

from resilience.policyfile.messages.ids import TITLES
from resilience.policyfile.messages.problems import PolicyError, Problem
from resilience.policyfile.policy import Policy, check

__all__ = ["TITLES", "Policy", "PolicyError", "Problem", "check"]
