"""The words for every stop reason, for commands, notes, logs and spans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from resilience.core.decision import StopReason


@frozen(kw_only=True)
class StopWords:
    """
    The words for one stop reason.

    Attributes:
        meaning: The meaning in a few words, for commands.
        failed: The sentence for logs and spans, with ``{attempts}``; None if such a call has not failed.
        note: The sentence for the note on an exception: the meaning, and what to do; None if the attempts say enough.
    """

    meaning: str
    failed: str | None = None
    note: str | None = None


STOP_WORDS: Final[Mapping[StopReason, StopWords]] = {
    "success": StopWords(meaning="it succeeded"),
    "accepted": StopWords(meaning="taken for a success"),
    "dry_run": StopWords(meaning="a dry run, which created nothing"),
    "rule": StopWords(meaning="the rule says so", failed="a rule says fail, after {attempts}"),
    "unknown": StopWords(
        meaning="no rule matches",
        failed="no rule for this fault, after {attempts}",
        note="no rule matches: this code needs a rule in the policy before anything is done about it",
    ),
    "max": StopWords(
        meaning="max or for of the action is used up",
        failed="retries exhausted after {attempts}: an action was used as often as it may be",
        note="the action of the rule has been used as often as it may be",
    ),
    "attempts": StopWords(
        meaning="max_attempts is used up", failed="retries exhausted after {attempts}", note="max_attempts is used up"
    ),
    "deadline": StopWords(
        meaning="there is no time left",
        failed="deadline reached after {attempts}",
        note="the next wait or attempt would not have ended before the deadline",
    ),
    "unverified": StopWords(
        meaning="it may exist, and there is no verifier to ask",
        failed="an attempt may have taken effect, and no verifier could tell, after {attempts}",
        note="it may have happened already, and a repeat would do it twice",
    ),
    "not_ours": StopWords(
        meaning="no attempt of ours can have made it",
        failed="it exists already, and is not known to be ours, after {attempts}",
        note="it was there before this call, which cannot have made it; look whose it is. In the policy, "
        'if = "always" accepts it from any maker, with the reason in [lint] if check asks for one',
    ),
    "remedy": StopWords(meaning="the remedy is impossible or failed", failed="a remedy failed, after {attempts}"),
    "no_credentials": StopWords(
        meaning="there is no source of credentials", failed="no source of new credentials, after {attempts}"
    ),
    "budget": StopWords(
        meaning="the retry budget is used up",
        failed="retry budget exhausted after {attempts}",
        note="other calls have used up the retries that all calls of this provider may make together: [budget] in the "
        "policy",
    ),
    "breaker": StopWords(
        meaning="the breaker is open",
        failed="refused by an open breaker, after {attempts}",
        note="nothing was sent, because too many calls before this one have failed, or because a person has opened the "
        "breaker: [breaker] in the policy",
    ),
    "rate": StopWords(meaning="the rate limit left no time", failed="refused by a rate limit, after {attempts}"),
    "ledger": StopWords(
        meaning="the ledger could not be used", failed="the ledger could not be used, after {attempts}"
    ),
    "state": StopWords(
        meaning="the state that processes share could not be used",
        failed="the state that processes share could not be used, after {attempts}",
    ),
    "inner": StopWords(
        meaning="a policy inside has decided it",
        failed="decided by an inner call, after {attempts}",
        note="a call inside this one has been decided by its own policy",
    ),
    "cancelled": StopWords(meaning="it was cancelled"),
}
