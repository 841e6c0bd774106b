"""Leases of a ledger that do not fit the rest of the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resilience.core.grammar.durations import written
from resilience.policyfile.files.positions import KeyPath
from resilience.policyfile.lint import ids
from resilience.policyfile.lint.view import View
from resilience.policyfile.messages.problems import Problem

_LEASE: Final[KeyPath] = ("ledger", "lease")
# An attempt is cut short when a tenth of its lease is left.
_PART: Final = 0.9


def short_lease(view: View) -> Iterator[Problem]:
    """RP085: an attempt may take longer than the lease of its key."""
    ledger, timeout = view.policy.ledger, view.policy.limits.attempt_timeout
    if ledger is None or ledger.url is None or (timeout is not None and timeout <= ledger.lease * _PART):
        return
    longest = "an attempt has no timeout of its own" if timeout is None else f"an attempt may take {written(timeout)}"
    message = (
        f"{longest}, and is cut short before the lease of its key ends, {written(ledger.lease)}; set attempt_timeout "
        f"to at most {written(ledger.lease * _PART)}, or a longer lease"
    )
    yield view.problem(view.latest(("limits", "attempt_timeout"), _LEASE, ("ledger", "url")), ids.SHORT_LEASE, message)


def idle_lease(view: View) -> Iterator[Problem]:
    """RP086: a lease without a server."""
    ledger = view.policy.ledger
    if ledger is not None and ledger.url is None and view.stack.setter(_LEASE) is not None:
        message = "a ledger in a file has no leases: the system frees its keys when a process dies; only a url has them"
        yield view.problem(_LEASE, ids.IDLE_LEASE, message, at="key")
