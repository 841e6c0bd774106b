"""Hints for the keys of other libraries: the key to write here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from resilience.core.policy import VERBS
from resilience.policyfile.messages.wording import quoted

_ACTION: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("action", "verb", "type", "kind"), ("do", 'did you mean "do", as in do = "retry"?')),
    **{verb: ("do", f'write do = "{verb}"') for verb in VERBS},
    "always": ("if", 'write if = "always"'),
    "dry_run": ("as", 'write as = "dry_run"'),
    **dict.fromkeys(("messages", "text", "contains", "matches"), ("message", 'write message = "..."')),
    **dict.fromkeys(("during", "duration", "timeout", "lasts"), ("for", 'did you mean "for", as in for = "15m"?')),
    **dict.fromkeys(
        ("attempts", "max_attempts", "retries", "max_retries", "times"),
        ("max", 'did you mean "max", the uses of this action in one call?'),
    ),
}
_BACKOFF: Final = {
    **dict.fromkeys(
        ("delay", "wait", "interval", "initial", "initial_delay", "min"),
        ("base", 'did you mean "base", the first wait?'),
    ),
    **dict.fromkeys(("max", "max_delay", "max_wait", "maximum"), ("cap", 'did you mean "cap", the longest wait?')),
    **dict.fromkeys(("multiplier", "exponent", "rate"), ("factor", 'did you mean "factor"?')),
    **dict.fromkeys(("random", "randomize"), ("jitter", 'write jitter = "full"')),
}
_OPERATION: Final = {
    **dict.fromkeys(
        ("keys", "id", "ids", "fields"), ("key", 'did you mean "key", the fields that name what it makes?')
    ),
    **dict.fromkeys(("verify", "verifier", "read"), ("read_back", 'did you mean "read_back", the operation to ask?')),
    **dict.fromkeys(("idempotent", "retry", "on_repeat"), ("repeat", 'did you mean "repeat", what a second one does?')),
    **dict.fromkeys(("required", "answer"), ("requires", 'did you mean "requires", the fields of a good answer?')),
    **dict.fromkeys(("regex", "match", "regexp"), ("pattern", 'did you mean "pattern"?')),
    **dict.fromkeys(("max", "length", "max_len"), ("max_length", 'did you mean "max_length"?')),
}
_OTHER_NAMES: Final = {"actions": _ACTION, "backoff": _BACKOFF, "operations": _OPERATION}


def key_hint(table: str, name: str, key: str, known: Collection[str]) -> str:
    """
    Return a hint for an unknown key that another library has; an empty text for any other key.

    Args:
        table: ``actions``, also for the table of a rule, ``backoff`` or ``operations``; any other has no hints.
        name: The name after it; empty for a rule.
        key: The unknown key.
        known: The valid keys.
    """
    if (table, key) == ("actions", "effect") and name:
        return f'; an effect belongs in the rule, as in {{ do = {quoted(name)}, effect = "none" }}'
    if (table, key) == ("actions", "message") and name:
        return f'; a message belongs in the rule, as in {{ do = {quoted(name)}, message = "retry later" }}'
    instead, how = _OTHER_NAMES.get(table, {}).get(key, ("", ""))
    if instead not in known and key == "delay" and "delays" in known:
        return '; did you mean "delays", as in ["1s", "5s"]?'
    return f"; {how}" if instead in known else ""
