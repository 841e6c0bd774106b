"""Operations that the policy describes, and what cannot be done with them as it says."""

from __future__ import annotations

from collections.abc import Iterator

from resilience.core.advice import unremembered
from resilience.core.policy import METHODS
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.view import View
from resilience.policyfile.problems import Problem


def forgotten(view: View) -> Iterator[Problem]:
    """RP075: with a ledger, an operation that nothing can remember."""
    if view.policy.ledger is None:
        return
    for provider, operations in view.policy.operations.items():
        for name, said in operations.items():
            operation = (provider, name)
            # What the policy calls by no name is no operation that it could remember; the end of a run says so.
            if name in METHODS and said.is_assumed:
                continue
            is_apart = said.key == () and not said.unique
            if view.repeat(operation) == "safe" or is_apart or said.unique or view.key(operation):
                continue
            table = ("sources", provider, "operations") if said.is_assumed else ("operations", provider)
            message = unremembered(view.subject(operation))
            yield view.problem((*table, name), ids.UNREMEMBERED, message, at="key")
