"""
Reads policies: TOML files in, one checked :class:`Policy` out.

tomli parses the files. A scanner finds positions only when a message needs one. An error reports all problems of all
files at once.
"""

from resilience.policyfile.messages.ids import TITLES
from resilience.policyfile.messages.problems import PolicyError, Problem
from resilience.policyfile.policy import Policy, check

__all__ = ["TITLES", "Policy", "PolicyError", "Problem", "check"]
